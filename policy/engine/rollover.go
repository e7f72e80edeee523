package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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
	turn    sync.Mutex           // held over I/O by who reads, which no call does
	rules   *budget.Rules        // that were given what was carried
	of      map[string]*rollover // by rule
	failing bool                 // as was said
	anew    atomic.Bool          // all is to be read again
}

// rollover is what was read for one rule, and for which window of it.
type rollover struct {
	mark    string    // of what was read
	start   time.Time // of the window that was carried into
	at      time.Time // when
	windows []*windowSum
	news    bool      // not all that is known is carried yet
	missed  time.Time // of the window into which it was said that too little is carried
}

// windowSum is what accounts spent in a window that is over, in the unit of a rule.
type windowSum struct {
	start, end, at time.Time
	spent          map[string]int64
	atLeast        bool // others may have spent more
}

// Carry gives accounts what windows before have left, soon after one has begun. It
// is to be called about every second; Sweep does it too.
func (e *Engine) Carry(ctx context.Context) {
	rules := e.rules.Load().Budgets
	if e.o.Parts == nil || e.rollovers.turned(rules, e.o.Budgets.Now()) {
		e.carryAgain(ctx, rules)
	}
}

// carryAgain says when what is carried cannot be known, and when it can be again.
func (e *Engine) carryAgain(ctx context.Context, rules *budget.Rules) {
	err := e.carry(ctx, rules)
	if ctx.Err() != nil {
		return
	}
	e.rollovers.turn.Lock()
	was := e.rollovers.failing
	e.rollovers.failing = err != nil
	e.rollovers.turn.Unlock()
	switch {
	case err != nil && !was:
		e.o.Logger.WarnContext(ctx, "what windows of budgets have left stays as it was read before, and is nothing in new ones", "err", err)
	case err == nil && was:
		e.o.Logger.InfoContext(ctx, "what windows of budgets have left is read again")
	}
}

// turned reports whether a window of any rule began within settlesOften.
func (r *rollovers) turned(rules *budget.Rules, now time.Time) bool {
	return slices.ContainsFunc(rulesOf(rules), func(rule *budget.Rule) bool {
		if rule.Rollover == nil || rule.Over(now) {
			return false
		}
		start, _ := rule.Window.At(now)
		return now.Sub(start) < settlesOften
	})
}

// carry gives accounts what windows before have left, where that is not known yet
// or may have changed. What cannot be read leaves all as it was.
func (e *Engine) carry(ctx context.Context, rules *budget.Rules) error {
	if e.o.Spending == nil || e.o.Parts == nil && (rules.None() || e.shared != nil) {
		return nil
	}
	e.rollovers.turn.Lock()
	defer e.rollovers.turn.Unlock()
	now := e.o.Budgets.Now()
	due := e.rollovers.due(rules, now)
	err := e.readBefore(ctx, rules, due, now)
	if e.o.Parts != nil {
		return errors.Join(err, e.carryTogether(ctx, rules, now))
	}
	if err != nil {
		return err
	}
	for _, rule := range due {
		if err := e.carryInto(ctx, rules, rule, e.rollovers.of[rule.Name].windows); err != nil {
			return err
		}
	}
	return nil
}

// readBefore reads what the ledger has of windows before that of now.
func (e *Engine) readBefore(ctx context.Context, rules *budget.Rules, due []*budget.Rule, now time.Time) error {
	if len(due) > 0 {
		if err := e.Flush(ctx); err != nil {
			return err
		}
	}
	f := newFiller(e.o.Spending, now)
	for _, rule := range due {
		was := e.rollovers.of[rule.Name]
		windows, err := f.before(ctx, rules, rule, was.windows)
		if err != nil {
			return fmt.Errorf("read what budget %q had left: %w", rule.Name, err)
		}
		was.windows, was.at, was.news = windows, now, true
		was.start, _ = rule.Window.At(now)
	}
	e.rollovers.rules = rules
	return nil
}

// due are the rules to read for. What was of other rules is forgotten.
func (r *rollovers) due(rules *budget.Rules, now time.Time) (due []*budget.Rule) {
	if r.anew.Swap(false) {
		r.of = nil
	}
	of := map[string]*rollover{}
	for _, rule := range rulesOf(rules) {
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

func rulesOf(rules *budget.Rules) []*budget.Rule {
	if rules.None() {
		return nil
	}
	return rules.Rules()
}

// againAfter is how long a reading holds of a window that ended an age before it.
func againAfter(age time.Duration) time.Duration {
	if age < settlesWithin {
		return settlesOften
	}
	return correctsEvery
}

// carryInto gives the accounts of a rule what windows leave to the one after the last.
func (e *Engine) carryInto(ctx context.Context, rules *budget.Rules, rule *budget.Rule, windows []*windowSum) error {
	start, end := rule.Window.At(windows[len(windows)-1].end)
	spentIn := func(w *windowSum) bool { return len(w.spent) > 0 }
	first := slices.IndexFunc(windows, spentIn)
	if first < 0 {
		first = len(windows)
	}
	raised, err := e.raisedIn(ctx, rule, windows[first:])
	if err != nil {
		return err
	}
	rules.Carry(rule.Name, carriedInto(rule, windows[first:], raised, budget.Carried{Start: start, End: end}))
	e.rollovers.of[rule.Name].news = false
	return nil
}

// before returns the windows before that of now, the oldest first. Of known ones
// the last is read again, and others when they have rested.
func (f *filler) before(ctx context.Context, rules *budget.Rules, rule *budget.Rule, known []*windowSum) ([]*windowSum, error) {
	windows := make([]*windowSum, maxBefore)
	at, _ := rule.Window.At(f.now)
	for n := range windows {
		start, end := rule.Window.At(at.Add(-1))
		at = start
		var w *windowSum
		if i := slices.IndexFunc(known, func(k *windowSum) bool { return k.start.Equal(start) }); i >= 0 {
			w = known[i]
		}
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
	for i, w := range windows {
		past[i] = w.past(rule.Limit, 0, nil)
	}
	c.Others = rule.Rollover.Carry(past)
	return c
}

// past is how an account ended w. A top-up that ended before w did, or was revoked,
// raises nothing that is left.
func (w *windowSum) past(limit, spent int64, topups []ledger.Topup) budget.Past {
	p := budget.Past{Limit: limit, Spent: spent, AtLeast: w.atLeast}
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
