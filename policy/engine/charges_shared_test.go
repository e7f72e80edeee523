package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
)

// sharing is a store of budgets that outlives processes, and is never new.
type sharing struct{ broken }

func (s *sharing) Missing(context.Context, []string) ([]string, bool, error) {
	return nil, true, s.fails()
}
func (s *sharing) Add(context.Context, []string, []budget.State) error { return s.fails() }
func (s *sharing) Hold(context.Context, budget.Hold) error             { return s.fails() }
func (s *sharing) Open(context.Context) (bool, error)                  { return true, s.fails() }

// dying is a ledger of which one loses the answer.
type dying struct {
	*clerk
	die func() // once it is booked
}

func (d *dying) Book(ctx context.Context, c ledger.Charge, by ledger.Change) (ledger.Charge, bool, error) {
	booked, fresh, err := d.clerk.Book(ctx, c, by)
	d.die()
	return booked, fresh, err
}

// TestAChargeCountsOnceInASharedStore: where the process ends after it was booked, and
// before, and where the store is away at either.
func TestAChargeCountsOnceInASharedStore(t *testing.T) {
	rule := month("each", 1e15)
	rule.Include = budget.CallsAndCharges
	rules := compiled(t, rule)
	c := &clerk{t: t, now: noon}
	store := &sharing{broken{Store: budget.NewMemory(func() time.Time { return c.now })}}
	c.start(rules, store)
	of, _ := rules.Of("each", "a", noon)
	want := func(what string, nano int64) {
		t.Helper()
		if states, err := store.States(t.Context(), []budget.Account{of}); err != nil || states[0].Spent != nano {
			t.Errorf("%s: spent %+v, %v, want %d", what, states, err, nano)
		}
	}
	fee := seat("a", 5)
	fee.ID = "fee"
	store.set(true)
	if _, err := c.book(fee); !errors.Is(err, ledger.ErrUncounted) {
		t.Errorf("while the store is away: %v", err)
	}
	if _, there, _ := c.Charge(t.Context(), "fee"); there {
		t.Error("what cannot be counted was booked")
	}
	store.set(false)
	for _, fresh := range []bool{true, false} {
		if got, err := c.book(fee); got != fresh || err != nil {
			t.Errorf("when it is back: fresh %v, %v, want %v", got, err, fresh)
		}
	}
	want("booked twice", 5)

	// The process ends between the ledger and the store, which the next finds.
	c.e = engineOver(t, c, &dying{c, func() { store.set(true) }}, store, rules)
	late := seat("a", 7)
	late.ID = "late"
	if _, err := c.book(late); err != nil {
		t.Fatal(err)
	}
	store.set(false)
	c.start(rules, store)
	want("before it is recovered", 5)
	for range 2 {
		if err := c.e.RecoverCharges(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("when it is recovered", 12)
	}

	// The store is away when it is counted: it is as soon as it is back.
	c.e = engineOver(t, c, &dying{c, func() { store.set(true) }}, store, rules)
	if _, err := c.book(ledger.Charge{ID: "back", Of: "late", Description: "a mistake"}); err != nil {
		t.Fatal(err)
	}
	store.set(false)
	if err := c.e.Refill(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("reversed", 5)
}

func engineOver(t *testing.T, c *clerk, charges ledger.Charges, store budget.Store, rules *budget.Rules) *engine.Engine {
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Journal, o.Spending, o.Charges, o.Budgets, o.Rules.Budgets = c, c, charges, store, rules
		o.Now = func() time.Time { return c.now }
	})
	return e
}
