package api

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
)

// chat is a failed call, its retry, and one that went well, of support; and one
// of ml that failed.
func chat() []policy.Record {
	records := []policy.Record{ledgertest.Record(1), ledgertest.Record(2), ledgertest.Record(3), ledgertest.Record(4)}
	for i := range records {
		records[i].Interaction, records[i].Success = "chat-1", i == 2
	}
	records[1].Purpose = policy.Retry
	records[3].Owner = policy.Owner{{Name: "team", Value: "ml"}}
	return records
}

func TestASuccessCostsWhatItTook(t *testing.T) {
	s, _ := kept(t, chat()...)
	a, err := as(s, "viewer").Interactions(t.Context(), InteractionsQuery{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	each := money.Amount{Micro: 82} // a record's, see ledgertest.Record
	all := each.Add(each).Add(each)
	tokens, total := "54.000", "72.000"
	most := all.Add(each)
	want := &InteractionsAnswer{
		From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"team"},
		Rows: []InteractionsRow{
			{
				Keys: map[string]string{"team": "support"}, Interactions: 1, Successful: 1, Calls: 3, Input: 33, Output: 21, Charged: all,
				TokensPerSuccess: &tokens, USDPerSuccess: &all,
			},
			{Keys: map[string]string{"team": "ml"}, Interactions: 1, Calls: 1, Input: 11, Output: 7, Charged: each},
		},
		Total: InteractionsRow{
			Interactions: 2, Successful: 1, Calls: 4, Input: 44, Output: 28, Charged: most, TokensPerSuccess: &total, USDPerSuccess: &most,
		},
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Error(d)
	}
	text, err := json.Marshal(a.Rows[1])
	if err != nil || !strings.Contains(string(text), `"tokens_per_success":null,"usd_per_success":null`) {
		t.Errorf("where none succeeded: %s, %v", text, err)
	}
}

// TestAnOutcomeOverrides what the last call says.
func TestAnOutcomeOverrides(t *testing.T) {
	s, _ := kept(t, chat()...)
	lead, last := as(s, "owner/support"), chat()[2].ID
	for _, step := range []struct {
		o    Outcome
		want int64
	}{
		{Outcome{Interaction: "chat-1", Reason: "the answer was wrong"}, 0},
		{Outcome{Call: &last, Success: true}, 1},
		{Outcome{Interaction: "chat-1"}, 0},
	} {
		if _, err := lead.SetOutcome(t.Context(), step.o); err != nil {
			t.Fatal(err)
		}
		a, err := lead.Interactions(t.Context(), InteractionsQuery{From: ledgertest.Start, By: []string{"team", "day"}})
		if err != nil || len(a.Rows) != 1 || a.Total.Interactions != 1 || a.Total.Successful != step.want {
			t.Errorf("after %+v: %+v, %v, want %d successful", step.o, a, err, step.want)
		}
	}
}

func TestInteractionQuestionsAreChecked(t *testing.T) {
	s, _ := kept(t, chat()...)
	for _, test := range []struct{ query, message string }{
		{"from=yesterday", "neither a date"},
		{"from=2026-08-02&to=2026-08-01", "is not before"},
		{"from=2025-01-01&to=2026-01-01&by=hour", "92 days"},
		{"by=a,b,a", "twice"},
		{"tz=Mars", "no time zone"},
		{"limit=0", "limit"},
		{"cursor=x", "cursor"},
	} {
		_, err := ask[InteractionsAnswer](t.Context(), as(s, "viewer"), interactionsPath+"?"+test.query, nil)
		if got := code(t, err); got != "400 invalid_query" || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v, want %q", test.query, err, test.message)
		}
	}
}

func TestThousandthsRoundOnceHalfUp(t *testing.T) {
	for _, test := range []struct {
		a, b, n int64
		want    string
	}{
		{0, 0, 1, "0.000"}, {1, 0, 3, "0.333"}, {1, 1, 3, "0.667"}, {1, 0, 2000, "0.001"}, {1, 0, 2001, "0.000"}, {1500, 0, 1, "1500.000"},
		{5, 0, 2, "2.500"}, {math.MaxInt64, math.MaxInt64, 1, "18446744073709551614.000"}, {1, 0, math.MaxInt64, "0.000"},
	} {
		if got := thousandths(test.a, test.b, test.n); got != test.want {
			t.Errorf("(%d + %d) / %d: %s, want %s", test.a, test.b, test.n, got, test.want)
		}
	}
}

// TestFiguresMayBeNull in the description too.
func TestFiguresMayBeNull(t *testing.T) {
	row := described(t).Components.Schemas.Map()["InteractionsRow"]
	for _, field := range []string{"tokens_per_success", "usd_per_success"} {
		if p := row.Properties[field]; p.Type != "string" || !p.Nullable {
			t.Errorf("%s: %s, nullable %v", field, p.Type, p.Nullable)
		}
	}
}

// TestInteractionsInAZone: days and hours are the zone's, and interactions are in
// those of their last calls. What is asked for moment by moment is the same.
func TestInteractionsInAZone(t *testing.T) {
	records := ledgertest.Varied(5, 250)
	start := time.Date(2026, 10, 24, 9, 7, 0, 0, time.UTC) // clocks change that night
	for i := range records {
		records[i].Completed = start.Add(records[i].Completed.Sub(ledgertest.Start))
	}
	s, m := kept(t, records...)
	from, to := start.Add(time.Hour), start.Add(45*time.Hour)
	for _, name := range []string{"Europe/Berlin", "Asia/Kathmandu"} {
		for _, by := range []string{"day", "hour"} {
			a, err := as(s, "viewer").Interactions(t.Context(), InteractionsQuery{From: from, To: to, Zone: name, By: []string{by, "team"}})
			if err != nil || a.Zone != name || a.From.Format("Z07:00") != from.In(zone(t, name)).Format("Z07:00") {
				t.Fatalf("%s by %s: %+v, %v", name, by, a, err)
			}
			var sum int64
			for _, r := range a.Rows {
				sum += r.Interactions
			}
			plain, err := m.Interactions(t.Context(), ledger.Query{From: from, To: to})
			if err != nil || len(plain) != 1 || sum != plain[0].Interactions || a.Total.Charged != plain[0].Charged {
				t.Errorf("%s by %s: %d interactions of %v, the ledger has %+v", name, by, sum, a.Total.Charged, plain)
			}
			for _, cut := range spans(from.In(zone(t, name)), to, by == "day") {
				want, err := m.Interactions(t.Context(), ledger.Query{From: cut.from, To: cut.to, By: []string{"team"}})
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range want {
					found := false
					for _, r := range a.Rows {
						found = found || r.Keys[by] == cut.label && r.Keys["team"] == w.Keys[0] && r.Interactions == w.Interactions &&
							r.Successful == w.Successful && r.Charged == w.Charged && r.Input == w.Input
					}
					if !found {
						t.Errorf("%s by %s: nothing like %+v on %s", name, by, w, cut.label)
					}
				}
			}
		}
	}
}

func TestInteractionsPageByPage(t *testing.T) {
	s, _ := kept(t, ledgertest.Varied(4, 200)...)
	c := as(s, "admin")
	q := InteractionsQuery{From: ledgertest.Start, By: []string{"team", "day", "model"}, Zone: "Europe/Berlin"}
	whole, err := c.Interactions(t.Context(), q)
	if err != nil || len(whole.Rows) < 15 || whole.Next != "" {
		t.Fatalf("%+v, %v", whole, err)
	}
	for _, size := range []int{1, 7, len(whole.Rows) - 1, len(whole.Rows), len(whole.Rows) + 1} {
		q.Limit, q.Cursor = size, ""
		var rows []InteractionsRow
		for {
			a, err := c.Interactions(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, a.Rows...)
			if d := cmp.Diff(whole.Total, a.Total); d != "" {
				t.Errorf("pages of %d: the total is another:\n%s", size, d)
			}
			if q.Cursor = a.Next; a.Next == "" {
				break
			}
		}
		if d := cmp.Diff(whole.Rows, rows); d != "" {
			t.Errorf("pages of %d (-whole +pages):\n%s", size, d)
		}
	}
	one, err := c.Interactions(t.Context(), InteractionsQuery{From: ledgertest.Start, By: q.By, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Usage(t.Context(), Query{From: ledgertest.Start, By: q.By, Limit: 1, Cursor: one.Next})
	if got := code(t, err); got != "400 invalid_query" {
		t.Errorf("the cursor of interactions is taken for usage: %s", got)
	}
}
