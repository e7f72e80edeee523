package capacity

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxTable bounds a table as text, in bytes.
const maxTable = 16 << 20

// columns are those of a table, in order. An empty cell of tokens is not known.
var columns = []string{"provider", "model", "aliases", "terms", "window", "output", "picture", "source"}

const resold = "resold" // the one word of terms

// ReadCSV reads rows under a header with the columns that WriteCSV writes. Lines
// that begin with # are comments.
func ReadCSV(in io.Reader) ([]Row, error) {
	r := csv.NewReader(io.LimitReader(in, maxTable))
	r.Comment, r.ReuseRecord, r.FieldsPerRecord = '#', true, len(columns)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read limits: %w", err)
	}
	if !slices.Equal(head, columns) {
		return nil, fmt.Errorf("read limits: columns %v, want %v", head, columns)
	}
	var rows []Row
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read limits: %w", err)
		}
		row := Row{Provider: line[0], Model: line[1], Aliases: strings.Fields(line[2]), Resold: line[3] == resold, Source: line[7]}
		for i, to := range []*int64{&row.Window, &row.Output, &row.Picture} {
			if *to, err = tokens(line[4+i]); err != nil {
				at, _ := r.FieldPos(4 + i)
				return nil, fmt.Errorf("read limits: line %d, column %s: %w", at, columns[4+i], err)
			}
		}
		rows = append(rows, row)
	}
}

// tokens reads a figure above 0; an empty one is not known.
func tokens(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > MaxTokens {
		return 0, fmt.Errorf("%.20q, want 1 to %d, or nothing where it is not known", s, MaxTokens)
	}
	return n, nil
}

// WriteCSV writes what ReadCSV reads, in the order given.
func WriteCSV(out io.Writer, rows []Row) error {
	w := csv.NewWriter(out)
	err := w.Write(columns)
	for i := range rows {
		r := &rows[i]
		terms := ""
		if r.Resold {
			terms = resold
		}
		line := []string{r.Provider, r.Model, strings.Join(r.Aliases, " "), terms, text(r.Window), text(r.Output), text(r.Picture), r.Source}
		err = errors.Join(err, w.Write(line))
	}
	w.Flush()
	if err = errors.Join(err, w.Error()); err != nil {
		return fmt.Errorf("write limits: %w", err)
	}
	return nil
}

func text(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
