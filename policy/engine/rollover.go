package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// Bounds of what is read to know what windows before have left.
const (
	// maxBefore is how many windows are followed back.
	maxBefore = 24
	// A window that has just ended is read again every settlesOften while its calls are
	// still coming to their ends, for settlesWithin; after that every correctsEvery, as
	// it may be corrected. Older ones are read again every restsFor.
	settlesOften  = time.Minute
	settlesWithin = 10 * time.Minute
	correctsEvery = time.Hour
	restsFor      = 24 * time.Hour
)

// rollovers are what the ledger was last asked of windows that are over.
type rollovers struct {
	turn  sync.Mutex           // held over I/O by who reads, which no call does
	rules *budget.Rules        // that were given what was carried
	of    map[string]*rollover // by rule
}

// rollover is what was read for one rule, and for which window of it.
type rollover struct {
	mark  string    // of what was read
	start time.Time // of the window that was carried into
	at    time.Time // when
	sums  map[int64]*windowSum
}

// windowSum is what accounts spent in a window that is over, in the unit of a rule.
type windowSum struct {
	start, end, at time.Time
	spent          map[string]int64
}

// carry gives accounts what windows before have left, where that is not known yet
// or may have changed. What cannot be read leaves all as it was.
func (e *Engine) carry(ctx context.Context, rules *budget.Rules) error {
	if rules.None() || e.o.Spending == nil || e.shared != nil { // others have spent, and their ledgers are theirs
		return nil
	}
	e.rollovers.turn.Lock()
	defer e.rollovers.turn.Unlock()
	now := e.o.Budgets.Now()
	due := e.rollovers.due(rules, now)
	if len(due) == 0 {
		return nil
	}
	if err := e.Flush(ctx); err != nil {
		return err
	}
	f := newFiller(e.o.Spending, now)
	for _, rule := range due {
		if err := e.carryOf(ctx, f, rules, rule); err != nil {
			return fmt.Errorf("read what budget %q had left: %w", rule.Name, err)
		}
	}
	e.rollovers.rules = rules
	return nil
}

// due are the rules to read for. What was of other rules is forgotten.
func (r *rollovers) due(rules *budget.Rules, now time.Time) (due []*budget.Rule) {
	of := map[string]*rollover{}
	for _, rule := range rules.Rules() {
		if rule.Rollover == nil || rule.Over(now) {
			continue
		}
		was := r.of[rule.Name]
		if was == nil || was.mark != rule.Mark() {
			was = &rollover{mark: rule.Mark()}
		}
		of[rule.Name] = was
		if start, _ := rule.Window.At(now); r.rules != rules || !was.start.Equal(start) || now.Sub(was.at) >= againAfter(was.at.Sub(start)) {
			due = append(due, rule)
		}
	}
	r.of = of
	return due
}

// againAfter is how long a reading holds of a window that ended an age before it.
func againAfter(age time.Duration) time.Duration {
	if age < settlesWithin {
		return settlesOften
	}
	return correctsEvery
}

func (e *Engine) carryOf(ctx context.Context, f *filler, rules *budget.Rules, rule *budget.Rule) error {
	was := e.rollovers.of[rule.Name]
	start, end := rule.Window.At(f.now)
	windows, err := f.before(ctx, rules, rule, was.sums)
	if err != nil {
		return err
	}
	was.sums = make(map[int64]*windowSum, len(windows))
	for _, w := range windows {
		was.sums[w.start.UnixNano()] = w
	}
	spentIn := func(w *windowSum) bool { return len(w.spent) > 0 }
	first := max(0, slices.IndexFunc(windows, spentIn))
	if !slices.ContainsFunc(windows, spentIn) {
		first = len(windows)
	}
	raised, err := e.raisedIn(ctx, rule, windows[first:])
	if err != nil {
		return err
	}
	rules.Carry(rule.Name, carriedInto(rule, windows[first:], raised, budget.Carried{Start: start, End: end}))
	was.start, was.at = start, f.now
	return nil
}

// before returns the windows before that of now, the oldest first. Of known ones
// the last is read again, and others when they have rested.
func (f *filler) before(ctx context.Context, rules *budget.Rules, rule *budget.Rule, known map[int64]*windowSum) ([]*windowSum, error) {
	windows := make([]*windowSum, maxBefore)
	at, _ := rule.Window.At(f.now)
	for n := range windows {
		start, end := rule.Window.At(at.Add(-1))
		at = start
		w := known[start.UnixNano()]
		if w == nil || n == 0 || f.now.Sub(w.at) >= restsFor {
			w = &windowSum{start: start, end: end, at: f.now, spent: map[string]int64{}}
			if err := f.sum(ctx, rules, rule, w); err != nil {
				return nil, err
			}
		}
		windows[len(windows)-1-n] = w
	}
	return windows, nil
}

// sum reads what was spent in a window. Accounts that spent nothing are left out.
func (f *filler) sum(ctx context.Context, rules *budget.Rules, rule *budget.Rule, w *windowSum) error {
	r := &reading{rules, rule, keysOf(rule), w.start, w.end.Add(-time.Microsecond)}
	return f.each(ctx, r, func(a *budget.Account, row *ledger.Spent, _ func(string) string) {
		if spent := inUnit(row, a.Unit); spent != 0 {
			w.spent[a.Of] += spent
		}
	})
}

// raisedIn are the top-ups of a rule that were in force in any of the windows.
func (e *Engine) raisedIn(ctx context.Context, rule *budget.Rule, windows []*windowSum) (raised []ledger.Topup, err error) {
	if len(windows) == 0 || e.o.Topups == nil {
		return nil, nil
	}
	all, err := e.o.Topups.Topups(ctx, windows[0].start)
	if err != nil {
		return nil, fmt.Errorf("read top-ups of windows before: %w", err)
	}
	for i := range all {
		if t := &all[i]; t.GrantedBy != "" && t.Rule == rule.Name && t.Unit == rule.Unit.String() {
			raised = append(raised, *t)
		}
	}
	return raised, nil
}

// carriedInto adds to c what the windows leave to each account that is known of, and
// to all others, which spent nothing.
func carriedInto(rule *budget.Rule, windows []*windowSum, raised []ledger.Topup, c budget.Carried) budget.Carried {
	topups := map[string][]ledger.Topup{}
	for i := range raised {
		topups[raised[i].Of] = append(topups[raised[i].Of], raised[i])
	}
	left := func(of string, limit int64) int64 {
		past := make([]budget.Past, len(windows))
		for i, w := range windows {
			past[i] = w.past(limit, w.spent[of], topups[of])
		}
		return rule.Rollover.Carry(past)
	}
	c.Of = map[string]int64{}
	known := func(of string) {
		if _, done := c.Of[of]; done {
			return
		}
		limit, other := rule.Except[of]
		if !other {
			limit = rule.Limit
		}
		c.Of[of] = left(of, limit)
	}
	for _, w := range windows {
		for of := range w.spent {
			known(of)
		}
	}
	for of := range rule.Except {
		known(of)
	}
	for of := range topups {
		known(of)
	}
	past := make([]budget.Past, len(windows))
	for i := range past {
		past[i].Limit = rule.Limit
	}
	c.Others = rule.Rollover.Carry(past)
	return c
}

// past is how an account ended w. A top-up that ended before w did, or was revoked,
// raises nothing that is left.
func (w *windowSum) past(limit, spent int64, topups []ledger.Topup) budget.Past {
	p := budget.Past{Limit: limit, Spent: spent}
	for i := range topups {
		switch from, until := topups[i].Raised(); {
		case !from.Before(w.end) || !until.IsZero() && (!from.Before(until) || !w.start.Before(until)):
		case until.IsZero() || !until.Before(w.end):
			p.Limit += topups[i].Amount
		default:
			p.Ended += topups[i].Amount
		}
	}
	return p
}
