package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

func hear(t *testing.T, s ledger.Store, h ledger.Hearing) []ledger.Verdict {
	t.Helper()
	if h.To.IsZero() {
		h.From, h.To = Start, Start.Add(100*time.Hour)
	}
	all, err := s.Verdicts(t.Context(), h)
	if err != nil {
		t.Fatalf("%+v: %v", h, err)
	}
	return all
}

// heard: of each subject the last verdict, each team's its own, and pages miss none.
func heard(t *testing.T, s ledger.Store) {
	plain := &Memory{}
	ml := Record(2)
	ml.Owner = policy.Owner{{Name: "team", Value: "ml"}}
	teamless := Record(3)
	teamless.Owner = nil
	again := ml
	again.Attempt = 2
	for _, store := range []ledger.Store{plain, s} {
		write(t, store, ledger.Batch{Records: []policy.Record{Record(1), ml, teamless, again}})
		for n := range 40 {
			at := n / 3 // several at one moment
			judge(t, store, ledger.Subject{Team: []string{"support", "ml", "it's"}[n%3], Interaction: fmt.Sprint("chat-", n%17)}, at)
			judge(t, store, ledger.Subject{Call: ID(1 + n%4)}, at) // of the fourth there is no record
		}
	}
	if all := hear(t, s, ledger.Hearing{Limit: ledger.MaxPage}); len(all) != 44 {
		t.Errorf("%d verdicts, want one on each of 40 interactions and 4 calls", len(all))
	}
	first := hear(t, s, ledger.Hearing{Limit: 1})[0]
	for name, h := range map[string]ledger.Hearing{
		"all": {}, "support's": {Team: "support"}, "ml's": {Team: "ml"}, "quoted": {Team: "it's"}, "nobody's": {Team: "x"},
		"successes": {Only: ledger.Successes}, "failures": {Only: ledger.Failures, Team: "ml"},
		"a time": {From: Start.Add(2 * time.Minute), To: first.At}, "no time": {From: first.At.Add(1), To: first.At.Add(time.Hour)},
	} {
		h.Limit = ledger.MaxPage
		want := hear(t, plain, h)
		if diff := cmp.Diff(want, hear(t, s, h), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, size := range []int{1, 7} {
			var pages []ledger.Verdict
			for h.Limit, h.After = size, (ledger.Said{}); ; {
				page := hear(t, s, h)
				pages = append(pages, page...)
				if len(page) < size {
					break
				}
				h.After = ledger.SaidOf(&page[size-1])
			}
			if diff := cmp.Diff(want, pages, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s in pages of %d (-want +got):\n%s", name, size, diff)
			}
		}
	}
	for _, limit := range []int{0, ledger.MaxPage + 1} {
		if _, err := s.Verdicts(t.Context(), ledger.Hearing{Limit: limit}); err == nil {
			t.Errorf("a limit of %d: no error", limit)
		}
	}
}
