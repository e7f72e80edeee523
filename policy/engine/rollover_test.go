package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// history is a ledger of what teams were charged.
type history struct {
	of    []charge
	asked int
	shut  bool
	slow  time.Duration // what an answer takes
}

type charge struct {
	at      time.Time
	team    string
	user    string
	charged int64
}

func (h *history) Spent(_ context.Context, q ledger.Query) (rows []ledger.Spent, err error) {
	if h.shut {
		return nil, errors.New("shut")
	}
	h.asked++
	time.Sleep(h.slow)
	for _, c := range h.of {
		if !c.at.Before(q.From) && c.at.Before(q.To) {
			row := ledger.Spent{Calls: 1, Charged: c.charged}
			for _, key := range q.By {
				row.Keys = append(row.Keys, map[string]string{"team": c.team, "user": c.user}[key])
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (h *history) Booked(context.Context, ledger.Query) ([]ledger.Spent, error) { return nil, nil }

func (h *history) spend(at time.Time, team string, charged int64) {
	h.spendBy(at, team, "", charged)
}

func (h *history) spendBy(at time.Time, team, user string, charged int64) {
	h.of = append(h.of, charge{at, team, user, charged})
}

func day(month time.Month, date int) time.Time {
	return time.Date(2026, month, date, 0, 0, 0, 0, time.UTC)
}

// carrying is an engine whose windows are cut by now.
func carrying(t *testing.T, h *history, now *time.Time, topups *ledgertest.Memory, rules ...budget.Rule) *engine.Engine {
	t.Helper()
	compiled, err := budget.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Spending, o.Budgets, o.Rules.Budgets = h, budget.NewMemory(func() time.Time { return *now }), compiled
		if topups != nil {
			o.Topups = topups
		}
	})
	if err := e.Fill(t.Context(), compiled); err != nil {
		t.Fatal(err)
	}
	return e
}

func wantLimits(t *testing.T, e *engine.Engine, when string, want map[string]int64) {
	t.Helper()
	for of, limit := range want {
		if a, is := e.Account("month", of); !is || a.Limit != limit {
			t.Errorf("%s: the limit of %q is %d, %v, want %d", when, of, a.Limit, is, limit)
		}
	}
}

func rolled(r budget.Rollover) budget.Rule {
	rule := month("month", 100)
	rule.Rollover = &r
	return rule
}

// TestWindowsLeaveToTheNext: January is the first month in which anybody spent.
func TestWindowsLeaveToTheNext(t *testing.T) {
	h := &history{}
	h.spend(day(1, 1), "a", 40)
	h.spend(day(2, 1).Add(-time.Microsecond), "c", 300)
	h.spend(day(2, 1), "a", 50)
	h.spend(day(3, 1), "a", 170)
	rule := rolled(budget.Rollover{Percent: 50, Negative: true})
	rule.Except = map[string]int64{"b": 10}
	now := day(4, 1).Add(-1)
	e := carrying(t, h, &now, nil, rule)
	wantLimits(t, e, "in March", map[string]int64{
		"a":        100 + 40, // of January 30, of February half of 100 + 30 - 50
		"b":        10 + 7,   // half of 10 + 5
		"c":        0,        // 200 too much in January, and 100 of them paid back
		"somebody": 100 + 75,
		"":         100 + 75,
	})
	if all, err := e.Standings(t.Context(), "month", ""); err != nil || len(all) != 2 || all[0].Carried != 40 || all[1].Carried != 7 {
		t.Errorf("standings: %+v, %v", all, err)
	}
	now = day(4, 1)
	wantLimits(t, e, "before it is known", map[string]int64{"a": 100, "somebody": 100})
	e.Sweep(t.Context())
	wantLimits(t, e, "in April", map[string]int64{"a": 100 - 30, "b": 10 + 8, "c": 100, "somebody": 100 + 87})
	if left := admit(t, e, numbered(1, "a")); left.Refusal == nil {
		t.Error("a call passed for which too little was left")
	}
}

// TestAtMostSoManyWindowsAreFollowed: from the first in which anybody spent.
func TestAtMostSoManyWindowsAreFollowed(t *testing.T) {
	ago := day(4, 1).AddDate(-2, 0, 0) // the oldest window that is followed begins then
	for _, c := range []struct {
		when string
		at   []time.Time
		want int64
	}{
		{"nobody ever spent", nil, 100},
		{"since this month", []time.Time{day(4, 1)}, 100},
		{"since the last day of March", []time.Time{day(4, 1).Add(-time.Microsecond), day(4, 1)}, 200},
		{"since two years", []time.Time{ago}, 100 + 2400},
		{"since more", []time.Time{ago.Add(-time.Microsecond), ago}, 100 + 2400},
		{"not for two years", []time.Time{ago.Add(-time.Microsecond)}, 100},
	} {
		h := &history{}
		for _, at := range c.at {
			h.spend(at, "b", 1)
		}
		now := day(4, 1)
		wantLimits(t, carrying(t, h, &now, nil, rolled(budget.Rollover{Percent: 100})), c.when, map[string]int64{"a": c.want})
	}
}

// TestWhatWasLeftIsReadAgain: often while calls of the window before come to their
// ends, and then as it may be corrected.
func TestWhatWasLeftIsReadAgain(t *testing.T) {
	h := &history{}
	h.spend(day(2, 1), "a", 10)
	h.spend(day(3, 1), "a", 20)
	now := day(4, 1)
	e := carrying(t, h, &now, nil, rolled(budget.Rollover{Percent: 100}))
	after := func(since time.Duration, limit int64, asks int) {
		t.Helper()
		now = day(4, 1).Add(since)
		before := h.asked
		e.Sweep(t.Context())
		wantLimits(t, e, since.String(), map[string]int64{"a": limit})
		if got := h.asked - before; got != asks {
			t.Errorf("after %v the ledger was asked %d times, want %d", since, got, asks)
		}
	}
	after(59*time.Second, 270, 0)
	h.spend(day(4, 1).Add(-time.Second), "a", 5) // it ended late
	after(time.Minute, 265, 1)
	after(10*time.Minute, 265, 1)
	h.spend(day(3, 2), "a", -1) // a correction
	after(30*time.Minute, 265, 0)
	after(70*time.Minute, 266, 1)
	h.spend(day(2, 2), "a", -1)
	after(3*time.Hour, 266, 1)
	after(24*time.Hour, 267, 24)
	h.shut = true
	after(48*time.Hour, 267, 0) // what was read before stays
}

// TestNewRulesHaveWhatWasLeft: before they are in use, and not if it cannot be read.
func TestNewRulesHaveWhatWasLeft(t *testing.T) {
	h := &history{}
	h.spend(day(3, 1), "a", 20)
	now := day(4, 1)
	e := carrying(t, h, &now, nil, rolled(budget.Rollover{Percent: 100}))
	rule := rolled(budget.Rollover{Percent: 50})
	rules, err := budget.Compile([]budget.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fill(t.Context(), rules); err != nil {
		t.Fatal(err)
	}
	if a, _ := rules.Of("month", "a", now); a.Limit != 140 {
		t.Errorf("the limit is %d, want 140", a.Limit)
	}
	wantLimits(t, e, "by the rules in use", map[string]int64{"a": 180})
	h.shut = true
	again, err := budget.Compile([]budget.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fill(t.Context(), again); err == nil {
		t.Error("rules were taken of which it is not known what was left")
	}
}

// TestTopupsAreLeftToo: one that lasts to the end of the window is carried, and one
// that ended before pays for what was spent of it.
func TestTopupsAreLeftToo(t *testing.T) {
	kept := &ledgertest.Memory{}
	for _, u := range []ledger.Topup{
		{Of: "a", Until: day(4, 1)}, {Of: "b", Until: day(3, 20)}, {Of: "c", Until: day(3, 20)}, {Of: "d"}, {Of: "e", Until: day(3, 1)},
		{Of: "g", Until: day(5, 1), RevokedAt: day(3, 20)}, {Of: "h", RevokedAt: day(3, 20)}, {Of: "i", RevokedAt: day(2, 9)},
		{Of: "j", Until: day(5, 1), RevokedAt: day(4, 1)},
	} {
		if !u.RevokedAt.IsZero() {
			u.RevokedBy = "eve"
		}
		u.Rule, u.Unit, u.Amount, u.By, u.At = "month", "usd", 50, "ann", day(2, 10)
		u.GrantedBy, u.GrantedAt = "bob", day(2, 10)
		if _, err := kept.Topup(t.Context(), u, ledger.Change{At: day(2, 10)}); err != nil {
			t.Fatal(err)
		}
	}
	h := &history{}
	h.spend(day(3, 1), "b", 140)
	h.spend(day(3, 1), "c", 170)
	h.spend(day(3, 1), "g", 140)
	h.spend(day(3, 1), "h", 170)
	h.spend(day(3, 1), "i", 120)
	now := day(4, 2)
	e := carrying(t, h, &now, kept, rolled(budget.Rollover{Percent: 100, Negative: true}))
	wantLimits(t, e, "in April", map[string]int64{"a": 100 + 150, "b": 100, "c": 100 - 20, "d": 150 + 150, "e": 100 + 100, "f": 100 + 100, "g": 100, "h": 100 - 20, "i": 100 - 20, "j": 100 + 150})
}
