package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// A call counts in one window, that of its admission by the store's clock: with a
// hold, by its later tries, as a correction, when it passed without the store, and
// when accounts are filled from its record.
func TestACallIsInOneWindowByTwoClocks(t *testing.T) {
	edge := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, ahead := range []time.Duration{-3 * time.Second, 0, 3 * time.Second} {
		for _, off := range []time.Duration{-time.Second, 0, time.Second} {
			t.Run(fmt.Sprintf("store %v ahead, %v from the edge", ahead, off), func(t *testing.T) {
				now := edge.Add(off) // by the store
				testOneWindow(t, now, now.Add(-ahead))
			})
		}
	}
}

func testOneWindow(t *testing.T, now, local time.Time) {
	store := &broken{Store: budget.NewMemory(func() time.Time { return now })}
	book, rule := &pages{}, month("month", usd)
	var used *engine.Options
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Journal, o.Spending, o.Budgets, o.Now, used = book, book, store, func() time.Time { return local }, o
		o.Rules.OpenOnError, o.Rules.Allowance = true, 100
	}, rule)
	end := answered
	end.At, end.FirstToken = local.Add(2*time.Second), local.Add(time.Second)
	for n := range byte(3) {
		store.set(n == 2) // the third passes without the store
		r := numbered(n+1, "a")
		r.At = local
		ticket := admit(t, e, r)
		store.set(false)
		if ticket.Refusal != nil || ticket.Hold.Taken == (n == 2) {
			t.Fatalf("call %d: %+v", n, ticket)
		}
		e.Settle(t.Context(), ticket, end)
		if n == 1 {
			again := end
			again.Attempt = 1
			e.Settle(t.Context(), ticket, again)
		}
	}
	records := book.All()
	for _, rec := range records {
		if !rec.Admitted.Equal(now) || rec.FirstToken.Sub(rec.Admitted) != time.Second || rec.Completed.Sub(rec.Admitted) != 2*time.Second {
			t.Errorf("record: %v, %v, %v; the store was at %v", rec.Admitted, rec.FirstToken, rec.Completed, now)
		}
	}
	correction := records[0]
	correction.Revision, correction.Purpose = 1, policy.Correction
	if err := e.Correct(t.Context(), correction); err != nil {
		t.Fatal(err)
	}
	const want = 5 * costOfACall
	spentOnlyIn(t, store, used.Rules.Budgets, now, want)
	filled := budget.NewMemory(func() time.Time { return now })
	again, _, _ := limited(t, func(o *engine.Options) {
		o.Journal, o.Spending, o.Budgets, o.Now = book, book, filled, func() time.Time { return local }
	}, rule)
	if err := again.Fill(t.Context(), used.Rules.Budgets); err != nil {
		t.Fatal(err)
	}
	spentOnlyIn(t, filled, used.Rules.Budgets, now, want)
}

// spentOnlyIn checks what team a has spent in the month of now, and nothing in those beside.
func spentOnlyIn(t *testing.T, store budget.Store, rules *budget.Rules, now time.Time, want int64) {
	t.Helper()
	for months, want := range map[int]int64{-1: 0, 0: want, 1: 0} {
		a, _ := rules.Of("month", "a", now)
		if months != 0 {
			a, _ = rules.Of("month", "a", a.Start.AddDate(0, months, 0))
		}
		states, err := store.States(t.Context(), []budget.Account{a})
		if err != nil || states[0].Spent != want || states[0].Held != 0 {
			t.Errorf("%d months from that of %v: %+v, %v, want %d", months, now, states, err, want)
		}
	}
}

// In a window that moves, what later tries and corrections take counts from when their
// call was admitted, as it does when accounts are filled.
func TestWhatComesLateLeavesAMovingWindowWithItsCall(t *testing.T) {
	now := noon
	store, book := budget.NewMemory(func() time.Time { return now }), &pages{}
	rule := budget.Rule{Name: "day", Per: []string{"team"}, Limit: usd, Window: budget.Window{Every: budget.Rolling, Length: 24 * time.Hour}}
	var used *engine.Options
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Journal, o.Budgets, o.Now, used = book, store, func() time.Time { return now }, o
	}, rule)
	ticket := admit(t, e, numbered(1, "a"))
	now = now.Add(10 * time.Hour)
	again := answered
	again.Attempt = 1
	e.Settle(t.Context(), ticket, answered)
	e.Settle(t.Context(), ticket, again)
	correction := book.All()[0]
	correction.Revision, correction.Purpose = 1, policy.Correction
	if err := e.Correct(t.Context(), correction); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Time
		want int64
	}{{now, 3 * costOfACall}, {noon.Add(23 * time.Hour), 3 * costOfACall}, {noon.Add(25 * time.Hour), 0}} {
		now = c.at
		a, _ := used.Rules.Budgets.Of("day", "a", now)
		states, err := store.States(t.Context(), []budget.Account{a})
		if err != nil || states[0].Spent != c.want {
			t.Errorf("at %v: %+v, %v, want %d", now, states, err, c.want)
		}
	}
}

// A call that was admitted where two slices of a moving window meet is filled once.
func TestACallAtTheEdgeOfASliceOfAMovingWindowIsFilledOnce(t *testing.T) {
	now := noon
	book := &pages{}
	rule := budget.Rule{Name: "day", Per: []string{"team"}, Limit: usd, Window: budget.Window{Every: budget.Rolling, Length: 24 * time.Hour}}
	var used *engine.Options
	clock := func() time.Time { return now }
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Journal, o.Spending, o.Budgets, o.Now, used = book, book, budget.NewMemory(clock), clock, o
	}, rule)
	e.Settle(t.Context(), admit(t, e, numbered(1, "a")), answered)
	now = noon.Add(3 * 24 * time.Hour / 30) // of thirty slices that the ledger is read in
	filled := budget.NewMemory(clock)
	again, _, _ := limited(t, func(o *engine.Options) { o.Journal, o.Spending, o.Budgets, o.Now = book, book, filled, clock }, rule)
	if err := again.Fill(t.Context(), used.Rules.Budgets); err != nil {
		t.Fatal(err)
	}
	a, _ := used.Rules.Budgets.Of("day", "a", now)
	states, err := filled.States(t.Context(), []budget.Account{a})
	if err != nil || states[0].Spent != costOfACall {
		t.Errorf("spent %+v, %v, want %d", states, err, costOfACall)
	}
}
