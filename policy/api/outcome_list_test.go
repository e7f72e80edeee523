package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// said is a list of outcomes in words.
func said(all []OutcomeAnswer) string {
	var words []string
	for _, o := range all {
		name := o.Team + "/" + o.Interaction
		if o.Call != nil {
			name = fmt.Sprint("call ", o.Call[15])
		}
		words = append(words, fmt.Sprint(name, " ", o.Success, " ", o.Reason, " by ", o.By))
	}
	return strings.Join(words, ", ")
}

// TestOutcomesAreListed: the last word on each, newest first, and to a team its own.
func TestOutcomesAreListed(t *testing.T) {
	support, ml := ofTeams()
	s, _ := kept(t, support, ml)
	for _, post := range []struct {
		who string
		o   Outcome
	}{
		{"owner/support", Outcome{Interaction: "chat-1", Success: true, Reason: "early"}},
		{"admin", Outcome{Call: &ml.ID, Reason: "wrong"}},
		{"admin", Outcome{Call: &support.ID, Success: true}},
		{"owner/ml", Outcome{Interaction: "chat-1", Success: true, Reason: "fine"}},
		{"owner/support", Outcome{Interaction: "chat-1", Reason: "late"}},
	} {
		if _, err := as(s, post.who).SetOutcome(t.Context(), post.o); err != nil {
			t.Fatal(err)
		}
	}
	yes, no := true, false
	const talk, ofML, ofSupport, first = "support/chat-1 false late by owner/support", "ml/chat-1 true fine by owner/ml", "call 1 true  by admin", "call 2 false wrong by admin"
	for _, test := range []struct {
		who  string
		q    OutcomesQuery
		want []string
	}{
		{"viewer", OutcomesQuery{}, []string{talk, ofML, ofSupport, first}},
		{"viewer/support", OutcomesQuery{}, []string{talk, ofSupport}},
		{"viewer", OutcomesQuery{Team: "ml"}, []string{ofML, first}},
		{"viewer", OutcomesQuery{Success: &yes}, []string{ofML, ofSupport}},
		{"viewer/ml", OutcomesQuery{Success: &no}, []string{first}},
		{"viewer", OutcomesQuery{To: ledgertest.Start.AddDate(0, 0, 1)}, nil},
	} {
		for _, size := range []int{0, 1, 2, 4} {
			q := test.q
			q.From, q.Limit = ledgertest.Start, size
			var all []OutcomeAnswer
			for {
				a, err := as(s, test.who).Outcomes(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, a.Outcomes...)
				if q.Cursor = a.Next; a.Next == "" {
					break
				}
			}
			if got := said(all); got != strings.Join(test.want, ", ") {
				t.Errorf("%s asks %+v in pages of %d: %s, want %s", test.who, test.q, size, got, strings.Join(test.want, ", "))
			}
		}
	}
	for _, bad := range []string{"success=maybe", "limit=501", "cursor=x", "call_id=1"} {
		_, err := ask[OutcomesAnswer](t.Context(), as(s, "viewer"), outcomeListPath+"?"+bad, nil)
		if got := code(t, err); got != "400 invalid_query" {
			t.Errorf("%s: %s", bad, got)
		}
	}
}
