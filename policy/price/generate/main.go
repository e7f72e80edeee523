// Command generate makes the built-in price table. Two pinned packages that
// collect public list prices come in, litellm and genai-prices, facts only:
// models, rates, conditions, dates, limits. policy/price/prices.csv.gz,
// policy/capacity/capacity.csv.gz and the report of what was doubted,
// docs/prices-lint.md, go out, the same byte for byte whenever the pins are the
// same. It refuses to know what a call is, and decides nothing
// that the report does not say.
//
// Run it in the checkout, with `make prices`. It takes Python 3.10 or newer with
// pip, and a package index the first time.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/farebox/farebox/policy/price"
)

// asOf is the day of the pins: which of dated prices is the one of now.
const asOf = "2026-11-20"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := checkout()
	if err != nil {
		return err
	}
	s, err := fetch(ctx, root)
	if err != nil {
		return err
	}
	files, summary, err := made(s)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			return fmt.Errorf("write what was made: %w", err)
		}
	}
	fmt.Print(summary)
	return nil
}

// made is each file that goes out, by its name in the checkout, and a summary.
func made(s *sources) (files map[string][]byte, summary string, err error) {
	day, err := time.Parse(time.DateOnly, asOf)
	if err != nil {
		return nil, "", err
	}
	m := &merger{asOf: day.Add(12 * time.Hour)}
	if err := m.read(s); err != nil {
		return nil, "", err
	}
	rows := m.merge()
	if _, err := price.New(rows); err != nil {
		return nil, "", fmt.Errorf("check the table: %w", err)
	}
	table, err := packed(func(w io.Writer) error { return price.WriteCSV(w, rows) })
	if err != nil {
		return nil, "", err
	}
	l, err := makeLimits(s, rows)
	if err != nil {
		return nil, "", err
	}
	known, err := l.pack()
	if err != nil {
		return nil, "", err
	}
	return map[string][]byte{
		"policy/price/prices.csv.gz":      table,
		"policy/capacity/capacity.csv.gz": known,
		"docs/prices-lint.md":             append(m.report(rows), l.report()...),
	}, m.summary(rows), nil
}

// checkout is the nearest folder upwards with a go.mod.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("find the checkout: no go.mod in %s or above", dir)
		}
	}
}

// packed is a table, compressed, without a time stamp.
func packed(write func(io.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := write(z); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack the table: %w", err)
	}
	return out.Bytes(), nil
}
