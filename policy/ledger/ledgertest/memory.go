package ledgertest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
)

// Memory is a Store in plain maps: for tests of what writes to a ledger, and the
// other opinion that Run compares stores with. Its zero value is empty and
// ready; it is safe for concurrent use.
type Memory struct {
	// Fault, when set before the first Write, is called at the start of each and
	// may block or fail it.
	Fault func(ctx context.Context, b ledger.Batch) error

	mu       sync.Mutex
	openings []policy.Opening
	records  []policy.Record

	deferrals []policy.Deferral

	verdicts map[ledger.Subject]ledger.Verdict
	audit    []ledger.Change

	alerts []ledger.Alert // by number, from 1
	mutes  []ledger.Mute
	topups []ledger.Topup // by number, from 1

	charges []ledger.Charge // by number, from 1

	approvals []ledger.Approval // by number, from 1
}

var _ ledger.Store = (*Memory)(nil)

// Write is ledger.Store's.
func (m *Memory) Write(ctx context.Context, b ledger.Batch) error {
	if m.Fault != nil {
		if err := m.Fault(ctx, b); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range b.Openings {
		same := func(have policy.Opening) bool { return have.Ticket.ID == o.Ticket.ID }
		if !m.settled(o.Ticket.ID) && !slices.ContainsFunc(m.openings, same) {
			o.Ticket.Identity = nil
			m.openings = append(m.openings, o)
		}
	}
	for _, r := range b.Records {
		same := func(have policy.Record) bool {
			return have.ID == r.ID && have.Attempt == r.Attempt && have.Revision == r.Revision
		}
		if !slices.ContainsFunc(m.records, same) {
			r.Admitted, r.FirstToken, r.Completed = micro(r.Admitted), micro(r.FirstToken), micro(r.Completed)
			r.CorrectedAt = micro(r.CorrectedAt)
			r.Owner, r.Lines = slices.Clone(r.Owner), slices.Clone(r.Lines)
			m.records = append(m.records, r)
		}
		m.openings = slices.DeleteFunc(m.openings, func(o policy.Opening) bool { return o.Ticket.ID == r.ID })
	}
	return nil
}

// micro keeps what a ledger keeps of a time.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (m *Memory) settled(id policy.CallID) bool {
	return slices.ContainsFunc(m.records, func(r policy.Record) bool { return r.ID == id })
}

// Open is ledger.Store's.
func (m *Memory) Open(context.Context) ([]policy.Opening, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	open := slices.Clone(m.openings)
	slices.SortFunc(open, func(a, b policy.Opening) int {
		return cmp.Or(a.Ticket.At.Compare(b.Ticket.At), slices.Compare(a.Ticket.ID[:], b.Ticket.ID[:]))
	})
	return open, nil
}

// Find is ledger.Store's.
func (m *Memory) Find(_ context.Context, id string, limit int) ([]policy.Record, error) {
	var found []policy.Record
	for _, r := range m.All() {
		if id != "" && len(found) < limit && slices.Contains([]string{r.ID.String(), r.RequestID, r.TraceID, r.ResponseID}, id) {
			found = append(found, r)
		}
	}
	return found, nil
}

// All returns every record, oldest first.
func (m *Memory) All() []policy.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.records)
	slices.SortFunc(all, func(a, b policy.Record) int {
		return ledger.PlaceOf(&a).Compare(ledger.PlaceOf(&b))
	})
	return all
}

// Usage is ledger.Store's.
func (m *Memory) Usage(_ context.Context, q ledger.Query) ([]ledger.Row, error) {
	rows, err := grouped(m, q, func(keys []string) ledger.Row { return ledger.Row{Keys: keys} }, add)
	if err != nil {
		return nil, fmt.Errorf("query usage: %w", err)
	}
	ledger.SortRows(rows)
	return rows, nil
}

// grouped adds each record of a query to its group.
func grouped[T any](m *Memory, q ledger.Query, begin func(keys []string) T, add func(*T, *policy.Record)) ([]T, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	groups := map[string]*T{}
	for _, r := range m.All() {
		if r.Completed.Before(q.From) || !r.Completed.Before(q.To) || !fits(&r, q.Where) {
			continue
		}
		keys := make([]string, len(q.By))
		for i, name := range q.By {
			keys[i] = key(&r, name)
		}
		group := fmt.Sprintf("%q", keys)
		if groups[group] == nil {
			first := begin(keys)
			groups[group] = &first
		}
		add(groups[group], &r)
	}
	if len(groups) > ledger.MaxRows {
		return nil, ledger.ErrTooManyRows
	}
	rows := make([]T, 0, len(groups))
	for _, row := range groups {
		rows = append(rows, *row)
	}
	return rows, nil
}

func key(r *policy.Record, name string) string {
	switch name {
	case "model":
		return r.Model
	case "model_asked":
		return r.ModelAsked
	case "provider":
		return r.Provider
	case "dialect":
		return r.Dialect
	case "operation":
		return r.Operation
	case "outcome":
		return r.Outcome
	case "source":
		return r.Source.String()
	case "purpose":
		return r.Purpose
	case "day":
		return r.Completed.Format("2006-01-02")
	case "hour":
		return r.Completed.Format("2006-01-02T15")
	}
	return r.Owner.Value(name)
}

func add(row *ledger.Row, r *policy.Record) {
	if r.Revision == 0 {
		row.Calls++
	}
	row.Unpriced += r.UnpricedCalls()
	for _, l := range r.Lines {
		row.Tokens[l.Class] = saturated(row.Tokens[l.Class], l.Quantity)
		row.List = row.List.Add(l.List)
		row.Contracted = row.Contracted.Add(l.Contracted)
		row.Charged = row.Charged.Add(l.Charged)
	}
}

// saturated adds quantities, which are never below zero.
func saturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Tokens is a Row's Tokens with only the given classes.
func Tokens(of map[tokenizer.Class]int64) (all [tokenizer.Classes]int64) {
	for c, n := range of {
		all[c] = n
	}
	return all
}

// Close is ledger.Store's; what was written stays readable.
func (m *Memory) Close() error { return nil }
