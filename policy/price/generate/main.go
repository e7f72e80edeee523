// Command generate makes the built-in price table. Two pinned packages that
// collect public list prices come in, litellm and genai-prices, facts only:
// models, rates, conditions, dates. policy/price/prices.csv.gz and the report of
// what was doubted, docs/prices-lint.md, go out, the same byte for byte whenever
// the pins are the same. It refuses to know what a call is, and decides nothing
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
	day, err := time.Parse(time.DateOnly, asOf)
	if err != nil {
		return err
	}
	m := &merger{asOf: day.Add(12 * time.Hour)}
	if err := m.read(s); err != nil {
		return err
	}
	rows := m.merge()
	if _, err := price.New(rows); err != nil {
		return fmt.Errorf("check the table: %w", err)
	}
	table, err := pack(rows)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "policy", "price", "prices.csv.gz"), table, 0o644); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	report := m.report(rows)
	if err := os.WriteFile(filepath.Join(root, "docs", "prices-lint.md"), report, 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	fmt.Print(m.summary(rows))
	return nil
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

// pack writes the table, compressed, without a time stamp.
func pack(rows []price.Row) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if err := price.WriteCSV(z, rows); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack the table: %w", err)
	}
	return out.Bytes(), nil
}
