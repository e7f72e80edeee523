package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// rollingSlices is in how many slices of time a moving window is read from the
// ledger: what was spent leaves it up to a slice late.
const rollingSlices = 30

// shortestSlice bounds how finely a window with very many owners is read.
const shortestSlice = time.Minute

// aheadAtMost is how far calls may be ahead of the clock that a fill is at, as that
// of another server may have taken its place, or it was set.
const aheadAtMost = time.Hour

// Fill gives the store of budgets what the ledger has of the windows of now, for
// accounts that it does not know yet: those of a new budget, or all of a store
// that begins anew, their top-ups, and what windows before have left. It is called before calls are admitted by
// these rules. Of a store that others share it answers budget.ErrFresh while they
// have time to add what they have.
func (e *Engine) Fill(ctx context.Context, rules *budget.Rules) error {
	if rules == nil || e.o.Budgets == nil {
		return nil
	}
	if err := e.raise(ctx, rules); err != nil || e.o.Spending == nil {
		return err
	}
	if e.shared != nil {
		if err := e.fillShared(ctx, rules); err != nil {
			return err
		}
		return e.carry(ctx, rules)
	}
	if err := e.carry(ctx, rules); err != nil {
		return err
	}
	return e.fillOwn(ctx, rules)
}

// filler sums what the ledger has by accounts.
type filler struct {
	ledger ledger.Spending
	now    time.Time
	asked  map[string][]ledger.Spent // by question: many rules ask the same
	states map[loadKey]*budget.State
}

// loadKey is an account and, in a moving window, the moment that a slice ends.
type loadKey struct {
	account string
	at      int64
}

func newFiller(from ledger.Spending, now time.Time) *filler {
	return &filler{ledger: from, now: now, asked: map[string][]ledger.Spent{}, states: map[loadKey]*budget.State{}}
}

// result is what was read, and of which accounts.
func (f *filler) result() (states []budget.State, seen []budget.Account) {
	for _, s := range f.states {
		states, seen = append(states, *s), append(seen, s.Account)
	}
	return states, seen
}

func (f *filler) read(ctx context.Context, rules *budget.Rules, rule *budget.Rule) error {
	if rule.Window.Every != budget.Rolling {
		from, end := rule.Window.At(f.now)
		until := f.now.Add(aheadAtMost)
		if !end.IsZero() {
			until = end.Add(-time.Microsecond) // whatever readings of the clock were ahead of this one
		}
		return f.slice(ctx, &reading{rules, rule, keysOf(rule), from, until}, time.Time{})
	}
	each := rule.Window.Length / rollingSlices
	for i := range rollingSlices {
		until := f.now.Add(-time.Duration(i) * each)
		to := until.Add(-time.Microsecond) // what is at the edge is in the slice that begins there
		if i == 0 {
			to = until.Add(aheadAtMost)
		}
		if err := f.slice(ctx, &reading{rules, rule, keysOf(rule), until.Add(-each), to}, until); err != nil {
			return err
		}
	}
	return nil
}

// keysOf are what a rule has to know of calls, and more, in one order.
func keysOf(rule *budget.Rule, more ...string) []string {
	by := slices.Concat(rule.Per, more)
	for key := range rule.Match {
		by = append(by, key)
	}
	slices.Sort(by)
	return slices.Compact(by)
}

// reading asks what was spent of a rule in [from, until], by groups.
type reading struct {
	rules       *budget.Rules
	rule        *budget.Rule
	by          []string
	from, until time.Time
}

// slice adds what one reading has.
func (f *filler) slice(ctx context.Context, r *reading, at time.Time) error {
	return f.each(ctx, r, func(a *budget.Account, row *ledger.Spent, _ func(string) string) {
		key := loadKey{a.Key(), at.UnixNano()}
		if f.states[key] == nil {
			f.states[key] = &budget.State{Account: *a, At: at}
		}
		f.states[key].Spent += inUnit(row, a.Unit)
	})
}

// each tells take of every group that counts, with its account in the window of
// now and the values of its keys.
func (f *filler) each(ctx context.Context, r *reading, take func(a *budget.Account, row *ledger.Spent, of func(string) string)) error {
	rows, err := f.rows(ctx, r)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		of := func(key string) string {
			if n := slices.Index(r.by, key); n >= 0 {
				return row.Keys[n]
			}
			return ""
		}
		if a, fits := r.rules.AccountBy(r.rule, of, f.now); fits {
			take(&a, row, of)
		}
	}
	return nil
}

// rows are the groups of calls and of charges that a rule includes.
func (f *filler) rows(ctx context.Context, r *reading) (rows []ledger.Spent, err error) {
	if r.rule.Include.OfCalls() {
		if rows, err = f.ask(ctx, f.ledger.Spent, "calls", r); err != nil {
			return nil, err
		}
	}
	if !r.rule.Include.OfCharges() {
		return rows, nil
	}
	charges, err := f.ask(ctx, f.ledger.Booked, "charges", r)
	return slices.Concat(rows, charges), err
}

func inUnit(s *ledger.Spent, unit budget.Unit) int64 {
	switch unit {
	case budget.Charged:
		return s.Charged
	case budget.Contracted:
		return s.Contracted
	case budget.Tokens:
		return s.Tokens
	case budget.Requests:
		return s.Calls
	default:
		return 0
	}
}

// ask sums what there is of a kind by keys. A time in which too many owners spent is
// asked for in two halves.
func (f *filler) ask(ctx context.Context, sum func(context.Context, ledger.Query) ([]ledger.Spent, error), kind string, r *reading) ([]ledger.Spent, error) {
	question := fmt.Sprint(kind, r.by, r.from.UnixNano(), r.until.UnixNano())
	if rows, known := f.asked[question]; known {
		return rows, nil
	}
	q := ledger.Query{From: r.from, To: r.until.Add(time.Microsecond)}
	for _, key := range r.by {
		if key == budget.Model {
			key = "model_asked"
		}
		q.By = append(q.By, key)
	}
	rows, err := sum(ctx, q)
	if errors.Is(err, ledger.ErrTooManyRows) && !r.from.IsZero() && r.until.Sub(r.from) > shortestSlice {
		early, late := *r, *r
		late.from = r.from.Add(r.until.Sub(r.from) / 2).Truncate(time.Microsecond)
		early.until = late.from.Add(-time.Microsecond)
		before, err := f.ask(ctx, sum, kind, &early)
		if err != nil {
			return nil, err
		}
		after, err := f.ask(ctx, sum, kind, &late)
		if err != nil {
			return nil, err
		}
		return slices.Concat(before, after), nil
	}
	if err == nil {
		f.asked[question] = rows
	}
	return rows, err
}
