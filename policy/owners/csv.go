package owners

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// MaxCSV bounds a file, in bytes.
const MaxCSV = 32 << 20

// Columns are the names that the header of a CSV file may have, in any order.
// Only team is needed. Keys are separated by spaces; from and until are dates
// (midnight UTC) or RFC 3339 times.
var Columns = []string{"team", CostCentre, GLAccount, Entity, "lead", "slack", "pager", "parent", "keys", "from", "until"}

// ReadCSV reads a file with a header row, separated by commas (RFC 4180; a byte
// order mark and both kinds of line ends are fine). Rows without any value are
// passed over. What is wrong comes as *Mistake, joined, with lines and columns.
func ReadCSV(r io.Reader) (*Directory, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxCSV+1))
	if err != nil {
		return nil, fmt.Errorf("read owners: %w", err)
	}
	if len(data) > MaxCSV {
		return nil, &Mistake{Entry: -1, Message: fmt.Sprintf("the file is longer than %d bytes", MaxCSV)}
	}
	t := table{in: csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))}
	t.in.FieldsPerRecord = -1 // counted here, to say it better
	t.in.ReuseRecord = true
	t.header()
	for len(t.wrong) < maxMistakes && t.row() {
	}
	if err := t.wrong.err(); err != nil {
		return nil, err
	}
	d, err := New(t.entries)
	return d, t.placed(err)
}

// table reads one file.
type table struct {
	in      *csv.Reader
	columns []string
	entries []Entry
	places  []place // of each entry's fields, len(columns) an entry
	wrong   mistakes
}

type place struct{ line, column int32 }

func (t *table) add(at place, field, format string, args ...any) {
	t.wrong = append(t.wrong, &Mistake{
		Entry: -1, Field: field, Line: int(at.line), Column: int(at.column), Message: fmt.Sprintf(format, args...),
	})
}

func (t *table) at(field int) place {
	line, column := t.in.FieldPos(field)
	return place{int32(line), int32(column)}
}

// read returns the next record, or nil after the last and after a mistake.
func (t *table) read() []string {
	record, err := t.in.Read()
	var parse *csv.ParseError
	switch {
	case err == nil:
		return record
	case errors.As(err, &parse):
		t.add(place{int32(parse.Line), int32(parse.Column)}, "", "not CSV: %v", parse.Err)
	case !errors.Is(err, io.EOF):
		t.add(place{}, "", "not CSV: %v", err)
	}
	return nil
}

func (t *table) header() {
	record := t.read()
	if record == nil && len(t.wrong) == 0 {
		t.add(place{1, 1}, "", "the file is empty; its first row must name the columns, such as team,cost_centre,keys")
	}
	for i, name := range record {
		name = strings.TrimSpace(name)
		switch {
		case !slices.Contains(Columns, name):
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_ ") != "" {
				name = "…" // no header: what stands there may be anything
			}
			t.add(t.at(i), "", "no column is called %q; there are %s", clip(name), strings.Join(Columns, ", "))
		case slices.Contains(t.columns, name):
			t.add(t.at(i), name, "the column is there twice")
		}
		t.columns = append(t.columns, name)
	}
	if len(t.wrong) == 0 && !slices.Contains(t.columns, "team") {
		t.add(place{1, 1}, "", "there is no column team")
	}
}

// row reads an entry and reports whether there may be another.
func (t *table) row() bool {
	record := t.read()
	switch {
	case record == nil:
		return false
	case !slices.ContainsFunc(record, func(text string) bool { return strings.TrimSpace(text) != "" }):
		return true
	case len(record) != len(t.columns):
		t.add(t.at(len(record)-1), "", "this row ends at %d fields, the header has %d", len(record), len(t.columns))
		return true
	case len(t.entries) == MaxEntries:
		t.add(t.at(0), "", "the file has more than %d owners", MaxEntries)
		return false
	}
	var e Entry
	for i, text := range record {
		t.places = append(t.places, t.at(i))
		t.field(&e, i, strings.TrimSpace(text))
	}
	t.entries = append(t.entries, e)
	return true
}

func (t *table) field(e *Entry, column int, text string) {
	switch name := t.columns[column]; name {
	case "team":
		e.Team = text
	case CostCentre:
		e.CostCentre = text
	case GLAccount:
		e.GLAccount = text
	case Entity:
		e.Entity = text
	case "lead":
		e.Lead = text
	case "slack":
		e.Slack = text
	case "pager":
		e.Pager = text
	case "parent":
		e.Parent = text
	case "keys":
		e.Keys = strings.Fields(text)
	case "from":
		e.From = t.date(column, text)
	case "until":
		e.Until = t.date(column, text)
	}
}

func (t *table) date(column int, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, form := range [...]string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil && !at.IsZero() {
			return at.UTC()
		}
	}
	t.add(t.at(column), t.columns[column], "%q is no date; write 2026-07-01 (midnight UTC) or 2026-07-01T09:00:00Z", clip(text))
	return time.Time{}
}

// placed gives the mistakes of New the lines and columns of their fields.
func (t *table) placed(err error) error {
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		return err
	}
	for _, one := range many.Unwrap() {
		var m *Mistake
		if !errors.As(one, &m) || m.Entry < 0 {
			continue
		}
		column := max(slices.Index(t.columns, m.Field), 0)
		at := t.places[m.Entry*len(t.columns)+column]
		m.Line, m.Column = int(at.line), int(at.column)
	}
	return err
}

// clip keeps a long word from filling an error.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
