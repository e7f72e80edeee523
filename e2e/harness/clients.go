package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Clients are official clients of providers, installed by their pins, and a
// script that makes the calls of a plan with them.
type Clients struct {
	name string
	dir  string // where it runs
	argv []string
}

// PythonClients returns the official Python clients, fetched at the first use. Its
// error is a *Missing.
func (k *Kit) PythonClients(ctx context.Context) (*Clients, error) {
	return k.pyClients.get(func() (*Clients, error) {
		python, err := k.venv(ctx, wheels{folder: "sdk", cache: "pip", what: "the official Python clients, 40 MB"})
		if err != nil {
			return nil, &Missing{"the official Python clients", err}
		}
		return &Clients{name: "python", dir: k.root, argv: []string{python, filepath.Join(k.root, "e2e", "sdk", "openai_calls.py")}}, nil
	})
}

// NodeClients returns the npm clients, fetched at the first use. Its error is a
// *Missing, also where there is no Node or npm.
func (k *Kit) NodeClients(ctx context.Context) (*Clients, error) {
	return k.npmClients.get(func() (*Clients, error) {
		node, err := exec.LookPath("node")
		if err == nil {
			_, err = exec.LookPath("npm")
		}
		if err != nil {
			return nil, &Missing{"Node.js 18.17 or newer and npm, which run the npm clients", err}
		}
		dir, err := k.npm(ctx)
		if err != nil {
			return nil, &Missing{"the npm clients", err}
		}
		return &Clients{name: "node", dir: dir, argv: []string{node, filepath.Join(k.root, "e2e", "sdk", "calls.mjs")}}, nil
	})
}

// With are the same clients with another script of e2e/sdk.
func (c *Clients) With(script string) *Clients {
	argv := slices.Clone(c.argv)
	last := len(argv) - 1
	argv[last] = filepath.Join(filepath.Dir(argv[last]), script)
	return &Clients{name: c.name, dir: c.dir, argv: argv}
}

// npm installs e2e/sdk/package-lock.json into a folder named by its content. The
// folder appears whole or not at all, and one process at a time fetches.
func (k *Kit) npm(ctx context.Context) (string, error) {
	files := map[string][]byte{"package.json": nil, "package-lock.json": nil, ".npmrc": nil}
	for name := range files {
		var err error
		if files[name], err = os.ReadFile(filepath.Join(k.root, "e2e", "sdk", name)); err != nil {
			return "", fmt.Errorf("read the pins: %w", err)
		}
	}
	sum := sha256.Sum256(files["package-lock.json"])
	home := filepath.Join(k.Cache("npm"), hex.EncodeToString(sum[:6]))
	return home, k.exclusively("npm.lock", func() error {
		if _, err := os.Stat(home); err == nil {
			return nil
		}
		k.say("fetching the npm clients, 90 MB, into %s (once)", k.Cache("npm"))
		fresh, err := k.fresh("npm")
		if err != nil {
			return err
		}
		defer os.RemoveAll(fresh) // it is gone when all went well
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(fresh, name), text, 0o644); err != nil {
				return err
			}
		}
		if err := k.run(ctx, nil, "npm", "ci", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
			return fmt.Errorf("%w; it takes an npm registry that npm can reach", err)
		}
		return os.Rename(fresh, home)
	})
}

// Run makes the calls of a plan in one process and decodes the result of each, in
// order, into a T. The process sees nothing of our environment but the path.
func Run[T any](ctx context.Context, c *Clients, plan any) ([]T, error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("write the plan of %s: %w", c.name, err)
	}
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1"}
	cmd.Stdin = bytes.NewReader(text)
	cmd.SysProcAttr = attributes()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("run the plan of %s: %w: %s", c.name, err, exit.Stderr)
	} else if err != nil {
		return nil, fmt.Errorf("run the plan of %s: %w", c.name, err)
	}
	var results []T
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var r T
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, fmt.Errorf("read a result of %s, %q: %w", c.name, line, err)
		}
		results = append(results, r)
	}
	return results, nil
}
