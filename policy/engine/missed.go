package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// MissedFor is how long a mark is crossed and not told, in a store that others share,
// before it is told by who finds it so: who crossed it tells it meanwhile, if it lives.
const MissedFor = 5 * time.Second

// maxMissed bounds what one look finds; the rest is found by the next.
const maxMissed = 10_000

// told is the part of a ledger that knows which alerts there were.
type told interface {
	Alerts(ctx context.Context, s ledger.AlertSearch) ([]ledger.Alert, error)
}

// missing is what looks have found crossed, and not told yet.
type missing struct {
	turn  sync.Mutex           // held over I/O by who looks, which no call does
	since map[string]time.Time // when it was found first, by account and percent
}

// TellMissed tells of accounts that have spent more than a threshold of which people
// were not told, nor of a higher one: who crossed it was killed before it had kept the
// alert, or did not hear of it from the store, or a limit was lowered, or a budget
// began beyond it. Of several the highest alone is told. What the ledger has is told,
// whoever told it.
//
// It is to be called when accounts are filled and calls of an earlier run are settled,
// and about every half minute from then on, by a goroutine that may wait. Of a store
// that others share one replica at a time looks. Where again is true it has found what
// it tells only when that is so still, MissedFor later, and is to be called then.
func (e *Engine) TellMissed(ctx context.Context, in told) (again bool, err error) {
	rules := e.rules.Load().Budgets
	if e.teller == nil || rules.None() || e.filling.late.Load() {
		return false, nil
	}
	e.missing.turn.Lock()
	defer e.missing.turn.Unlock()
	l := &look{e: e, rules: rules, in: in, now: e.o.Budgets.Now(), at: e.o.Now(), unseen: map[string]budget.Account{}, since: map[string]time.Time{}}
	for _, a := range e.budgets.shown(l.now) {
		l.unseen[a.Key()] = a
	}
	mine, err := e.teller.Look(ctx, l.take)
	switch {
	case errors.Is(err, budget.ErrFresh):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for what budgets have crossed: %w", err)
	case !mine:
		e.missing.since = nil
		return false, nil
	}
	if again, err = l.tell(ctx); err == nil {
		e.missing.since = l.since
	}
	return again, errors.Join(err, l.keep(ctx))
}

// look is one look at all accounts.
type look struct {
	e       *Engine
	rules   *budget.Rules
	in      told
	now, at time.Time // by the clocks of the store, and of this process

	unseen  map[string]budget.Account // that calls counted against, and that were not looked at, by key
	changed []budget.Account          // whose limits are others by now
	found   []budget.Crossed          // that the store does not know to be told
	known   []budget.Crossed          // that people were told of
	since   map[string]time.Time      // as of missing
}

// take finds what accounts have crossed.
func (l *look) take(some []budget.Watched) error {
	for i := range some {
		w := &some[i]
		delete(l.unseen, w.Key())
		rule := l.rules.Rule(w.Rule)
		a, is := l.account(w, rule)
		if !is {
			continue
		}
		if a.Limit != w.Limit {
			l.changed = append(l.changed, a)
		}
		switch c, untold := w.Untold(&a, rule.Thresholds, l.now); {
		case untold && len(l.found) < maxMissed:
			l.found = append(l.found, c)
		case !untold && c.Percent > 0 && c.Rolling > 0:
			l.known = append(l.known, c) // for as long as it lasts
		}
	}
	return nil
}

// account is what is watched with its limit of now, or that of its window when that
// ended; false: no rule counts it.
func (l *look) account(w *budget.Watched, rule *budget.Rule) (a budget.Account, is bool) {
	if rule == nil || !rule.AddsUp() || len(rule.Thresholds) == 0 {
		return a, false
	}
	at, ended := l.now, !w.End.IsZero() && !l.now.Before(w.End)
	if ended {
		at = w.End.Add(-time.Nanosecond)
	}
	if rule.Over(at) {
		return a, false
	}
	if a, is = l.rules.Of(w.Rule, w.Of, at); !is || a.Key() != w.Key() {
		return a, false
	}
	if ended { // what was carried into it, or raised it, is known no more
		a.Limit = w.Limit
	}
	return a, true
}

// tell tells what was found, unless the ledger has it.
func (l *look) tell(ctx context.Context) (again bool, err error) {
	for i := range l.found {
		c := &l.found[i]
		is, err := l.kept(ctx, c)
		switch {
		case err != nil:
			return again, fmt.Errorf("read alerts of budget %q: %w", c.Rule, err)
		case is:
			if l.known = append(l.known, *c); len(l.known) >= keepAtOnce {
				err = l.keepKnown(ctx)
			}
		case l.waits(c):
			again = true
		default:
			event := eventOf(l.rules.Rule(c.Rule), &c.Account)
			event.Percent, event.Spent = c.Percent, c.Spent
			l.e.alert(event)
		}
		if err != nil {
			return again, err
		}
	}
	return again, nil
}

// keepAtOnce bounds what is found in the ledger and lost when a look is not ended.
const keepAtOnce = 100

func (l *look) keepKnown(ctx context.Context) error {
	known := l.known
	l.known = nil
	return l.e.teller.Tell(ctx, known)
}

// kept reports whether the ledger has an alert that says what c does.
func (l *look) kept(ctx context.Context, c *budget.Crossed) (bool, error) {
	all, err := l.in.Alerts(ctx, ledger.AlertSearch{
		Kind: string(alert.Budget), Rule: c.Rule, Of: c.Of, Limit: ledger.MaxPage,
		From: toldSince(&c.Account, l.now), To: l.now.AddDate(1, 0, 0), // whichever clock it was kept by
	})
	return slices.ContainsFunc(all, func(a ledger.Alert) bool {
		t := budget.Told{Percent: a.Percent, Limit: a.Limit, Spent: a.Spent, At: a.At}
		return a.Of == c.Of && a.Unit == c.Unit.String() && t.Says(c, l.now)
	}), err
}

// toldSince is since when an alert of an account is of its window; zero: always.
func toldSince(a *budget.Account, now time.Time) time.Time {
	if a.Rolling > 0 {
		return now.Add(-a.Rolling)
	}
	return a.Start
}

// waits reports whether who crossed c may be telling it now.
func (l *look) waits(c *budget.Crossed) bool {
	if l.e.shared == nil {
		return false // the desk of this process has it, and takes it once
	}
	key := fmt.Sprintf("%d %s", c.Percent, c.Key())
	first, is := l.e.missing.since[key]
	if !is {
		first = l.at
	}
	l.since[key] = first
	return l.at.Sub(first).Abs() < MissedFor
}

// keep gives the store what it does not know.
func (l *look) keep(ctx context.Context) error {
	for _, a := range l.unseen {
		l.changed = append(l.changed, a)
	}
	return errors.Join(l.keepKnown(ctx), l.e.teller.Watch(ctx, l.changed))
}

// Told has the store of budgets keep that the ledger has an alert, so that nobody who
// looks tells it again. Where that fails, who looks finds it in the ledger.
func (e *Engine) Told(ctx context.Context, a *ledger.Alert) error {
	rules := e.rules.Load().Budgets
	if e.teller == nil || rules.None() || a.Kind != string(alert.Budget) {
		return nil
	}
	at := a.Start
	if at.IsZero() {
		at = e.o.Budgets.Now()
	}
	account, is := rules.Of(a.Rule, a.Of, at)
	if !is || account.Unit.String() != a.Unit || !account.Start.Equal(a.Start) {
		return nil
	}
	account.Limit = a.Limit
	if err := e.teller.Tell(ctx, []budget.Crossed{{Account: account, Percent: a.Percent, Spent: a.Spent}}); err != nil {
		return fmt.Errorf("alert %d: %w", a.Number, err)
	}
	return nil
}
