package ledgertest

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Correction makes the revision of Record(n) that changes what is charged by
// difference and leaves its first line in a price state.
func Correction(n, revision int, difference money.Amount, state string) policy.Record {
	r := Record(n)
	r.Revision, r.Purpose, r.Reason, r.CorrectedAt = revision, policy.Correction, "price came late", Start.AddDate(0, 1, 0)
	r.Lines = []policy.Line{Line(tokenizer.Output, 0, difference)}
	r.Lines[0].State, r.Priced = state, state != policy.Unpriced
	return r
}

// corrections add money, neither calls nor tokens, in the period of the call, and
// take back that it was unpriced; writing them again changes nothing.
func corrections(t *testing.T, s ledger.Store) {
	first := Record(1)
	first.Lines = []policy.Line{{Model: first.Model, Class: tokenizer.Output, Quantity: 7, State: policy.Unpriced}}
	first.Priced = false
	late := Correction(1, 1, money.Amount{Micro: 5, Pico: 1}, policy.Priced)
	late.WasUnpriced = true
	down := Correction(1, 2, money.Amount{Pico: 3}.Neg(), policy.Priced)
	gone := Correction(1, 3, money.Amount{}, policy.Unpriced)
	tokens := Tokens(map[tokenizer.Class]int64{tokenizer.Output: 7})
	write(t, s, ledger.Batch{Records: []policy.Record{first}})
	wantRows(t, usage(t, s, "team"), ledger.Row{Keys: []string{"support"}, Calls: 1, Unpriced: 1, Tokens: tokens})
	var sum ledger.Row
	for i, step := range []struct {
		record   policy.Record
		unpriced int64
		charged  string
	}{{late, 0, "0.000005000001"}, {down, 0, "0.000004999998"}, {gone, 1, "0.000004999998"}} {
		again := step.record
		again.Lines = append([]policy.Line{Line(tokenizer.Input, 9, money.Most())}, again.Lines...)
		write(t, s, ledger.Batch{Records: []policy.Record{step.record, again}})
		write(t, s, ledger.Batch{Records: []policy.Record{again, first}})
		l := step.record.Lines[0]
		sum.List, sum.Contracted, sum.Charged = sum.List.Add(l.List), sum.Contracted.Add(l.Contracted), sum.Charged.Add(l.Charged)
		if sum.Charged.String() != step.charged {
			t.Fatalf("revision %d: the sum to compare with is %s", i+1, sum.Charged)
		}
		for _, by := range [][]string{{"team"}, {"model"}, {"day"}} {
			want := sum
			want.Keys, want.Calls, want.Unpriced, want.Tokens = []string{key(&first, by[0])}, 1, step.unpriced, tokens
			wantRows(t, usage(t, s, by...), want)
		}
	}
	wantRecords(t, s, "req-1", first, late, down, gone)
	wantOpen(t, s)
	var pages []policy.Record
	for after := (ledger.Place{}); ; {
		page, err := s.List(t.Context(), ledger.Search{From: Start, To: Start.AddDate(0, 0, 1), After: after, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		pages, after = append(pages, page[0]), ledger.PlaceOf(&page[0])
	}
	if len(pages) != 4 || pages[0].Revision != 3 || pages[3].Revision != 0 {
		t.Errorf("pages of one: %+v", pages)
	}
	note, err := s.Note(t.Context(), ledger.Change{At: Start, Actor: "a", Action: "x", Subject: "s", Before: []byte(`1`), Reason: "r"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.AddDate(0, 0, 1), Limit: 5})
	if err != nil || len(all) != 1 || all[0].Number != note.Number || string(all[0].Before) != "1" || all[0].Reason != "r" {
		t.Errorf("audit: %+v, %v", all, err)
	}
}

// correctedInteraction: the last call of an interaction is a call, also when it is
// the correction of it, or of one as late, that came last.
func correctedInteraction(t *testing.T, s ledger.Store) {
	early, last := Record(1), Record(2)
	early.Interaction, early.Success = last.Interaction, false
	fixed := Correction(2, 1, money.Amount{Micro: 100}, policy.Priced)
	fixed.Success = false
	write(t, s, ledger.Batch{Records: []policy.Record{early, last, fixed}})
	q := ledger.Query{From: last.Completed, To: Start.AddDate(0, 0, 1), By: []string{"purpose"}}
	all, err := s.Interactions(t.Context(), q)
	if err != nil || len(all) != 1 || all[0].Interactions != 1 || all[0].Calls != 2 || all[0].Successful != 1 || all[0].Unpriced != 0 ||
		all[0].Keys[0] != policy.User || all[0].Charged != (money.Amount{Micro: 264}) {
		t.Errorf("%+v, %v", all, err)
	}
}
