package ledgertest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

func list(t *testing.T, s ledger.Store, q ledger.Search) []policy.Record {
	t.Helper()
	if q.To.IsZero() {
		q.From, q.To = Start, Start.Add(100*time.Hour)
	}
	got, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return got
}

func wantList(t *testing.T, got []policy.Record, want ...policy.Record) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func listOrder(t *testing.T, s ledger.Store) {
	again := Record(2)
	again.Attempt = 2
	write(t, s, ledger.Batch{Records: []policy.Record{again, Record(3), Record(1), Record(2)}})
	wantList(t, list(t, s, ledger.Search{Limit: 10}), Record(3), again, Record(2), Record(1))
	wantList(t, list(t, s, ledger.Search{Limit: 2}), Record(3), again)
	wantList(t, list(t, s, ledger.Search{Limit: 2, After: ledger.PlaceOf(&again)}), Record(2), Record(1))
	wantList(t, list(t, s, ledger.Search{Limit: 2, From: Record(1).Completed, To: Record(2).Completed}), Record(1))
	for _, limit := range []int{-1, 0, ledger.MaxPage + 1} {
		if got, err := s.List(t.Context(), ledger.Search{From: Start, To: Start.Add(time.Hour), Limit: limit}); err == nil {
			t.Errorf("a limit of %d: %d records, want an error", limit, len(got))
		}
	}
}

func listFits(t *testing.T, s ledger.Store) {
	records := Varied(3, 200)
	plain := &Memory{}
	for _, store := range []ledger.Store{plain, s} {
		write(t, store, ledger.Batch{Records: records})
	}
	for _, where := range [][]ledger.Match{
		nil, {{Name: "team", Value: "support"}}, {{Name: "team", Value: `o'"b\`}}, {{Name: "team"}}, {{Name: "team", Value: "nobody"}},
		{{Name: "cost.centre-1"}}, {{Name: "outcome", Value: policy.CutOff}, {Name: "model", Value: "small"}, {Name: "team", Value: "research"}},
		{{Name: "source", Value: "estimated"}, {Name: "cost.centre-1", Value: "CC-17"}},
	} {
		want := list(t, plain, ledger.Search{Where: where, Limit: ledger.MaxPage})
		wantList(t, list(t, s, ledger.Search{Where: where, Limit: ledger.MaxPage}), want...)
		q := ledger.Query{From: Start, To: Start.Add(100 * time.Hour), By: []string{"cost.centre-1", "model"}, Where: where}
		wantRows(t, usageIn(t, s, q), usageIn(t, plain, q)...)
	}
	for _, name := range []string{"", "day", "hour", "te'am", "team)", "$.team"} {
		where := []ledger.Match{{Name: name, Value: "x"}}
		if _, err := s.List(t.Context(), ledger.Search{To: Start.Add(time.Hour), Limit: 1, Where: where}); err == nil {
			t.Errorf("listing what has %q: no error", name)
		}
		if _, err := s.Usage(t.Context(), ledger.Query{To: Start.Add(time.Hour), Where: where}); err == nil {
			t.Errorf("summing what has %q: no error", name)
		}
	}
}

// listPages: page by page comes what comes at once, whatever the pages' size and
// although many records end at one time.
func listPages(t *testing.T, s ledger.Store) {
	records := Varied(5, 60)
	for i := range records {
		records[i].Completed = Start.Add(time.Duration(i/7) * time.Second)
	}
	write(t, s, ledger.Batch{Records: records})
	whole := list(t, s, ledger.Search{Limit: ledger.MaxPage})
	if len(whole) != len(records) {
		t.Fatalf("%d records, want %d", len(whole), len(records))
	}
	for _, size := range []int{1, 2, 7, 8, 59, 60, 61} {
		var paged []policy.Record
		for q := (ledger.Search{Limit: size}); ; {
			page := list(t, s, q)
			paged = append(paged, page...)
			if len(page) < size {
				break
			}
			q.After = ledger.PlaceOf(&page[len(page)-1])
		}
		same := func(a, b policy.Record) bool { return ledger.PlaceOf(&a).Compare(ledger.PlaceOf(&b)) == 0 }
		if !slices.EqualFunc(whole, paged, same) {
			t.Errorf("pages of %d give %d records, want the %d that come at once in their order", size, len(paged), len(whole))
		}
	}
}
