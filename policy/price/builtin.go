package price

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
)

// generated is made by policy/price/generate of the sources that it pins.
//
//go:embed prices.csv.gz
var generated []byte

// overlay holds the rows that are kept by hand. A row here takes the place of
// the generated one with the same id.
//
//go:embed overlay.csv
var overlay string

// Builtin reads the list prices that the program carries, sorted by id: the
// generated table under the overlay.
func Builtin() ([]Row, error) {
	z, err := gzip.NewReader(bytes.NewReader(generated))
	if err != nil {
		return nil, fmt.Errorf("read builtin prices: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read builtin prices: %w", err)
	}
	rows, err := ReadCSV(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read builtin prices: %w", err)
	}
	own, err := ReadCSV(strings.NewReader(overlay))
	if err != nil {
		return nil, fmt.Errorf("read the overlay of builtin prices: %w", err)
	}
	return Overlay(rows, own), nil
}

// Overlay puts rows over others: a row takes the place of the one with the same
// id. The result is sorted by id, and neither argument is changed.
func Overlay(under, over []Row) []Row {
	mine := make(map[string]bool, len(over))
	for i := range over {
		mine[over[i].ID] = true
	}
	all := make([]Row, 0, len(under)+len(over))
	for i := range under {
		if !mine[under[i].ID] {
			all = append(all, under[i])
		}
	}
	all = append(all, over...)
	SortRows(all)
	return all
}
