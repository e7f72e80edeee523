package capacity

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
)

// generated is made by policy/price/generate of the sources that it pins, which
// are those of prices.
//
//go:embed capacity.csv.gz
var generated []byte

// overlay holds what is kept by hand. A figure here takes the place of the
// generated one of the same provider and model.
//
//go:embed overlay.csv
var overlay string

// Builtin reads the limits that the program carries: the generated table under
// the overlay, and what makers say of pictures.
func Builtin() ([]Row, error) {
	z, err := gzip.NewReader(bytes.NewReader(generated))
	if err != nil {
		return nil, fmt.Errorf("read built-in limits: %w", err)
	}
	rows, err := ReadCSV(io.LimitReader(z, maxTable))
	if err != nil {
		return nil, fmt.Errorf("read built-in limits: %w", err)
	}
	own, err := ReadCSV(strings.NewReader(overlay))
	if err != nil {
		return nil, fmt.Errorf("read the overlay of built-in limits: %w", err)
	}
	rows = over(rows, own)
	for i := range rows {
		rows[i].picture()
	}
	return rows, nil
}

// over puts what own knows over rows, of which it takes aliases and what it does
// not know.
func over(rows, own []Row) []Row {
	at := make(map[[2]string]int, len(rows))
	for i := range rows {
		at[rows[i].key()] = i
	}
	for i := range own {
		r := own[i]
		j, ok := at[r.key()]
		if !ok {
			rows = append(rows, r)
			continue
		}
		have := &rows[j]
		have.Limit = r.Or(have.Limit)
		if have.Source != "" {
			have.Source += "; "
		}
		have.Source += r.Source
	}
	return rows
}

func (r *Row) key() [2]string { return [2]string{r.Provider, strings.ToLower(r.Model)} }
