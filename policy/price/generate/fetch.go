package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sources are the two files of prices.
type sources struct {
	litellm []byte // litellm's JSON
	genai   []byte // genai-prices' data as JSON
	pins    []string
}

const (
	litellmFile = "litellm/model_prices_and_context_window_backup.json"
	genaiFile   = "genai_prices/data.py"
	maxFile     = 64 << 20
)

// fetch downloads the pinned wheels into .cache, once, and reads what is wanted
// of them. Nothing of them is installed, and of litellm nothing is run.
func fetch(ctx context.Context, root string) (*sources, error) {
	here := filepath.Join(root, "policy", "price", "generate")
	pins, err := os.ReadFile(filepath.Join(here, "requirements.txt"))
	if err != nil {
		return nil, fmt.Errorf("read the pins: %w", err)
	}
	sum := sha256.Sum256(pins)
	home := filepath.Join(root, ".cache", "prices", hex.EncodeToString(sum[:6]))
	if err := download(ctx, here, home); err != nil {
		return nil, err
	}
	s := &sources{pins: pinned(string(pins))}
	if s.litellm, err = member(home, "litellm-*.whl", litellmFile); err != nil {
		return nil, err
	}
	data, err := member(home, "genai_prices-*.whl", genaiFile)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(home, "data.py")
	if err := os.WriteFile(script, data, 0o644); err != nil {
		return nil, fmt.Errorf("unpack genai-prices: %w", err)
	}
	s.genai, err = run1(ctx, here, "python3", filepath.Join(here, "export.py"), script)
	return s, err
}

// download fills home, whole or not at all.
func download(ctx context.Context, here, home string) error {
	if _, err := os.Stat(home); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(home), "fetching-")
	if err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	defer os.RemoveAll(fresh) // it is gone when all went well
	fmt.Println("fetching litellm and genai-prices, 44 MB, into .cache (once)")
	_, err = run1(ctx, here, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
		"--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", filepath.Join(here, "requirements.txt"), "-d", fresh)
	if err != nil {
		return err
	}
	return os.Rename(fresh, home)
}

// run1 runs a tool and returns its output; what it complained of is in the error.
func run1(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		text := strings.TrimSpace(complaint.String())
		return nil, fmt.Errorf("run %s %s: %w: %s", name, filepath.Base(args[0]), err, text[max(0, len(text)-2000):])
	}
	return out.Bytes(), nil
}

// member reads one file of the only wheel that matches.
func member(home, pattern, file string) ([]byte, error) {
	wheels, err := filepath.Glob(filepath.Join(home, pattern))
	if err != nil || len(wheels) != 1 {
		return nil, fmt.Errorf("find %s in %s: %d found; remove the folder and try again", pattern, home, len(wheels))
	}
	z, err := zip.OpenReader(wheels[0])
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", wheels[0], err)
	}
	defer z.Close()
	f, err := z.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", wheels[0], err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", file, wheels[0], err)
	}
	return data, nil
}

// pinned lists the "name==version" lines.
func pinned(text string) (pins []string) {
	for line := range strings.Lines(text) {
		if name, _, found := strings.Cut(strings.TrimSpace(line), " "); found && strings.Contains(name, "==") && name[0] != '#' {
			pins = append(pins, strings.Replace(name, "==", " ", 1))
		}
	}
	return pins
}
