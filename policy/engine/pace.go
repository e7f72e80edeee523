package engine

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
)

// How often other replicas are told what this one's ledger has spent lately.
const (
	paceOften  = time.Minute      // at most, and
	paceRests  = 50               // not before so many times as long has passed as reading took
	paceWithin = 5 * time.Second  // the board's time for all
	paceWhole  = time.Hour        // how often all is read again; else what was admitted since
	paceLate   = 10 * time.Minute // a moment so long before the last time that all was
)

// pacing is what was read to tell it.
type pacing struct {
	turn    sync.Mutex             // held over I/O by who tells, which no call does
	rules   *budget.Rules          // that it was read for
	whole   time.Time              // when all was read
	earlier map[string]*parts.Span // what was admitted until paceLate before then, by mark
	next    time.Time              // when it is told again
	failing bool                   // as was said
}

// TellPace tells other replicas what the ledger of this one has spent lately of
// budgets, and hears the same of them. It is to be called every few seconds, by a
// goroutine that may wait for the ledger; most times it does nothing.
func (e *Engine) TellPace(ctx context.Context) {
	if e.o.Pace == nil || e.o.Spending == nil {
		return
	}
	e.pacing.turn.Lock()
	defer e.pacing.turn.Unlock()
	began := e.o.Now()
	if e.pacing.rest(began) {
		return
	}
	err := e.tellPace(ctx)
	e.pacing.done(began, e.o.Now())
	if ctx.Err() != nil {
		return
	}
	switch was := e.pacing.failing; {
	case err != nil && !was:
		e.o.Logger.WarnContext(ctx, "how fast budgets are spent is told from what is known of other replicas; it will be asked for again", "err", err)
	case err == nil && was:
		e.o.Logger.InfoContext(ctx, "how fast budgets are spent is told to and heard from other replicas again")
	}
	e.pacing.failing = err != nil
}

// rest reports whether it is not told at a time.
func (p *pacing) rest(now time.Time) bool {
	return now.Before(p.next) && p.next.Sub(now) <= paceRests*paceOften // else the clock was set
}

// done notes how long it took to tell it.
func (p *pacing) done(began, ended time.Time) {
	p.next = ended.Add(min(max(paceOften, paceRests*ended.Sub(began)), paceRests*paceOften))
}

// leavePace tells what there is at an end.
func (e *Engine) leavePace(ctx context.Context) error {
	if e.o.Pace == nil || e.o.Spending == nil || !e.pacing.turn.TryLock() { // else it is being told
		return nil
	}
	defer e.pacing.turn.Unlock()
	return e.tellPace(ctx)
}

// tellPace tells and hears; e.pacing.turn is held.
func (e *Engine) tellPace(ctx context.Context) error {
	rules := e.rules.Load().Budgets
	now := e.o.Budgets.Now()
	e.pacing.begin(rules, now)
	f := newFiller(e.o.Spending, now)
	var marks []string
	var all []parts.Span
	for _, rule := range rulesOf(rules) {
		if rule.Over(now) || !paced(rule) {
			continue
		}
		l, err := e.pacing.read(ctx, rule.Mark(), latelyOf(rules, rule, now), f.pace)
		if err != nil {
			return fmt.Errorf("read what budget %q has spent lately: %w", rule.Name, err)
		}
		marks, all = append(marks, l.Mark), append(all, *l)
	}
	ctx, cancel := context.WithTimeout(ctx, paceWithin)
	defer cancel()
	if err := e.o.Pace.Hear(ctx, marks, now); err != nil {
		return err
	}
	return e.o.Pace.Tell(ctx, all, now)
}

// paced reports whether accounts of a rule are spent at a rate: charges come at once,
// and tell of none.
func paced(rule *budget.Rule) bool { return counted(rule) && rule.Include.OfCalls() }

// latelyOf is what is read to tell at which rate accounts of a rule are spent now.
func latelyOf(rules *budget.Rules, rule *budget.Rule, now time.Time) *reading {
	calls := *rule
	calls.Include = budget.Calls
	return &reading{rules, &calls, keysOf(rule), later(rule.Window.Begin(now), now.Add(-burnOver)), now}
}

// begin has all be read again where rules are new, or it is time to.
func (p *pacing) begin(rules *budget.Rules, now time.Time) {
	if p.rules != rules || now.Sub(p.whole).Abs() >= paceWhole {
		p.rules, p.whole, p.earlier = rules, now, map[string]*parts.Span{}
	}
}

// read is what the ledger has of a mark, as sum adds it up; of what was read before
// it reads again only what calls that were under way may have changed.
func (p *pacing) read(ctx context.Context, mark string, r *reading, sum func(context.Context, *reading, map[string]int64) error) (*parts.Span, error) {
	l := &parts.Span{Mark: mark, From: r.from, To: r.until, Spent: map[string]int64{}}
	rests := p.whole.Add(-paceLate).Truncate(time.Microsecond)
	if r.from.Before(rests) {
		was := p.earlier[mark]
		if was == nil {
			was = &parts.Span{Mark: mark, From: r.from, To: rests, Spent: map[string]int64{}}
			early := *r
			early.until = rests.Add(-time.Microsecond)
			if err := sum(ctx, &early, was.Spent); err != nil {
				return nil, err
			}
			p.earlier[mark] = was
		}
		l.Spent, r.from = was.Within(r.from, rests), rests
	}
	if err := sum(ctx, r, l.Spent); err != nil {
		return nil, err
	}
	maps.DeleteFunc(l.Spent, func(_ string, n int64) bool { return n == 0 })
	return l, nil
}

// pace adds to spent what one reading has.
func (f *filler) pace(ctx context.Context, r *reading, spent map[string]int64) error {
	return f.each(ctx, r, func(a *budget.Account, row *ledger.Spent, _ func(string) string) {
		spent[a.Of] += inUnit(row, a.Unit)
	})
}
