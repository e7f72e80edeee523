package sqlitestore

import (
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// readColumns is the order of scanRecord.
const readColumns = `call, attempt, completed, request_id, trace_id, response_id, owner,
	dialect, operation, provider, model, outcome, source, purpose, detail, lines, interaction, success`

// A record's attempt column is its attempt, and its revision in the bits above.
const (
	revisionShift = 32
	isCorrection  = `attempt >= 4294967296`
	isCall        = `attempt < 4294967296`
)

func attemptColumn(revision, attempt int) int64 {
	return int64(revision)<<revisionShift | int64(attempt)
}

// recordColumns is the order of columns.appendTo.
const recordColumns = `id, call, attempt, completed, request_id, trace_id, response_id, owner,
	dialect, operation, provider, model, outcome, source, purpose, unpriced,
	list_micro, list_pico, contracted_micro, contracted_pico, charged_micro, charged_pico, quantities, detail, lines,
	interaction, part, success, multipliers`

// columns makes the values of records, and reuses its room from one to the next.
type columns struct{ text []byte }

// appendTo appends the values of recordColumns to args.
func (w *columns) appendTo(args []any, id int64, r *policy.Record) []any {
	w.text = appendValues(w.text[:0], r.Owner)
	values := len(w.text)
	w.text = appendQuantities(w.text, r.Lines)
	quantities := len(w.text)
	w.text = appendDetail(w.text, r)
	details := len(w.text)
	w.text = appendLines(w.text, r)
	lines := len(w.text)
	w.text = appendMultipliers(w.text, r)
	text := string(w.text) // one for all
	var list, contracted, charged money.Amount
	for i := range r.Lines {
		l := &r.Lines[i]
		list, contracted, charged = list.Add(l.List), contracted.Add(l.Contracted), charged.Add(l.Charged)
	}
	return append(args, id, r.ID[:], attemptColumn(r.Revision, r.Attempt), micros(r.Completed), r.RequestID, r.TraceID, r.ResponseID, text[:values],
		r.Dialect, r.Operation, r.Provider, r.Model, r.Outcome, r.Source.String(), r.Purpose,
		r.UnpricedCalls(),
		list.Micro, list.Pico, contracted.Micro, contracted.Pico, charged.Micro, charged.Pico,
		text[values:quantities], text[quantities:details], text[details:lines],
		r.Interaction, partOf(r), truth(r.Success), text[lines:])
}

// partOf is the hash of the interaction of r, or 0.
func partOf(r *policy.Record) int64 {
	if r.Interaction == "" {
		return 0
	}
	return hashID(r.Interaction)
}

// appendQuantities appends the JSON object of the quantities of lines, those of
// one meter together. Sums stop at the end of int64; none is below zero.
func appendQuantities(out []byte, lines []policy.Line) []byte {
	var sums [tokenizer.Classes]int64
	for i := range lines {
		c := lines[i].Class
		if sums[c] += lines[i].Quantity; sums[c] < 0 {
			sums[c] = math.MaxInt64
		}
	}
	o := object{out: append(out, '{')}
	for c, n := range sums {
		o.number(tokenizer.Class(c).String(), n)
	}
	return append(o.out, '}')
}

// scanRecord reads readColumns.
func scanRecord(rows *sql.Rows) (r policy.Record, err error) {
	var call, rest, lines sql.RawBytes
	var values, source string
	var completed, attempt int64
	err = rows.Scan(&call, &attempt, &completed, &r.RequestID, &r.TraceID, &r.ResponseID, &values,
		&r.Dialect, &r.Operation, &r.Provider, &r.Model, &r.Outcome, &source, &r.Purpose, &rest, &lines, &r.Interaction, &r.Success)
	if err != nil {
		return r, err
	}
	if copy(r.ID[:], call) != len(r.ID) {
		return r, fmt.Errorf("call id %x has %d bytes", call, len(call))
	}
	r.Completed = instant(completed)
	r.Revision, r.Attempt = int(attempt>>revisionShift), int(attempt&math.MaxUint32)
	rules, err := readDetail(rest, &r)
	if err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	if r.Owner, err = readOwner(values, rules); err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	if r.Source, err = parseSource(source); err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	if r.Lines, err = readLines(lines, r.Model); err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	return r, nil
}

func parseClass(name string) (tokenizer.Class, error) {
	c, ok := tokenizer.ParseClass(name)
	if !ok {
		return 0, fmt.Errorf("meter %q is not known: a newer Farebox wrote it", name)
	}
	return c, nil
}

func parseSource(name string) (tokenizer.Source, error) {
	s, ok := tokenizer.ParseSource(name)
	if !ok {
		return 0, fmt.Errorf("source %q is not known: a newer Farebox wrote it", name)
	}
	return s, nil
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
