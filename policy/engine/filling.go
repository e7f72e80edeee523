package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// filling is how a store that several share comes to have what the ledger of this
// process has, when it is new and after it has lost all. The ledger is read at one
// moment: what was kept before is in what is read, and what is kept later is spent
// by itself.
type filling struct {
	turn  sync.Mutex    // held over I/O by who fills or catches up, which no call does
	calls sync.RWMutex  // held for reading while a record is kept and spent, and for writing in the moment; guards next and fresh
	next  *budget.Rules // that are given what the ledger had at a moment, and are not in use yet; nil: none
	fresh []string      // marks of rules that no hold of an earlier run counts against
	times atomic.Int64  // how many such moments there were
	lost  chan struct{} // holds one: a call was told that the store has not all

	// Of a store of this process alone. Guarded by turn.
	filled, inUse *budget.Rules // that were given what the ledger has: last, and before they came into use
	fills         uint64

	noted *budget.Rules // of which it is noted that they are in use; guarded by turn

	begun *tally      // what could not be added yet
	late  atomic.Bool // the store has not come since the start: it is asked nothing, and told nothing
}

// tally is what the ledger had at a moment.
type tally struct {
	marks  []string // of what was read
	states []budget.State
	seen   []budget.Account
}

// everything marks that a store has all that the ledger has.
const everything = ""

// marksOf are those of all rules that the ledger tells something of.
func marksOf(rules *budget.Rules, now time.Time) []string {
	marks := []string{everything}
	for _, r := range countedBy(rules, now) {
		if r.AddsUp() {
			marks = append(marks, r.Mark())
		}
	}
	return marks
}

// countedBy are rules that are in use, and those that are kept and not over.
func countedBy(rules *budget.Rules, now time.Time) []*budget.Rule {
	kept := slices.DeleteFunc(rules.Kept(), func(rule *budget.Rule) bool { return rule.Over(now) })
	return slices.Concat(rules.Rules(), kept)
}

// Lost tells when Refill should be called at once.
func (e *Engine) Lost() <-chan struct{} { return e.filling.lost }

// Shared reports whether others take of the store of budgets too.
func (e *Engine) Shared() bool { return e.shared != nil }

// Refill gives a store that several share what it does not have of the ledger of
// this process. It is to be called about every second, and when Lost says so.
func (e *Engine) Refill(ctx context.Context) error {
	rules := e.rules.Load().Budgets
	if e.shared == nil || rules.None() {
		return nil
	}
	err := e.fillShared(ctx, rules)
	if err != nil && !errors.Is(err, budget.ErrFresh) {
		e.metrics.storeFailed.WithLabelValues("fill").Inc()
	}
	if err == nil {
		e.catchUp(ctx)
	}
	return err
}

// fillShared adds what the store misses. While others have time to add what they
// have, it answers budget.ErrFresh.
func (e *Engine) fillShared(ctx context.Context, rules *budget.Rules) error {
	e.filling.turn.Lock()
	defer e.filling.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, fillWithin)
	defer cancel()
	if err := e.keepOn(ctx, rules); err != nil {
		return err
	}
	missing, open, err := e.shared.Missing(ctx, marksOf(rules, e.o.Budgets.Now()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	if len(missing) > 0 {
		if err := e.add(ctx, rules, missing); err != nil {
			return err
		}
	}
	if err := e.countOn(ctx, rules); err != nil {
		return err
	}
	if !open {
		if open, err = e.shared.Open(ctx); err == nil && !open {
			err = budget.ErrFresh
		}
	}
	if err == nil && rules == e.rules.Load().Budgets {
		err = e.noteInUse(ctx, rules)
	}
	if err == nil {
		e.filling.late.Store(false)
	}
	return err
}

// fillWithin is how long filling may take.
const fillWithin = 30 * time.Second

// add adds to the store what it misses. What was read of the ledger and not added
// is kept: what is spent since is spent after it.
func (e *Engine) add(ctx context.Context, rules *budget.Rules, missing []string) (err error) {
	lost := slices.Contains(missing, everything)
	r := e.filling.begun
	if r == nil || !slices.Equal(r.marks, missing) {
		if r, err = e.read(ctx, rules, missing, lost); err != nil {
			return err
		}
		e.filling.begun = r
	} else {
		e.filling.calls.Lock()
		e.filling.begins(e.rules.Load().Budgets, rules)
		e.filling.calls.Unlock()
	}
	if err := e.noteAll(ctx, rules, func(mark string) bool { return slices.Contains(missing, mark) }); err != nil {
		return err
	}
	if err := e.shared.Add(ctx, missing, r.states); err != nil {
		return err
	}
	e.filling.begun = nil
	e.budgets.note(r.seen)
	e.metrics.filled.Inc()
	e.o.Logger.InfoContext(ctx, "what the ledger has was added to the store of budgets", "budgets", len(missing)-1, "accounts", len(r.states))
	if lost {
		return e.budgets.holdAgain(ctx)
	}
	e.filling.calls.Lock()
	defer e.filling.calls.Unlock()
	still := marksOf(rules, e.o.Budgets.Now())
	e.filling.fresh = slices.DeleteFunc(append(e.filling.fresh, missing...), func(mark string) bool { return !slices.Contains(still, mark) })
	return nil
}

// read sums what the ledger has of the budgets that are marked.
func (e *Engine) read(ctx context.Context, rules *budget.Rules, marks []string, lost bool) (*tally, error) {
	var some []*budget.Rule
	for _, rule := range countedBy(rules, e.o.Budgets.Now()) {
		if rule.AddsUp() && slices.Contains(marks, rule.Mark()) {
			some = append(some, rule)
		}
	}
	f, err := e.readAsOf(ctx, rules, some, lost)
	if err != nil {
		return nil, err
	}
	r := &tally{marks: marks}
	r.states, r.seen = f.result()
	return r, nil
}

// readAsOf sums what the ledger has of some rules at one moment, from which on all
// that is kept is spent of their accounts too.
func (e *Engine) readAsOf(ctx context.Context, rules *budget.Rules, some []*budget.Rule, lost bool) (*filler, error) {
	asOf, end, err := e.freeze(ctx, rules, some, lost)
	if err != nil {
		return nil, err
	}
	defer end()
	f := newFiller(asOf, e.o.Budgets.Now())
	for _, rule := range some {
		if err := f.read(ctx, rules, rule); err != nil {
			return nil, fmt.Errorf("read what budget %q has spent: %w", rule.Name, err)
		}
	}
	return f, nil
}

// freeze is the ledger as it is now, with all that was spent. Where the store has
// lost all, what waits to be spent is in it, and waits no more; else inTime sees to
// it for some.
func (e *Engine) freeze(ctx context.Context, rules *budget.Rules, some []*budget.Rule, lost bool) (ledger.Spending, func(), error) {
	if err := e.Flush(ctx); err != nil { // so that little is left for the moment
		return nil, nil, err
	}
	e.filling.calls.Lock()
	defer e.filling.calls.Unlock()
	short, cancel := context.WithTimeout(ctx, freezeWithin)
	defer cancel()
	if err := e.Flush(short); err != nil {
		return nil, nil, err
	}
	asOf, end, err := e.o.Spending, func() {}, error(nil)
	if f, ok := asOf.(ledger.Freezer); ok {
		if asOf, end, err = f.Freeze(ctx); err != nil {
			return nil, nil, fmt.Errorf("read the ledger at one moment: %w", err)
		}
	}
	if lost {
		e.filling.times.Add(1)
		e.budgets.forget()
		e.filling.next, e.filling.fresh = nil, nil
	} else {
		e.budgets.inTime(rules, some)
	}
	e.filling.begins(e.rules.Load().Budgets, rules)
	return asOf, end, nil
}

// freezeWithin is how long the ends of calls may wait for a fill to begin.
const freezeWithin = time.Second

// keepAndSpend writes a record to the ledger and to accounts, between two fills.
func (e *Engine) keepAndSpend(ctx context.Context, t *policy.Ticket, rec *policy.Record, recovered bool) (degraded string) {
	e.filling.calls.RLock()
	defer e.filling.calls.RUnlock()
	degraded = e.keep(ctx, *rec)
	e.spend(ctx, t, rec, recovered)
	return degraded
}

// missed notes that the store has not all.
func (f *filling) missed() {
	select {
	case f.lost <- struct{}{}:
	default:
	}
}
