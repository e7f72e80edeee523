package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// told is the part of a ledger that knows which alerts there were.
type told interface {
	Alerts(ctx context.Context, s ledger.AlertSearch) ([]ledger.Alert, error)
}

// TellMissed tells of accounts that have spent more than a threshold of which the
// ledger has no alert in their window, nor one of a higher threshold: a process that
// is killed between a settlement and the entry of its alert loses that, and a budget
// may begin beyond a threshold. Of several the highest alone is told. It is called
// when accounts are filled and calls of an earlier run are settled.
//
// Of a store that others share nothing is told: who crossed a threshold told it, and
// a replica that starts may not have heard of that yet. Each start of each of them
// could tell it once more, and people stop reading what they know already. There a
// lost alert is followed by that of the next threshold, and by that of the first
// refusal.
func (e *Engine) TellMissed(ctx context.Context, in told) error {
	rules := e.rules.Load().Budgets
	if e.shared != nil || rules.None() {
		return nil
	}
	states, err := e.States(ctx)
	if err != nil {
		return fmt.Errorf("ask how budgets stand: %w", err)
	}
	for i := range states {
		rule := rules.Rule(states[i].Rule)
		if rule == nil || !rule.AddsUp() || len(rule.Thresholds) == 0 {
			continue
		}
		if err := e.tellMissed(ctx, in, rule, &states[i]); err != nil {
			return fmt.Errorf("read alerts of budget %q: %w", rule.Name, err)
		}
	}
	return nil
}

func (e *Engine) tellMissed(ctx context.Context, in told, rule *budget.Rule, s *budget.State) error {
	event := eventOf(rule, &s.Account)
	for _, c := range s.Crossings(0, s.Spent, rule.Thresholds) {
		event.Percent, event.Spent = max(event.Percent, c.Percent), c.Spent
	}
	if event.Percent == 0 {
		return nil
	}
	now := e.o.Budgets.Now()
	all, err := in.Alerts(ctx, ledger.AlertSearch{
		Kind: string(alert.Budget), Rule: s.Rule, Of: s.Of, Limit: ledger.MaxPage,
		From: toldSince(&s.Account, now), To: now.AddDate(1, 0, 0), // whichever clock it was kept by
	})
	if err != nil {
		return err
	}
	known := func(a ledger.Alert) bool {
		return a.Of == s.Of && a.Unit == event.Unit && a.Percent >= event.Percent
	}
	if !slices.ContainsFunc(all, known) {
		e.alert(event)
	}
	return nil
}

// toldSince is since when an alert of an account is of its window; zero: always.
func toldSince(a *budget.Account, now time.Time) time.Time {
	if a.Rolling > 0 {
		return now.Add(-a.Rolling)
	}
	return a.Start
}
