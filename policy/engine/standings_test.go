package engine_test

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// paid is a call that was charged so many micro-USD at a time.
func paid(n int, micro int64, at time.Time, team, project string) policy.Record {
	r := ledgertest.Record(n)
	r.Admitted, r.FirstToken, r.Completed = at, at, at
	r.Owner = policy.Owner{{Name: "team", Value: team}, {Name: "project", Value: project}}
	r.Lines = []policy.Line{ledgertest.Line(tokenizer.Input, 1, money.Amount{Micro: micro})}
	return r
}

var midMonth = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

// looking is an engine of two budgets and a rate limit in the middle of a month, over
// a ledger of two teams of whose calls it saw none.
func looking(t *testing.T) *engine.Engine {
	t.Helper()
	store := &ledgertest.Memory{}
	err := store.Write(t.Context(), ledger.Batch{Records: []policy.Record{
		paid(1, 7, midMonth.AddDate(0, -1, 0), "a", "x"), // in the month before
		paid(2, 100, midMonth.AddDate(0, 0, -3), "a", "x"), paid(3, 24, midMonth.Add(-time.Hour), "a", "y"), paid(4, 24, midMonth, "a", "y"),
		paid(5, 1000, midMonth.AddDate(0, 0, -2), "b", ""),
	}})
	if err != nil {
		t.Fatal(err)
	}
	rule := month("month", 25_000_000)
	rule.Except = map[string]int64{"c": 5}
	old := month("old", 1)
	old.Until = midMonth
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Spending, o.Budgets = store, budget.NewMemory(func() time.Time { return midMonth })
	}, rule, old, budget.Rule{Name: "all", Limit: 1_000_000_000, Window: budget.Window{Every: budget.Day}},
		budget.Rule{Name: "burst.requests_per_minute", Unit: budget.Requests, Limit: 2, Rate: time.Minute, Window: budget.Window{Every: budget.Total}})
	return e
}

func TestStandingsAreOfAllWhoCalled(t *testing.T) {
	e := looking(t)
	if err := e.Fill(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	all, err := e.Standings(t.Context(), "", "project")
	if err != nil {
		t.Fatal(err)
	}
	type stands struct {
		name  string
		burnt int64
		over  time.Duration
		who   string
	}
	day := 24 * time.Hour
	want := []stands{
		{"month a", 48_000, day, "x"}, {"month b", 0, day, ""}, {"month c", 0, day, "none"},
		{"all ", 48_000, 12 * time.Hour, "y"}, {"burst.requests_per_minute ", 0, 0, "none"},
	}
	for i, w := range want {
		if i >= len(all) {
			t.Fatalf("there are %d accounts", len(all))
		}
		got := stands{all[i].Rule + " " + all[i].Of, all[i].Burnt, all[i].Over, "none"}
		if len(all[i].Who) > 0 {
			got.who = all[i].Who[0].Name
		}
		if i == 4 {
			got.name = all[i].Rule + " " + all[i].Of
		}
		if got != w || !all[i].Now.Equal(midMonth) {
			t.Errorf("account %d: %+v, want %+v", i, got, w)
		}
	}
	if len(all) != len(want) || len(all[0].Who) != 2 || all[0].Who[0].Spent != 100_000 || all[0].Who[1].Spent != 48_000 {
		t.Errorf("%d accounts, of the first spent %+v", len(all), all[0].Who)
	}
}

// TestStandingsHaveWhatTheStoreHas: what calls under way hold is in no ledger.
func TestStandingsHaveWhatTheStoreHas(t *testing.T) {
	e := looking(t)
	admit(t, e, numbered(9, "d"))
	for name, want := range map[string]int{"month": 4, "all": 1, "burst": 1, "burst.requests_per_minute": 1, "mon": 0, "old": 0} {
		all, err := e.Standings(t.Context(), name, "")
		if err != nil || len(all) != want {
			t.Errorf("%s has %d accounts, want %d: %v", name, len(all), want, err)
		}
		for _, s := range all {
			if s.Of == "d" && s.Held != mostOfACall {
				t.Errorf("under way: %+v", s)
			}
		}
	}
}
