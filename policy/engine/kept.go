package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// A budget of a store that others share has all that was spent once each process has
// added what its ledger had, and has counted by it from then on. So a process that takes
// one out of use, or starts without it, goes on counting by it, softly and unseen, until
// its window ends: others may have it still, and it may be put back. What it counts by is
// noted in the store, beside the mark that says that it began.

// maxKept bounds the rules that are kept.
const maxKept = 1000

// keepFor is how much longer than the window of now a rule is kept at least: those
// that are in use until then may count in the next.
const keepFor = 10 * time.Minute

// keepOn has rules, which are about to come into use, go on counting by those that they
// leave out. Marks of rules by which nobody counts any more, as their window is over, are
// forgotten, so that such a rule begins anew.
func (e *Engine) keepOn(ctx context.Context, rules *budget.Rules) error {
	if e.notes == nil || rules.Keeps() {
		return nil
	}
	noted, err := e.notes.Noted(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	now, inUse := e.o.Budgets.Now(), e.rules.Load().Budgets
	var kept []budget.Rule
	var over []string
	for _, mark := range slices.Sorted(maps.Keys(noted)) {
		rule, err := budget.ReadNote(mark, noted[mark])
		counts := !rule.Over(now)
		if rules != inUse && inUse.Keeps() { // we know better than what was noted
			counts = inUse.Counts(mark, now) || e.nextRules().Counts(mark, now)
		}
		switch {
		case err != nil:
			e.o.Logger.WarnContext(ctx, "a budget that is out of use is not counted on", "err", err)
		case !counts:
			over = append(over, mark)
		case rules.Uses(mark):
		case len(kept) == maxKept:
			e.o.Logger.WarnContext(ctx, "too many budgets are out of use: one is not counted on", "budget", rule.Name)
		default:
			if rule.Until.IsZero() || !now.Before(rule.Until) || inUse.Keeps() {
				_, rule.Until = rule.Window.At(now.Add(keepFor))
			}
			kept = append(kept, rule)
		}
	}
	if err := e.notes.Forget(ctx, over); err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	if err := e.noteAll(ctx, rules, rules.Uses); err != nil { // before anything counts by them
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	rules.Keep(kept)
	return nil
}

// nextRules are those that were filled last, and are not in use.
func (e *Engine) nextRules() *budget.Rules {
	e.filling.calls.RLock()
	defer e.filling.calls.RUnlock()
	return e.filling.next
}

// countOn has what is kept from now on be spent of rules too, which have all that they
// count. What came before them and did not come into use counts no more; it is noted
// until when they count what nobody uses.
func (e *Engine) countOn(ctx context.Context, rules *budget.Rules) error {
	inUse := e.rules.Load().Budgets
	if e.notes == nil || rules == inUse {
		return nil
	}
	e.filling.calls.Lock()
	e.filling.begins(inUse, rules)
	e.filling.calls.Unlock()
	return e.noteAll(ctx, rules, func(mark string) bool { return !rules.Uses(mark) && !inUse.Uses(mark) })
}

// noteAll notes what rules count of which marks, and until when.
func (e *Engine) noteAll(ctx context.Context, rules *budget.Rules, which func(mark string) bool) error {
	if e.notes == nil {
		return nil
	}
	texts := map[string]string{}
	note := func(rule *budget.Rule, until time.Time) error {
		mark := rule.Mark()
		if !rule.AddsUp() || !which(mark) {
			return nil
		}
		text, err := rule.Written(until)
		texts[mark] = text
		return err
	}
	for _, rule := range rules.Rules() {
		if err := note(rule, time.Time{}); err != nil {
			return err
		}
	}
	for _, rule := range rules.Kept() {
		if rule.Over(e.o.Budgets.Now()) {
			continue // it may have begun anew since
		}
		if err := note(rule, rule.Until); err != nil {
			return err
		}
	}
	return e.notes.Note(ctx, texts)
}

// noteInUse notes until when rules are kept, once those that leave them out are in use.
func (e *Engine) noteInUse(ctx context.Context, rules *budget.Rules) error {
	if !rules.Keeps() || e.filling.noted == rules {
		return nil
	}
	next := e.nextRules()
	err := e.noteAll(ctx, rules, func(mark string) bool { return !next.Uses(mark) || rules.Uses(mark) })
	if err == nil {
		e.filling.noted = rules
	}
	return err
}
