package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
)

// Bounds of who spent, as it is told to other replicas.
const (
	toldSpenders = 100             // of one account: those who spent the most
	keptSpenders = 20_000          // of one budget, in memory
	whoWithin    = 5 * time.Second // what who asks waits for others
	whoRests     = 3               // a new name is not read before so many times as long has passed as reading took
	whoLooks     = 250 * time.Millisecond
)

// spending is what was read to tell who spent.
type spending struct {
	pacing           // of names and budgets
	told   []string  // names that all was told by
	soon   time.Time // before which no new name is read
}

// TellWho tells other replicas who spent of budgets here, by those names that people
// ask for at any, and hears which these are. It is to be called every second or two,
// by a goroutine that may wait for the ledger; most times it only hears.
func (e *Engine) TellWho(ctx context.Context) {
	if e.o.Asked == nil || e.o.Who == nil || e.o.Spending == nil {
		return
	}
	e.spending.turn.Lock()
	defer e.spending.turn.Unlock()
	err := e.tellWho(ctx, false)
	if ctx.Err() != nil {
		return
	}
	switch was := e.spending.failing; {
	case err != nil && !was:
		e.o.Logger.WarnContext(ctx, "who spent is told from what is known of other replicas; they will be asked again", "err", err)
	case err == nil && was:
		e.o.Logger.InfoContext(ctx, "who spent is told to and heard from other replicas again")
	}
	e.spending.failing = err != nil
}

// leaveWho tells what there is at an end.
func (e *Engine) leaveWho(ctx context.Context) error {
	if e.o.Asked == nil || e.o.Who == nil || e.o.Spending == nil || !e.spending.turn.TryLock() { // else it is being told
		return nil
	}
	defer e.spending.turn.Unlock()
	if err := e.tellWho(ctx, true); err != nil {
		return err
	}
	return e.o.Asked.Leave(ctx, e.o.Budgets.Now())
}

// tellWho tells and hears; e.spending.turn is held. Unless all is to be told, that is
// where it is time to, or something is new.
func (e *Engine) tellWho(ctx context.Context, all bool) error {
	s := &e.spending
	rules, began, now := e.rules.Load().Budgets, e.o.Now(), e.o.Budgets.Now()
	board, cancel := context.WithTimeout(ctx, whoWithin)
	defer cancel()
	if err := e.o.Asked.Hear(board, now); err != nil {
		return err
	}
	names := e.o.Asked.Names()
	if all || s.news(rules, names, began) || !s.rest(began) {
		err := e.readWho(ctx, rules, names, now)
		ended := e.o.Now()
		s.done(began, ended)
		s.soon = ended.Add(whoRests * ended.Sub(began))
		if err != nil {
			s.told = nil
			return err
		}
		s.told = names
	}
	board, cancel = context.WithTimeout(ctx, whoWithin)
	defer cancel()
	return e.o.Asked.Say(board, s.told, now)
}

// news reports whether there is something to tell that was not, and that may be read.
func (s *spending) news(rules *budget.Rules, names []string, now time.Time) bool {
	fresh := s.rules != rules || slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(s.told, name) })
	return fresh && !s.failing && !now.Before(s.soon)
}

// readWho reads who spent, by each name, and tells it.
func (e *Engine) readWho(ctx context.Context, rules *budget.Rules, names []string, now time.Time) error {
	s := &e.spending
	s.begin(rules, now)
	f := newFiller(e.o.Spending, now)
	var all []parts.Span
	for _, rule := range addUp(rules, now) {
		for _, who := range names {
			l, err := s.read(ctx, whoMark(rule, who), whoOf(rules, rule, who, now), f.who(who))
			if err != nil {
				return fmt.Errorf("read who spent of budget %q by %s: %w", rule.Name, who, err)
			}
			l.Keep, l.Spent = ofUse(rule, now), biggest(l.Spent)
			all = append(all, *l)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, whoWithin)
	defer cancel()
	if err := e.o.Who.Hear(ctx, whoMarks(rules, names, now), now); err != nil {
		return err
	}
	return e.o.Who.Tell(ctx, all, now)
}

// addUp are the rules of which the ledger knows who spent.
func addUp(rules *budget.Rules, now time.Time) []*budget.Rule {
	return slices.DeleteFunc(slices.Clone(rulesOf(rules)), func(rule *budget.Rule) bool { return rule.Over(now) || !counted(rule) })
}

func whoMark(rule *budget.Rule, who string) string { return rule.Mark() + "\x00by " + who }

func whoMarks(rules *budget.Rules, names []string, now time.Time) (marks []string) {
	for _, rule := range addUp(rules, now) {
		for _, who := range names {
			marks = append(marks, whoMark(rule, who))
		}
	}
	return marks
}

// whoOf is what is read to tell who spent in the window of now; an empty who: that
// somebody did.
func whoOf(rules *budget.Rules, rule *budget.Rule, who string, now time.Time) *reading {
	by := keysOf(rule)
	if who != "" {
		by = keysOf(rule, who)
	}
	return &reading{rules, rule, by, later(rule.Window.Begin(now), now.Add(-calledWithin)), now}
}

// ofUse is how long it is of use who spent in the window of now.
func ofUse(rule *budget.Rule, now time.Time) time.Duration {
	if rule.Window.Every == budget.Rolling {
		return max(rule.Window.Length, time.Hour)
	}
	if _, end := rule.Window.At(now); !end.IsZero() {
		return max(end.Sub(now), time.Minute)
	}
	return 0
}

// who adds to spent who spent by a name, under whoKey.
func (f *filler) who(name string) func(ctx context.Context, r *reading, spent map[string]int64) error {
	return func(ctx context.Context, r *reading, spent map[string]int64) error {
		err := f.each(ctx, r, func(a *budget.Account, row *ledger.Spent, of func(string) string) {
			spent[whoKey(a.Of, of(name))] += inUnit(row, a.Unit)
		})
		if len(spent) > keptSpenders {
			for _, key := range slices.SortedFunc(maps.Keys(spent), bySpent(spent))[keptSpenders:] {
				delete(spent, key)
			}
		}
		return err
	}
}

// whoKey is of an account and a spender.
func whoKey(of, name string) string { return strconv.Quote(of) + name }

// whoIs is the account and the spender of a key; false: it is none.
func whoIs(key string) (of, name string, is bool) {
	quoted, err := strconv.QuotedPrefix(key)
	if err != nil {
		return "", "", false
	}
	of, err = strconv.Unquote(quoted)
	return of, key[len(quoted):], err == nil
}

// bySpent orders keys, those that spent the most first.
func bySpent(spent map[string]int64) func(a, b string) int {
	return func(a, b string) int { return cmp.Or(cmp.Compare(spent[b], spent[a]), cmp.Compare(a, b)) }
}

// biggest are those who spent the most of each account.
func biggest(spent map[string]int64) map[string]int64 {
	some, of := map[string]int64{}, map[string]int{}
	for _, key := range slices.SortedFunc(maps.Keys(spent), bySpent(spent)) {
		account, _, _ := whoIs(key)
		if of[account]++; of[account] <= toldSpenders {
			some[key] = spent[key]
		}
	}
	return some
}

// askWho has all replicas tell who spent by a name, waits for those that have not yet,
// and hears them. It reports whether all have told that are there.
func (e *Engine) askWho(ctx context.Context, rules *budget.Rules, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, whoWithin)
	defer cancel()
	all := false
	for !all {
		now := e.o.Budgets.Now()
		if e.o.Asked.Ask(ctx, name, now) != nil || e.o.Asked.Hear(ctx, now) != nil {
			return false
		}
		if all = e.o.Asked.Missing(name, now) == 0; !all && !again(ctx) {
			break
		}
	}
	now := e.o.Budgets.Now()
	hearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), whoWithin) // also of those who told in time
	defer cancel()
	return e.o.Who.Hear(hearing, whoMarks(rules, e.o.Asked.Names(), now), now) == nil && all
}

// again waits until it is time to look again; false: ctx ended.
func again(ctx context.Context) bool {
	t := time.NewTimer(whoLooks)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
