package engine_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// away is an engine whose store of budgets is down, with an allowance in percent.
func away(t *testing.T, percent int, rules ...budget.Rule) (*engine.Engine, *broken) {
	t.Helper()
	store := &broken{Store: budget.NewMemory(func() time.Time { return noon }), down: true}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Budgets, o.Rules.OpenOnError, o.Rules.Allowance = store, true, percent
	}, rules...)
	return e, store
}

// passing admits calls until one is refused, at most so many.
func passing(t *testing.T, e *engine.Engine, from byte, most int) (passed []policy.Ticket, why *policy.Refusal) {
	t.Helper()
	for i := range most {
		ticket := admit(t, e, numbered(from+byte(i), "a"))
		if ticket.Refusal != nil {
			return passed, ticket.Refusal
		}
		passed = append(passed, ticket)
	}
	return passed, nil
}

func TestTheAllowanceOfAnOutage(t *testing.T) {
	concurrent := budget.Rule{Name: "lanes", Unit: budget.Concurrency, Limit: 59, Window: budget.Window{Every: budget.Total}}
	rate := budget.Rule{Name: "burst", Unit: budget.Requests, Limit: 79, Rate: time.Minute, Window: budget.Window{Every: budget.Total}}
	free := month("month", 1)
	free.OnExhausted = budget.Allow
	for name, c := range map[string]struct {
		percent, pass int
		code          string
		rule          budget.Rule
	}{
		"of money":                     {5, 4, "budget_exhausted", month("month", 20*5*mostOfACall-1e8)},
		"of calls at once, rounded":    {5, 2, "rate_limited", concurrent},
		"of a rate, rounded":           {5, 3, "rate_limited", rate},
		"nothing":                      {0, 0, "budget_exhausted", month("month", usd)},
		"nothing of a rate":            {0, 0, "rate_limited", rate},
		"all":                          {100, 9, "budget_exhausted", month("month", 9*mostOfACall)},
		"a budget that refuses nobody": {0, 20, "", free},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := away(t, c.percent, c.rule)
			passed, why := passing(t, e, 1, 20)
			if len(passed) != c.pass {
				t.Errorf("%d calls passed, want %d", len(passed), c.pass)
			}
			if c.code == "" {
				return
			}
			if why == nil || why.Code != c.code || why.Status != 429 || why.Retry != time.Second || !why.Reset.IsZero() || !strings.Contains(why.Message, "away") {
				t.Errorf("then: %+v", why)
			}
		})
	}
}

func TestTheAllowanceIsOfEachAccount(t *testing.T) {
	e, _ := away(t, 5, month("month", 20*mostOfACall))
	if passed, _ := passing(t, e, 1, 3); len(passed) != 1 {
		t.Errorf("%d calls of one team passed", len(passed))
	}
	if why := admit(t, e, numbered(9, "b")).Refusal; why != nil {
		t.Errorf("another team: %+v", why)
	}
}

// What a call held too much is free again when it ends; what it took is not, before
// the store has counted it.
func TestTheAllowanceIsFreeAgainWhenTheStoreHasCounted(t *testing.T) {
	e, store := away(t, 5, month("month", 20*mostOfACall+20*costOfACall))
	pass := func(n byte) policy.Ticket {
		t.Helper()
		passed, why := passing(t, e, n, 1)
		if len(passed) != 1 {
			t.Fatalf("call %d: %+v", n, why)
		}
		return passed[0]
	}
	stays := func(n byte) {
		t.Helper()
		if why := admit(t, e, numbered(n, "a")).Refusal; why == nil {
			t.Fatalf("call %d passed", n)
		}
	}
	for n := range byte(2) { // whose costs together leave too little for a third
		e.Settle(t.Context(), pass(n), answered)
	}
	stays(3)
	e.Sweep(t.Context())
	stays(4) // nothing was counted
	store.set(false)
	e.Sweep(t.Context())
	if s, h := spent(t, e, "month"); s != 2*costOfACall || h != 0 {
		t.Errorf("after the first outage: spent %d, held %d", s, h)
	}
	store.set(true)
	during := pass(5)
	store.set(false)
	e.Sweep(t.Context())
	store.set(true)
	stays(6) // the call goes on, and is counted nowhere else
	store.set(false)
	e.Settle(t.Context(), during, answered)
	store.set(true)
	e.Settle(t.Context(), pass(7), answered)
	store.set(false)
	e.Sweep(t.Context())
	if s, h := spent(t, e, "month"); s != 4*costOfACall || h != 0 {
		t.Errorf("at the end: spent %d, held %d", s, h)
	}
}

func TestObserveHasNoAllowance(t *testing.T) {
	store := &broken{Store: budget.NewMemory(func() time.Time { return noon }), down: true}
	e, _, _ := limited(t, func(o *engine.Options) { o.Budgets, o.Rules.Enforce = store, false }, month("month", 1))
	if passed, why := passing(t, e, 1, 5); len(passed) != 5 {
		t.Errorf("%d passed: %+v", len(passed), why)
	}
}

// However outages and ends of calls fall together, each call is spent once.
func TestOutagesAndEndsAtOnce(t *testing.T) {
	e, store := away(t, 100, month("month", usd*1000))
	amidOutages(t, e, store)
	if s, h := spent(t, e, "month"); s != 400*costOfACall || h != 0 {
		t.Errorf("spent %d, held %d", s, h)
	}
}

// amidOutages has four callers make 100 calls each while the store comes and goes, and
// then has what waits for the store done.
func amidOutages(t *testing.T, e *engine.Engine, store *broken) {
	t.Helper()
	var wait sync.WaitGroup
	for caller := range byte(4) {
		wait.Go(func() {
			for n := range byte(100) {
				r := call(headers{"x-team": "a"})
				r.ID = policy.CallID{caller, n}
				ticket, err := e.Admit(t.Context(), r)
				if err != nil || ticket.Refusal != nil {
					t.Errorf("%+v, %v", ticket.Refusal, err)
				}
				e.Settle(t.Context(), ticket, answered)
			}
		})
	}
	wait.Go(func() {
		for n := range 200 {
			store.set(n%2 == 0)
			e.Sweep(t.Context())
		}
	})
	wait.Wait()
	store.set(false)
	e.Sweep(t.Context())
}
