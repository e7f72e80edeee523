package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// Rules of budgets that are new, or count otherwise than before, begin with what the
// ledger has at one moment. What is kept after that moment was not read: it is spent
// of their accounts too, by whichever rules its call was admitted. So each record
// counts once in each account, whenever its call ends.

// adder is a store of this process alone.
type adder interface {
	Add(ctx context.Context, states []budget.State) error
}

// fillOwn gives a store of this process alone what the ledger has of rules that
// begin. Those that were in use go on with what they have.
func (e *Engine) fillOwn(ctx context.Context, rules *budget.Rules) error {
	e.filling.turn.Lock()
	defer e.filling.turn.Unlock()
	anew := e.filling.begin(e.rules.Load().Budgets, rules)
	if len(anew) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, fillWithin)
	defer cancel()
	f, err := e.readAsOf(ctx, rules, anew, false)
	if err != nil {
		e.filling.drop(rules)
		return err
	}
	states, seen := f.result()
	load := e.o.Budgets.Load
	if own, adds := e.o.Budgets.(adder); adds {
		load = own.Add // for calls may have ended since, and were spent of these accounts
	}
	if err := load(ctx, states); err != nil {
		e.filling.drop(rules)
		return fmt.Errorf("give the store of budgets what was spent: %w", err)
	}
	e.filling.filled = rules
	e.budgets.note(seen)
	return nil
}

// begin returns those of rules that have to be filled, where now is in use.
func (f *filling) begin(now, rules *budget.Rules) (anew []*budget.Rule) {
	if f.filled == now {
		f.inUse = now
	}
	before := f.inUse
	switch {
	case rules == now && before == now, rules == f.filled:
		return nil
	case rules == now: // at the start
		for _, rule := range rules.Rules() {
			if rule.AddsUp() {
				anew = append(anew, rule)
			}
		}
		return anew
	case before != now:
		before = nil
	}
	f.fills++
	if anew = rules.Continue(before, f.fills); len(anew) == 0 {
		f.filled = rules
	}
	return anew
}

// begins says that what is kept from now on is spent of accounts of rules too, which
// are not in use yet. calls must be held for writing.
func (f *filling) begins(now, rules *budget.Rules) {
	if rules != now {
		f.next = rules
	}
}

// drop takes back what begins said, as rules could not be filled.
func (f *filling) drop(rules *budget.Rules) {
	f.calls.Lock()
	defer f.calls.Unlock()
	if f.next == rules {
		f.next = nil
	}
}

// others are the accounts that a record counts against where nothing is held for its
// call. filling.calls must be held.
func (e *Engine) others(t *policy.Ticket, provider string) []budget.Account {
	now := accountsBy(e.rules.Load().Budgets, t, provider)
	return slices.Concat(now, without(accountsBy(e.filling.next, t, provider), now))
}

// added are the accounts of budgets that a call counts against and that began after
// it was admitted: they have no part in what is held for it. filling.calls must be
// held.
func (e *Engine) added(t *policy.Ticket, provider string) []budget.Account {
	now, next := e.rules.Load().Budgets, e.filling.next
	by, here := t.By.(*budget.Rules)
	if by == now && next == nil && here {
		return nil
	}
	if !here {
		return e.addedSince(t, provider)
	}
	has := accountsBy(by, t, provider)
	added := without(accountsBy(now, t, provider), has)
	return slices.Concat(added, without(accountsBy(next, t, provider), slices.Concat(has, added)))
}

// addedSince are the accounts of budgets that began after an earlier run admitted a
// call. A store of this process alone has nothing of that run, and no store has anything
// of a call of which nothing was held.
func (e *Engine) addedSince(t *policy.Ticket, provider string) (added []budget.Account) {
	rules, nothing := e.rules.Load().Budgets, !t.Hold.Taken && !t.Hold.Uncounted
	for _, a := range e.others(t, provider) {
		rule := rules.Rule(a.Rule)
		if e.shared == nil || nothing || rule != nil && !a.Kept && slices.Contains(e.filling.fresh, rule.Mark()) {
			added = append(added, a)
		}
	}
	return without(added, nil)
}

// accountsBy are those that a call counts against by rules, in the windows of its
// admission.
func accountsBy(rules *budget.Rules, t *policy.Ticket, provider string) []budget.Account {
	if rules.None() {
		return nil
	}
	return rules.Accounts(attributesOf(t, provider), t.At)
}

// without are those of all that add up and are none of known.
func without(all, known []budget.Account) []budget.Account {
	return slices.DeleteFunc(all, func(a budget.Account) bool {
		same := func(k budget.Account) bool { return k.Key() == a.Key() }
		return a.Rate > 0 || a.Unit == budget.Concurrency || slices.ContainsFunc(known, same)
	})
}
