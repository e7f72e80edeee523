package harness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// OldestEnvoy is the first minor version of Envoy 1 that the shipped
// configuration is made for.
const OldestEnvoy = 40

const elsewhere = "the pinned parts are wheels for Linux on x86_64, and this is %s on %s; set ENVOY to an Envoy 1.%d or newer for what needs no model"

// Envoy returns the binary: $ENVOY, or envoy on the path if it is new enough,
// or the pinned one, fetched at the first use. Its error is a *Missing.
func (k *Kit) Envoy(ctx context.Context) (string, error) {
	return k.envoy.get(func() (string, error) {
		if path := os.Getenv("ENVOY"); path != "" {
			if err := suits(ctx, path); err != nil {
				return "", &Missing{"envoy", fmt.Errorf("use $ENVOY: %w", err)}
			}
			return path, nil
		}
		if path, err := exec.LookPath("envoy"); err == nil && suits(ctx, path) == nil {
			return path, nil
		}
		python, err := k.Python(ctx)
		if err != nil {
			return "", &Missing{"envoy", err}
		}
		pattern := filepath.Join(filepath.Dir(filepath.Dir(python)), "lib", "python3*", "site-packages", "envoy", "_bin", "envoy")
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) != 1 {
			return "", &Missing{"envoy", errors.New("the fetched parts have none; remove " + k.Cache("parts") + " and try again")}
		}
		return found[0], nil
	})
}

var envoyVersion = regexp.MustCompile(`/1\.(\d+)\.\d+`)

// suits asks an Envoy for its version.
func suits(ctx context.Context, path string) error {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", path, err)
	}
	m := envoyVersion.FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("ask %s for its version: it said %q", path, out)
	}
	if minor, err := strconv.Atoi(string(m[1])); err != nil || minor < OldestEnvoy {
		return fmt.Errorf("use %s: it is 1.%s, older than 1.%d", path, m[1], OldestEnvoy)
	}
	return nil
}

// Python returns an interpreter that has the pinned parts, fetched at the first
// use. Its error is a *Missing.
func (k *Kit) Python(ctx context.Context) (string, error) {
	return k.python.get(func() (string, error) {
		path, err := k.venv(ctx, wheels{folder: "model", cache: "parts", what: "Envoy and the test model, 160 MB"})
		if err != nil {
			return "", &Missing{"the test model and Envoy", err}
		}
		return path, nil
	})
}

// wheels are what a requirements.txt below e2e names.
type wheels struct {
	folder string // of the requirements.txt
	cache  string // where they go
	what   string // they are, and how large
}

// venv installs wheels into a folder named by the content of their
// requirements.txt and returns its interpreter. The folder appears whole or not at
// all, and one process at a time fetches.
func (k *Kit) venv(ctx context.Context, w wheels) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf(elsewhere, runtime.GOOS, runtime.GOARCH, OldestEnvoy)
	}
	pins, home, err := k.home(w)
	if err != nil {
		return "", err
	}
	python := filepath.Join(home, "bin", "python")
	return python, k.exclusively(w.cache+".lock", func() error {
		if _, err := os.Stat(python); err == nil {
			return nil
		}
		k.say("fetching %s, into %s (once)", w.what, k.Cache(w.cache))
		fresh, err := k.fresh(w.cache)
		if err != nil {
			return err
		}
		defer os.RemoveAll(fresh) // it is gone when all went well
		if err := k.run(ctx, nil, "python3", "-m", "venv", fresh); err != nil {
			return fmt.Errorf("%w; it takes Python 3.11 or newer with venv (Debian: apt-get install python3-venv)", err)
		}
		err = k.run(ctx, nil, filepath.Join(fresh, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-input", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", pins)
		if err != nil {
			return fmt.Errorf("%w; it takes a package index that pip can reach", err)
		}
		return os.Rename(fresh, home)
	})
}

// home is where wheels go, beside the path of what pins them.
func (k *Kit) home(w wheels) (pins, home string, err error) {
	pins = filepath.Join(k.root, "e2e", w.folder, "requirements.txt")
	text, err := os.ReadFile(pins)
	if err != nil {
		return "", "", fmt.Errorf("read the pins: %w", err)
	}
	sum := sha256.Sum256(text)
	return pins, filepath.Join(k.Cache(w.cache), hex.EncodeToString(sum[:6])), nil
}

// fresh makes a folder of its own below a cache, for what is not whole yet.
func (k *Kit) fresh(cache string) (string, error) {
	if err := os.MkdirAll(k.Cache(cache), 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(k.Cache(cache), "fetching-")
}

// exclusively runs do while no other process does under the same name.
func (k *Kit) exclusively(name string, do func() error) error {
	if err := os.MkdirAll(k.Cache(""), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	f, err := os.OpenFile(k.Cache(name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open the lock: %w", err)
	}
	defer f.Close() // unlocks
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		k.say("another process is at it, waiting for %s", k.Cache(name))
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
	}
	return do()
}

// run runs a tool in the checkout. What it said is in the error.
func (k *Kit) run(ctx context.Context, env []string, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = k.root
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run %s %s: %w: %s", name, args[0], err, strings.TrimSpace(string(out[max(0, len(out)-4000):])))
	}
	return nil
}
