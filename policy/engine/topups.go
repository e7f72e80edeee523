package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// topups is the part of the ledger that knows what limits were raised by.
type topups interface {
	Topups(ctx context.Context, at time.Time) ([]ledger.Topup, error)
}

// Raise gives accounts the top-ups that are in force: of this process at once, and
// of others when they Sweep.
func (e *Engine) Raise(ctx context.Context) error { return e.raise(ctx, e.rules.Load().Budgets) }

func (e *Engine) raise(ctx context.Context, rules *budget.Rules) error {
	if rules.None() || e.o.Topups == nil {
		return nil
	}
	e.raising.Lock() // so that an older reading does not replace a newer one
	defer e.raising.Unlock()
	all, err := e.o.Topups.Topups(ctx, e.o.Budgets.Now())
	if err != nil {
		return fmt.Errorf("read top-ups of budgets: %w", err)
	}
	var extras []budget.Extra
	for i := range all {
		t := &all[i]
		unit, is := budget.ParseUnit(t.Unit)
		if !t.InForce() || !is {
			continue
		}
		extras = append(extras, budget.Extra{Rule: t.Rule, Of: t.Of, Unit: unit, Amount: t.Amount, From: t.GrantedAt, Until: t.Until})
	}
	rules.Raise(extras)
	return nil
}

// Account is the account of a budget or a part of a rate limit that has the given
// values, in the window of now; false: there is none.
func (e *Engine) Account(rule, of string) (a budget.Account, is bool) {
	rules := e.rules.Load().Budgets
	if rules.None() {
		return a, false
	}
	return rules.Of(rule, of, e.o.Budgets.Now())
}
