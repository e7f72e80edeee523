package price

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// MaxTable bounds a table of prices, in bytes.
const MaxTable = 64 << 20

// usualRows is room for what a table has, so that it seldom grows.
const usualRows = 64

// column is one cell of a row that is not a rate.
type column struct {
	name  string
	write func(*Row) string
	read  func(*Row, string) error
	tells bool // rows apart: it is part of the id
}

// columns are those of a table, in order, before the rates.
var columns = [...]column{
	{"provider", func(r *Row) string { return r.Provider }, func(r *Row, s string) error { r.Provider = s; return nil }, false},
	{"developer", func(r *Row) string { return r.Developer }, func(r *Row, s string) error { r.Developer = s; return nil }, false},
	{"model", func(r *Row) string { return r.Model }, func(r *Row, s string) error { r.Model = s; return nil }, false},
	{"aliases", func(r *Row) string { return strings.Join(r.Aliases, " ") },
		func(r *Row, s string) error { r.Aliases = strings.Fields(s); return nil }, false},
	{"terms", (*Row).terms, (*Row).setTerms, false},
	{"account", func(r *Row) string { return r.Account }, func(r *Row, s string) error { r.Account = s; return nil }, true},
	{"deployment", func(r *Row) string { return r.Deployment }, func(r *Row, s string) error { r.Deployment = s; return nil }, true},
	{"region", func(r *Row) string { return r.Region }, func(r *Row, s string) error { r.Region = s; return nil }, true},
	{"tier", func(r *Row) string { return r.Tier }, func(r *Row, s string) error { r.Tier = s; return nil }, true},
	{"size", func(r *Row) string { return r.Size }, func(r *Row, s string) error { r.Size = s; return nil }, true},
	{"quality", func(r *Row) string { return r.Quality }, func(r *Row, s string) error { r.Quality = s; return nil }, true},
	{"above", (*Row).band, func(r *Row, s string) (err error) { r.Above, err = strconv.ParseInt(s, 10, 64); return err }, true},
	{"hours", func(r *Row) string { return r.Hours.String() },
		func(r *Row, s string) (err error) { r.Hours, err = ParseWindow(s); return err }, true},
	{"from", func(r *Row) string { return date(r.From) }, func(r *Row, s string) (err error) { r.From, err = parseDate(s); return err }, true},
	{"until", func(r *Row) string { return date(r.Until) }, func(r *Row, s string) (err error) { r.Until, err = parseDate(s); return err }, false},
}

const sourceColumn = "source"

func (r *Row) band() string {
	if r.Above == 0 {
		return ""
	}
	return strconv.FormatInt(r.Above, 10)
}

func (r *Row) terms() string {
	switch {
	case r.Free && r.Resold:
		return "free resold"
	case r.Free:
		return "free"
	case r.Resold:
		return "resold"
	}
	return ""
}

func (r *Row) setTerms(terms string) error {
	for _, t := range strings.Fields(terms) {
		switch t {
		case "free":
			r.Free = true
		case "resold":
			r.Resold = true
		default:
			return fmt.Errorf("unknown terms %q", t)
		}
	}
	return nil
}

// date is a day, or with its time when it is not midnight in UTC.
func date(t time.Time) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

func parseDate(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	return time.Parse(time.DateOnly, s)
}

// ReadCSV reads rows under a header that names the columns; docs/prices.md says
// which there are. Columns of rates are named as classes are and hold USD per
// million units, as money.ParseFraction reads them. Lines that begin with # are
// comments. The id of a row is made of what tells rows apart.
func ReadCSV(in io.Reader) ([]Row, error) {
	limited := &io.LimitedReader{R: in, N: MaxTable + 1}
	r := csv.NewReader(limited)
	r.Comment = '#'
	r.ReuseRecord = true
	first, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	cells, err := header(first)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, 0, usualRows)
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return rows, nil
		}
		if limited.N <= 0 {
			return nil, fmt.Errorf("read prices: longer than %d bytes", MaxTable)
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, Row{})
		row := &rows[len(rows)-1]
		for i, cell := range line {
			if cell == "" {
				continue // says nothing
			}
			if err := cells[i].read(row, cell); err != nil {
				at, _ := r.FieldPos(i)
				return nil, fmt.Errorf("read line %d: read column %s: %w", at, cells[i].name, err)
			}
		}
		row.ID = row.id()
	}
}

// header finds what each column means.
func header(names []string) ([]column, error) {
	cells := make([]column, len(names))
	for i, name := range names {
		if slices.ContainsFunc(cells[:i], func(c column) bool { return c.name == name }) {
			return nil, fmt.Errorf("read header: column %s is there twice", name)
		}
		if at := slices.IndexFunc(columns[:], func(c column) bool { return c.name == name }); at >= 0 {
			cells[i] = columns[at]
			continue
		}
		if name == sourceColumn {
			cells[i] = column{name: name, read: func(r *Row, s string) error { r.Source = s; return nil }}
			continue
		}
		class, ok := tokenizer.ParseClass(name)
		if !ok {
			return nil, fmt.Errorf("read column %s: no such meter", name)
		}
		cells[i] = column{name: name, read: func(r *Row, s string) error {
			rate, per, err := money.ParseFraction(s)
			if err == nil {
				r.SetPer(class, rate, per)
			}
			return err
		}}
	}
	return cells, nil
}

// WriteCSV writes what ReadCSV reads, with no column that no row needs. Rows
// come in the order given.
func WriteCSV(out io.Writer, rows []Row) error {
	w := csv.NewWriter(out)
	var used []column
	for _, c := range columns {
		if c.name == "provider" || c.name == "model" || slices.ContainsFunc(rows, func(r Row) bool { return c.write(&r) != "" }) {
			used = append(used, c)
		}
	}
	for class := range tokenizer.Classes {
		if slices.ContainsFunc(rows, func(r Row) bool { return r.known&(1<<class) != 0 }) {
			used = append(used, column{name: class.String(), write: func(r *Row) string { return r.rateText(class) }})
		}
	}
	used = append(used, column{name: sourceColumn, write: func(r *Row) string { return r.Source }})
	line := make([]string, len(used))
	for i, c := range used {
		line[i] = c.name
	}
	err := w.Write(line)
	for i := range rows {
		for j, c := range used {
			line[j] = c.write(&rows[i])
		}
		err = cmp.Or(err, w.Write(line))
	}
	w.Flush()
	if err = cmp.Or(err, w.Error()); err != nil {
		return fmt.Errorf("write prices: %w", err)
	}
	return nil
}

// rateText is the rate of a class as a table has it; empty when there is none.
func (r *Row) rateText(class tokenizer.Class) string {
	rate, per, ok := r.own(class)
	if !ok {
		return ""
	}
	return money.FormatFraction(rate, per)
}

// id names a row by all that tells rows apart: provider/model, then the
// conditions that are set.
func (r *Row) id() string {
	id := r.Provider + "/" + r.Model
	for i := range columns {
		if c := &columns[i]; c.tells {
			if value := c.write(r); value != "" {
				id += ";" + c.name + "=" + value
			}
		}
	}
	return id
}

// SortRows sorts by provider, model and conditions: the order of a table.
func SortRows(rows []Row) {
	order := make([]*Row, len(rows)) // a row is large: it is moved once
	sorted := slices.Clone(rows)
	for i := range sorted {
		order[i] = &sorted[i]
	}
	slices.SortStableFunc(order, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.ID, b.ID))
	})
	for i, r := range order {
		rows[i] = *r
	}
}

// Identify gives a row the id that ReadCSV would: a function of its provider,
// model and conditions.
func (r *Row) Identify() { r.ID = r.id() }
