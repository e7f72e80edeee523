package api

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// wasteful are a call of support that failed, its retry and the correction of that,
// all of which sent four bytes of system prompt for one of anything else; and one of ml
// that embedded four inputs, one of them again.
func wasteful() []policy.Record {
	records := []policy.Record{ledgertest.Record(1), ledgertest.Record(2), ledgertest.Record(2), ledgertest.Record(3)}
	for i := range records {
		r := &records[i]
		r.Shares, r.Inputs, r.Repeated = tokenizer.Shares{System: 80, Last: 20}, 0, 0
		r.Lines = []policy.Line{ledgertest.Line(tokenizer.Input, 1000, money.Amount{Micro: 100}), ledgertest.Line(tokenizer.Output, 1, money.Amount{Micro: 11})}
	}
	records[0].Outcome = policy.Failed
	records[1].Purpose = policy.Retry
	records[2].Revision, records[2].Purpose, records[2].Lines = 1, policy.Correction, []policy.Line{ledgertest.Line(tokenizer.Input, 0, money.Amount{Micro: -50})}
	records[3].Owner = policy.Owner{{Name: "team", Value: "ml"}}
	records[3].Shares, records[3].Inputs, records[3].Repeated = tokenizer.Shares{Last: 9, Media: 5}, 4, 1
	return records
}

func TestWhatMultipliesTheCostIsTold(t *testing.T) {
	s, _ := kept(t, wasteful()...)
	a, err := as(s, "viewer").Multipliers(t.Context(), MultipliersQuery{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	micro := func(n int64) money.Amount { return money.Amount{Micro: n} }
	want := &MultipliersAnswer{
		From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"team"},
		Rows: []MultipliersRow{
			{
				Keys: map[string]string{"team": "support"}, Calls: 2, Charged: micro(172), Retries: 1, Retried: micro(61), Failures: 1, Failed: micro(111),
				Bytes: Bytes{System: 160, Last: 40}, Input: micro(150), System: micro(120), Last: micro(30),
			},
			{
				Keys: map[string]string{"team": "ml"}, Calls: 1, Charged: micro(111), Embedded: 4, Repeated: 1, RepeatedInput: micro(25),
				Bytes: Bytes{Last: 9, Media: 5}, Input: micro(100), Last: micro(100),
			},
		},
		Total: MultipliersRow{
			Calls: 3, Charged: micro(283), Retries: 1, Retried: micro(61), Failures: 1, Failed: micro(111), Embedded: 4, Repeated: 1, RepeatedInput: micro(25),
			Bytes: Bytes{System: 160, Last: 49, Media: 5}, Input: micro(250), System: micro(120), Last: micro(130),
		},
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Error(d)
	}
	if text := a.Total.Bytes.Text(); text != 209 {
		t.Errorf("%d bytes of text", text)
	}
}

// TestMultipliersComeInPages, each with the sums of all.
func TestMultipliersComeInPages(t *testing.T) {
	s, _ := kept(t, wasteful()...)
	q := MultipliersQuery{From: ledgertest.Start, Limit: 1}
	var teams []string
	for {
		a, err := as(s, "viewer").Multipliers(t.Context(), q)
		if err != nil || len(a.Rows) != 1 || a.Total.Calls != 3 {
			t.Fatalf("%+v, %v", a, err)
		}
		teams = append(teams, a.Rows[0].Keys["team"])
		if q.Cursor = a.Next; q.Cursor == "" {
			break
		}
	}
	if got := strings.Join(teams, " "); got != "support ml" {
		t.Errorf("pages of %s", got)
	}
	a, err := as(s, "viewer").Multipliers(t.Context(), MultipliersQuery{From: ledgertest.Start, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = as(s, "viewer").Usage(t.Context(), Query{From: ledgertest.Start, Limit: 1, Cursor: a.Next})
	if got := code(t, err); got != "400 invalid_query" {
		t.Errorf("the cursor of multipliers is taken for usage: %q", got)
	}
}

func TestMultiplierQuestionsAreChecked(t *testing.T) {
	s, _ := kept(t, wasteful()...)
	for _, test := range []struct{ query, message string }{
		{"from=yesterday", "neither a date"},
		{"from=2026-08-02&to=2026-08-01", "is not before"},
		{"from=2025-01-01&to=2026-01-01&by=hour", "92 days"},
		{"by=a,b,a", "twice"},
		{"tz=Mars", "no time zone"},
		{"limit=0", "limit"},
		{"cursor=x", "cursor"},
		{"where=x", "unknown query key"},
	} {
		_, err := ask[MultipliersAnswer](t.Context(), as(s, "viewer"), multipliersPath+"?"+test.query, nil)
		if got := code(t, err); got != "400 invalid_query" || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v, want %q", test.query, err, test.message)
		}
	}
}

// TestMultipliersInAZone: days and hours are the zone's, and the sums are those of
// the ledger.
func TestMultipliersInAZone(t *testing.T) {
	records := ledgertest.Varied(5, 250)
	start := time.Date(2026, 10, 24, 9, 7, 0, 0, time.UTC) // clocks change that night
	for i := range records {
		records[i].Completed = start.Add(records[i].Completed.Sub(ledgertest.Start))
	}
	s, m := kept(t, records...)
	from, to := start.Add(time.Hour), start.Add(45*time.Hour)
	plain, err := m.Multipliers(t.Context(), ledger.Query{From: from, To: to})
	if err != nil || len(plain) != 1 {
		t.Fatalf("%+v, %v", plain, err)
	}
	want := multipliersRow(&plain[0])
	for _, name := range []string{"Europe/Berlin", "Asia/Kathmandu"} {
		for _, by := range []string{"day", "hour"} {
			a, err := as(s, "viewer").Multipliers(t.Context(), MultipliersQuery{From: from, To: to, Zone: name, By: []string{by, "team"}})
			if err != nil || a.Zone != name || len(a.Rows) < 8 {
				t.Fatalf("%s by %s: %+v, %v", name, by, a, err)
			}
			if d := cmp.Diff(want, a.Total); d != "" {
				t.Errorf("%s by %s (-ledger +told):\n%s", name, by, d)
			}
		}
	}
}
