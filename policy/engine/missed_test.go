package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
)

// A run that is killed after it has settled a call, and before what that crossed is
// in the ledger, leaves it to the next to tell, once and of the highest alone.
func TestAnAlertThatAKillLostIsToldAtTheNextStart(t *testing.T) {
	now := func() time.Time { return noon }
	const limit = 3 * costOfACall
	rule := month("month", limit)
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
		{"one of a lower threshold was", []ledger.Alert{{Percent: 30, Limit: limit, At: noon}}, 60},
		{"that of another account was", []ledger.Alert{{Percent: 60, Limit: limit, At: noon, Of: "b"}}, 60},
		{"that of the window before was", []ledger.Alert{{Percent: 60, Limit: limit, At: window.Add(-time.Hour)}}, 60},
		{"that of a limit of less was", []ledger.Alert{{Percent: 60, Limit: limit / 2, Spent: costOfACall, At: noon}}, 60},
		{"it was kept", []ledger.Alert{{Percent: 60, Limit: limit, At: noon}}, 0},
		{"as much was kept of another limit", []ledger.Alert{{Percent: 60, Limit: limit / 2, Spent: 2 * costOfACall, At: noon}}, 0},
		{"a higher one was", []ledger.Alert{{Percent: 100, Limit: limit, At: noon}}, 0},
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
		if again, err := next.TellMissed(t.Context(), &alerts); err != nil || again {
			t.Fatal(again, err)
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

// lookout is an engine over a store of this process, whose desk keeps what it is told.
type lookout struct {
	*desk
	t      *testing.T
	e      *engine.Engine
	now    time.Time
	topups *treasury
	alerts pages
}

func newLookout(t *testing.T, rule budget.Rule) *lookout {
	l := &lookout{desk: &desk{}, t: t, now: noon, topups: &treasury{}}
	clock := func() time.Time { return l.now }
	l.e, _, _ = limited(t, func(o *engine.Options) {
		o.Alerts, o.Now, o.Topups, o.Budgets = l, clock, l.topups, budget.NewMemory(clock)
	}, rule)
	return l
}

// spends has n calls of team a end, of which nobody hears.
func (l *lookout) spends(n int) {
	l.t.Helper()
	for range n {
		r := numbered(byte(len(l.events)), "a")
		l.events = append(l.events, alert.Event{})
		r.At = l.now
		o := answered
		o.At = l.now
		l.e.Settle(l.t.Context(), admit(l.t, l.e, r), o)
	}
}

// finds holds what a look tells to "percent of limit since when its window began".
func (l *lookout) finds(what string, want ...string) {
	l.t.Helper()
	before := len(l.events)
	if again, err := l.e.TellMissed(l.t.Context(), &l.alerts); err != nil || again {
		l.t.Fatal(again, err)
	}
	var got []string
	for _, e := range l.events[before:] {
		got = append(got, fmt.Sprintf("%d of %d since %s", e.Percent, e.Limit/costOfACall, e.Start.Format(time.DateOnly)))
		a := ledger.Alert{Key: fmt.Sprint(got), Kind: "budget", Rule: e.Rule, Of: e.Of, Unit: e.Unit, Percent: e.Percent, Limit: e.Limit, Spent: e.Spent, Start: e.Start, At: l.now}
		if err := l.e.Told(l.t.Context(), &a); err != nil {
			l.t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("%s: told %v, want %v", what, got, want)
	}
}

// raise has the limit be raised by some calls more, until a time.
func (l *lookout) raise(calls int64, until time.Time) {
	l.t.Helper()
	u := ledger.Topup{Rule: "month", Of: "a", Unit: "usd", Amount: calls * costOfACall, Until: until, By: "ann", At: l.now, GrantedBy: "bob", GrantedAt: l.now}
	if _, err := l.topups.Topup(l.t.Context(), u, ledger.Change{At: l.now}); err != nil {
		l.t.Fatal(err)
	}
	if err := l.e.Raise(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// soft is a budget of some calls, whose marks are 50, 75 and 100 percent.
func soft(calls int64) budget.Rule {
	rule := month("month", calls*costOfACall)
	rule.OnExhausted, rule.Thresholds = budget.Allow, []int{50, 75, 100}
	return rule
}

// A limit that was raised for a time is told by what it is when that is over, and what
// was told of a higher one says nothing of that.
func TestALimitThatEndsIsTold(t *testing.T) {
	l := newLookout(t, soft(4))
	l.raise(4, noon.Add(time.Hour))
	l.spends(4)
	l.finds("half of eight", "50 of 8 since 2026-03-01")
	l.finds("again")
	l.now = noon.Add(2 * time.Hour)
	l.finds("all of four", "100 of 4 since 2026-03-01")
	l.finds("again")
	l.raise(4, noon.Add(4*time.Hour))
	l.finds("half of eight once more")
	l.spends(2)
	l.finds("more of eight", "75 of 8 since 2026-03-01")
}

// What a window crossed at its end is told when it is over, by the limit that it had.
func TestWhatAWindowCrossedAtItsEndIsTold(t *testing.T) {
	l := newLookout(t, soft(4))
	april := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	l.now = april.Add(-time.Hour)
	l.raise(4, april)
	l.spends(4)
	l.finds("before the end", "50 of 8 since 2026-03-01")
	l.spends(2)
	l.now = april.Add(time.Minute)
	if err := l.e.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.finds("after it", "75 of 8 since 2026-03-01")
	l.spends(2)
	l.finds("in the next", "50 of 4 since 2026-04-01")
	l.now = april.Add(25 * time.Hour)
	l.finds("long after it")
}

// What stays spent of a moving window is told once, for as long as it does, and what is
// spent anew is told anew.
func TestWhatAMovingWindowCrossedIsToldOnce(t *testing.T) {
	rule := soft(4)
	rule.Window = budget.Window{Every: budget.Rolling, Length: time.Hour}
	l := newLookout(t, rule)
	var told int
	for range 20 {
		l.now = l.now.Add(15 * time.Minute)
		l.spends(1)
		before := len(l.events)
		if _, err := l.e.TellMissed(t.Context(), &l.alerts); err != nil {
			t.Fatal(err)
		}
		for _, e := range l.events[before:] {
			told++
			if err := l.e.Told(t.Context(), &ledger.Alert{Kind: "budget", Rule: e.Rule, Of: e.Of, Unit: e.Unit, Percent: e.Percent, Limit: e.Limit, Spent: e.Spent}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if told != 3 {
		t.Errorf("told %d times, want once of each share", told)
	}
	l.now = l.now.Add(3 * time.Hour)
	l.finds("when all has left it")
	l.spends(2)
	l.finds("half of it anew", "50 of 4 since 0001-01-01")
}
