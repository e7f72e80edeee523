package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
)

// A run that is killed after it has settled a call, and before what that crossed is
// in the ledger, leaves it to the next to tell, once and of the highest alone.
func TestAnAlertThatAKillLostIsToldAtTheNextStart(t *testing.T) {
	now := func() time.Time { return noon }
	rule := month("month", 3*costOfACall)
	rule.OnExhausted, rule.Thresholds = budget.Allow, []int{30, 60, 90}
	f := newOffice(t, rand.New(rand.NewPCG(1, 1)), budget.NewMemory(now), now, rule)
	for n := range byte(2) {
		f.e.Settle(t.Context(), admit(t, f.e, numbered(n, "a")), answered) // nobody hears of 30 and 60
	}
	window := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		had  []ledger.Alert
		want int
	}{
		{"no alert was kept", nil, 60},
		{"one of a lower threshold was", []ledger.Alert{{Percent: 30, At: noon}}, 60},
		{"that of another account was", []ledger.Alert{{Percent: 60, At: noon, Of: "b"}}, 60},
		{"that of the window before was", []ledger.Alert{{Percent: 60, At: window.Add(-time.Hour)}}, 60},
		{"it was kept", []ledger.Alert{{Percent: 60, At: noon}}, 0},
		{"it was kept for another limit", []ledger.Alert{{Percent: 60, At: noon, Limit: 1}}, 0},
		{"a higher one was", []ledger.Alert{{Percent: 100, At: noon}}, 0},
	} {
		told := &desk{}
		var alerts pages
		for _, a := range test.had {
			a.Key, a.Kind, a.Rule, a.Unit = "k", "budget", "month", "usd"
			if a.Of == "" {
				a.Of = "a"
			}
			if _, _, err := alerts.Raise(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		var rules *budget.Rules
		next, _, _ := limited(t, func(o *engine.Options) {
			o.Spending, o.Alerts, rules = f.pages, told, o.Rules.Budgets
		}, rule)
		if err := next.Fill(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
		if err := next.TellMissed(t.Context(), &alerts); err != nil {
			t.Fatal(err)
		}
		switch {
		case test.want == 0 && len(told.events) > 0, test.want > 0 && len(told.events) != 1:
			t.Errorf("%s: told %+v", test.name, told.events)
		case test.want > 0:
			if e := told.events[0]; e.Percent != test.want || e.Spent != 2*costOfACall || e.Of != "a" || !e.Start.Equal(window) {
				t.Errorf("%s: told %+v", test.name, e)
			}
		}
	}
}
