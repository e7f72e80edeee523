package ledgertest

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Spent is ledger.Store's.
func (m *Memory) Spent(_ context.Context, q ledger.Query) ([]ledger.Spent, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	groups := map[string]*ledger.Spent{}
	for _, r := range m.All() {
		if r.Admitted.Before(q.From) || !r.Admitted.Before(q.To) || !fits(&r, q.Where) {
			continue
		}
		keys := make([]string, len(q.By))
		for i, name := range q.By {
			keys[i] = key(&r, name)
		}
		group := fmt.Sprintf("%q", keys)
		if groups[group] == nil {
			groups[group] = &ledger.Spent{Keys: keys}
		}
		addSpent(groups[group], &r)
	}
	rows := make([]ledger.Spent, 0, len(groups))
	for _, row := range groups {
		rows = append(rows, *row)
	}
	ledger.SortSpent(rows)
	return rows, nil
}

func addSpent(row *ledger.Spent, r *policy.Record) {
	if r.Revision == 0 && r.Outcome != policy.Refused {
		row.Calls++
	}
	var charged, contracted money.Amount
	for _, l := range r.Lines {
		charged, contracted = charged.Add(l.Charged), contracted.Add(l.Contracted)
		if l.Class.IsToken() {
			row.Tokens += l.Quantity
		}
	}
	row.Charged += int64(charged.Nano())
	row.Contracted += int64(contracted.Nano())
}

// spent: windows count calls by their admission, and round each record once.
func spent(t *testing.T, s ledger.Store) {
	start := Record(1).Admitted
	late := Record(1) // admitted in the window, completed long after it
	late.Completed = start.Add(48 * time.Hour)
	half := Record(2)
	half.Admitted, half.Completed = start.Add(time.Minute), start.Add(2*time.Minute)
	half.Lines = []policy.Line{Line(tokenizer.Input, 10, money.FromParts(0, 500)), Line(tokenizer.Images, 3, money.FromParts(7, 0))}
	again := half // rounded by itself
	again.ID = ID(3)
	before := half
	before.ID, before.Admitted = ID(4), start.Add(-time.Second)
	refused := half
	refused.ID, refused.Outcome, refused.Lines = ID(5), policy.Refused, nil
	all := []policy.Record{late, half, again, before, refused}
	for _, store := range []ledger.Store{s, &Memory{}} {
		write(t, store, ledger.Batch{Records: all})
		for _, by := range [][]string{nil, {"team"}, {"team", "model_asked", "provider"}} {
			q := ledger.Query{From: start, To: start.Add(time.Hour), By: by}
			got, err := store.Spent(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			plain := &Memory{}
			write(t, plain, ledger.Batch{Records: all})
			want, err := plain.Spent(t.Context(), q)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("by %q:\n got %+v\nwant %+v, %v", by, got, want, err)
			}
			var sum ledger.Spent
			for _, row := range got {
				sum.Calls, sum.Charged = sum.Calls+row.Calls, sum.Charged+row.Charged
			}
			expect := ledger.Spent{}
			addSpent(&expect, &late)
			if sum.Calls != 3 || sum.Charged != expect.Charged+2*7001 {
				t.Errorf("by %q: %d calls for %d nano-USD, want 3 for %d", by, sum.Calls, sum.Charged, expect.Charged+2*7001)
			}
		}
	}
}
