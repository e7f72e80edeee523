package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/parts"
)

// tellWithin is how long one budget may take to be told to others, and heard of.
const tellWithin = 5 * time.Second

// carryTogether gives accounts what windows before have left, as all ledgers have
// them; e.rollovers.turn is held. Where others cannot be heard, all stays as it was.
func (e *Engine) carryTogether(ctx context.Context, rules *budget.Rules, now time.Time) (err error) {
	var marks []string
	for _, was := range e.rollovers.of {
		marks = append(marks, was.mark)
	}
	e.o.Parts.Keep(marks)
	within, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	if err := e.o.Parts.Others(within, now); err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	for _, rule := range rulesOf(rules) {
		was := e.rollovers.of[rule.Name]
		if was == nil || len(was.windows) == 0 {
			continue
		}
		if failed := e.together(ctx, rules, rule, was, now); failed != nil {
			err = errors.Join(err, fmt.Errorf("%w: budget %q: %w", ErrAway, rule.Name, failed))
		}
	}
	if failed := e.here(ctx, now, false); failed != nil {
		err = errors.Join(err, fmt.Errorf("%w: %w", ErrAway, failed))
	}
	return err
}

func (e *Engine) here(ctx context.Context, now time.Time, leaving bool) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	return e.o.Parts.Here(ctx, now, leaving)
}

func (e *Engine) together(ctx context.Context, rules *budget.Rules, rule *budget.Rule, was *rollover, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	changed, err := e.o.Parts.Hear(ctx, was.mark, now)
	was.news = was.news || changed
	if err != nil {
		return err
	}
	if err := e.o.Parts.Tell(ctx, was.telling(now)); err != nil || !was.news {
		return err
	}
	all := partsOf(was.windows)
	missing := e.o.Parts.Sum(was.mark, all, now)
	if len(missing) > 0 && now.Sub(was.start) >= settlesOften && !was.missed.Equal(was.start) {
		was.missed = was.start
		e.o.Logger.WarnContext(ctx, "windows of a budget leave nothing to the next, as replicas that spent in them have not told all; they do when they are back",
			"budget", rule.Name, "ledgers", missing)
	}
	sums := make([]*windowSum, len(all))
	for i, w := range all {
		sums[i] = &windowSum{start: w.Start, end: w.End, spent: w.Spent, atLeast: w.AtLeast}
	}
	if err := e.carryInto(ctx, rules, rule, sums); err != nil {
		return err
	}
	was.news = len(missing) > 0 // they may be gone soon
	return nil
}

// telling is what the ledger of this process has of windows that are over.
func (r *rollover) telling(now time.Time) *parts.Telling {
	return &parts.Telling{Mark: r.mark, Now: now, AsOf: r.at, Windows: partsOf(r.windows)}
}

func partsOf(windows []*windowSum) []parts.Window {
	all := make([]parts.Window, len(windows))
	for i, w := range windows {
		all[i] = parts.Window{Start: w.start, End: w.end, Spent: w.spent}
	}
	return all
}

// Leave tells others that share the store of budgets what the ledger of this process
// has, also of windows that have not ended. It is called when all calls are settled.
func (e *Engine) Leave(ctx context.Context) error {
	rules := e.rules.Load().Budgets
	if e.o.Parts == nil {
		return nil
	}
	e.rollovers.turn.Lock()
	defer e.rollovers.turn.Unlock()
	if err := e.Flush(ctx); err != nil {
		return err
	}
	now := e.o.Budgets.Now()
	e.rollovers.due(rules, now)
	f := newFiller(e.o.Spending, now)
	var failed error
	for _, rule := range rulesOf(rules) {
		was := e.rollovers.of[rule.Name]
		if was == nil {
			continue
		}
		if err := e.leave(ctx, f, rules, rule, was); err != nil {
			failed = errors.Join(failed, fmt.Errorf("tell what budget %q has spent: %w", rule.Name, err))
		}
	}
	return errors.Join(failed, e.here(ctx, now, true), e.leavePace(ctx), e.leaveWho(ctx))
}

func (e *Engine) leave(ctx context.Context, f *filler, rules *budget.Rules, rule *budget.Rule, was *rollover) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	windows, err := f.before(ctx, rules, rule, was.windows)
	if err != nil {
		return err
	}
	start, end := rule.Window.At(f.now)
	open := &windowSum{start: start, end: end, spent: map[string]int64{}}
	if err := f.sum(ctx, rules, rule, open); err != nil {
		return err
	}
	if _, err := e.o.Parts.Hear(ctx, was.mark, f.now); err != nil {
		return err
	}
	t := was.telling(f.now)
	t.AsOf, t.Windows, t.Leaving = f.now, partsOf(append(windows, open)), true
	return e.o.Parts.Tell(ctx, t)
}
