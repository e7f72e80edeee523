package price

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

//go:embed data.csv
var data string

// Builtin reads the list prices that the program carries. An id is made of what
// tells rows apart: provider/model, then the conditions that are set.
func Builtin() ([]Row, error) {
	rows, err := readCSV(strings.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read builtin prices: %w", err)
	}
	return rows, nil
}

// readCSV reads rows under a header that names the columns. Columns of rates are
// named as classes are and hold decimal USD per million tokens.
func readCSV(in io.Reader) ([]Row, error) {
	r := csv.NewReader(in)
	r.Comment = '#'
	r.ReuseRecord = true
	first, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	header := append([]string(nil), first...)
	var rows []Row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		row, err := readRow(header, cells)
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("read line %d: %w", line, err)
		}
		rows = append(rows, row)
	}
}

func readRow(header, cells []string) (Row, error) {
	var r Row
	for i, column := range header {
		if err := r.setCell(column, cells[i]); err != nil {
			return Row{}, fmt.Errorf("read column %s: %w", column, err)
		}
	}
	r.ID = r.id()
	return r, nil
}

// setCell reads one cell; an empty one says nothing.
func (r *Row) setCell(column, cell string) (err error) {
	if cell == "" {
		return nil
	}
	switch column {
	case "provider":
		r.Provider = cell
	case "developer":
		r.Developer = cell
	case "model":
		r.Model = cell
	case "source":
		r.Source = cell
	case "tier":
		r.Tier = cell
	case "above":
		r.Above, err = strconv.ParseInt(cell, 10, 64)
	case "from":
		r.From, err = time.Parse(time.DateOnly, cell)
	case "until":
		r.Until, err = time.Parse(time.DateOnly, cell)
	case "terms":
		err = r.setTerms(cell)
	default:
		err = r.setRate(column, cell)
	}
	return err
}

func (r *Row) setTerms(terms string) error {
	switch terms {
	case "free":
		r.Free = true
	case "resold":
		r.Resold = true
	default:
		return fmt.Errorf("unknown terms %q", terms)
	}
	return nil
}

func (r *Row) setRate(column, cell string) error {
	class, ok := tokenizer.ParseClass(column)
	if !ok {
		return errors.New("no such meter")
	}
	rate, err := money.ParseRate(cell)
	if err != nil {
		return err
	}
	r.Set(class, rate)
	return nil
}

func (r *Row) id() string {
	id := r.Provider + "/" + r.Model
	if r.Tier != "" {
		id += ";tier=" + r.Tier
	}
	if r.Above != 0 {
		id += ";above=" + strconv.FormatInt(r.Above, 10)
	}
	if !r.From.IsZero() {
		id += ";from=" + r.From.Format(time.DateOnly)
	}
	return id
}
