package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// maxUnsettled bounds what waits for a store of budgets that does not answer.
// Beyond it holds lapse, at the most that was held.
const maxUnsettled = 100_000

// maxSeen bounds the accounts that are shown.
const maxSeen = 10_000

// settlement is what one record took of accounts: of those that hold for its call
// or of others. Its steps are taken in order, and each is marked as done when the
// store has answered: whichever is not known to be done can be taken again.
//
// A hold that the store was asked for without an answer may be taken at any time, as
// what asked may be late, and whether it was is known to nobody. It is never settled:
// what was spent is counted beside it, by a name of its own, and it is ended for good.
type settlement struct {
	id     policy.CallID
	spent  budget.Amounts
	passed bool // without the store, within the allowance

	held    bool // the first step: what is held as attempt is replaced by what was spent
	attempt int
	added   []budget.Account // that have no part in the hold, and count what is spent beside it

	others []budget.Account // the second: nothing is held of these, as attempt next
	next   int
	at     time.Time // when the call was admitted
	begun  bool      // the third: what is held as next is replaced by what was spent
	doubt  bool      // instead of both: the others are spent of, once, whatever the store took before

	// The last: holds are given back. It is after the others, so that in between too much
	// counts and never too little.
	back     way  // attempt
	backNext bool // next, for good

	// Of a store that others share: those that held for the call, and how often the
	// store had been filled then. If it was since, and has no hold, it had lost it.
	lost []budget.Account
	fill int64
}

// way is how a hold is ended.
type way uint8

const (
	not way = iota
	released
	forGood // it may still be on its way to the store
)

// accounts is what the engine knows of budgets beside their store.
type accounts struct {
	e *Engine

	mu        sync.Mutex // guards all below; held for look-ups and changes only
	unsettled []settlement
	seen      map[seenKey]budget.Account
	told      map[seenKey]telling
	held      map[heldKey]heldHold // of a store that others share
}

// seenKey is an account in whichever window.
type seenKey struct{ rule, of string }

// settle has s spent now, or as soon as the store answers.
func (b *accounts) settle(ctx context.Context, s settlement) {
	if s.held || s.back != not {
		h := b.ended(s.id, s.attempt)
		s.lost, s.fill = h.Accounts, h.fill
	}
	if !b.e.filling.late.Load() {
		if b.try(ctx, &s) == nil {
			b.e.away.ended(&s, true)
			return
		}
		b.e.storeDown(false)
	}
	b.e.metrics.storeFailed.WithLabelValues("settle").Inc()
	b.later(s)
	b.e.away.ended(&s, false)
}

// later has s spent as soon as the store answers.
func (b *accounts) later(s settlement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.unsettled) < maxUnsettled {
		b.unsettled = append(b.unsettled, s)
	}
}

// giveBack ends a hold that may have been taken though the store did not say so. It
// leaves room for what was spent: a hold that is not given back lapses.
func (b *accounts) giveBack(id policy.CallID, attempt int) {
	b.mu.Lock()
	full := len(b.unsettled) >= maxUnsettled/2
	b.mu.Unlock()
	if full {
		return
	}
	b.ended(id, attempt)
	b.later(settlement{id: id, attempt: attempt, back: forGood})
}

// try takes the steps of s that are not done.
func (b *accounts) try(ctx context.Context, s *settlement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.e.o.StoreWait)
	defer cancel()
	if s.held {
		found, err := b.close(ctx, s, s.attempt)
		if err != nil {
			return err
		}
		s.others = s.added
		if !found && s.fill != b.e.filling.times.Load() {
			s.others = slices.Concat(s.lost, s.added)
		}
		s.held, s.added = false, nil
		if s.back == forGood {
			s.back = not // close has done so
		}
	}
	if len(s.others) > 0 {
		if err := b.begin(ctx, s); err != nil {
			return err
		}
		s.others = nil
	}
	if s.begun {
		if _, err := b.close(ctx, s, s.next); err != nil {
			return err
		}
		s.begun = false
	}
	return b.handBack(ctx, s)
}

// begin holds nothing of the others, so that they are spent of once; where that is in
// doubt they are.
func (b *accounts) begin(ctx context.Context, s *settlement) error {
	s.others = softened(s.others)
	store := b.e.o.Budgets
	h := budget.Hold{ID: s.id, Attempt: s.next, Accounts: s.others, Until: store.Now().Add(holdFor)}
	if slices.ContainsFunc(s.others, func(a budget.Account) bool { return a.Rolling > 0 }) {
		h.At = s.at // else the windows of its accounts say when
	}
	if s.doubt {
		h.Attempt, h.Most = spentOnce+s.next, s.spent
		crossed, err := store.Spend(ctx, h, b.e.rules.Load().thresholds)
		if err == nil {
			b.note(s.others)
			b.tell(s, crossed)
		}
		return err
	}
	if _, err := store.Reserve(ctx, h); err != nil {
		s.doubt, s.backNext = true, true
		return err
	}
	b.note(s.others)
	s.begun = true
	return nil
}

// handBack takes the last step.
func (b *accounts) handBack(ctx context.Context, s *settlement) (err error) {
	store := b.e.o.Budgets
	switch s.back {
	case released:
		err = store.Release(ctx, s.id, s.attempt)
	case forGood:
		_, _, err = store.End(ctx, s.id, s.attempt, budget.Amounts{}, nil)
	}
	if err != nil {
		return err
	}
	s.back = not
	if s.backNext {
		if _, _, err = store.End(ctx, s.id, s.next, budget.Amounts{}, nil); err == nil {
			s.backNext = false
		}
	}
	return err
}

// close settles a hold that is there, and tells which marks were crossed.
func (b *accounts) close(ctx context.Context, s *settlement, attempt int) (found bool, err error) {
	settle := b.e.o.Budgets.Settle
	if s.back == forGood && attempt == s.attempt {
		settle = b.e.o.Budgets.End
	}
	crossed, found, err := settle(ctx, s.id, attempt, s.spent, b.e.rules.Load().thresholds)
	b.tell(s, crossed)
	return found, err
}

// tell does what is to be done once s was spent.
func (b *accounts) tell(s *settlement, crossed []budget.Crossed) {
	if slices.ContainsFunc(s.spent[:], func(n int64) bool { return n < 0 }) {
		b.e.known.Forget()
	}
	if len(crossed) > 0 {
		b.e.crossed(crossed)
	}
}

// release gives back what was held for a call; false: the store did not say that it
// did.
func (b *accounts) release(ctx context.Context, id policy.CallID, attempt int) (done bool) {
	b.ended(id, attempt)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.e.o.StoreWait)
	defer cancel()
	if err := b.e.o.Budgets.Release(ctx, id, attempt); err != nil {
		b.e.metrics.storeFailed.WithLabelValues("release").Inc()
		return false
	}
	return true
}

// catchUp settles what waits, until the store fails again.
func (e *Engine) catchUp(ctx context.Context) {
	e.filling.turn.Lock()
	defer e.filling.turn.Unlock()
	e.budgets.catchUp(ctx)
}

// catchUp is in its turn with fills: they begin with all that waits.
func (b *accounts) catchUp(ctx context.Context) {
	b.mu.Lock()
	waiting := b.unsettled
	b.unsettled = nil
	b.mu.Unlock()
	for i := range waiting {
		if b.try(ctx, &waiting[i]) != nil {
			b.mu.Lock()
			b.unsettled = append(waiting[i:], b.unsettled...)
			b.mu.Unlock()
			return
		}
	}
	b.e.away.counted()
}

// waiting reports whether anything waits for the store.
func (b *accounts) waiting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.unsettled) > 0
}

// note remembers accounts, to be shown.
func (b *accounts) note(all []budget.Account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range all {
		if all[i].Kept {
			continue
		}
		id := seenKey{all[i].Rule, all[i].Of}
		if was, there := b.seen[id]; there && was.Series == all[i].Series && was.Start.Equal(all[i].Start) && was.Limit == all[i].Limit {
			continue
		} else if there || len(b.seen) < maxSeen {
			b.seen[id] = all[i]
		}
	}
}

// outdate drops accounts whose rules count otherwise now: those begin anew.
func (b *accounts) outdate(rules *budget.Rules) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.seen, func(_ seenKey, a budget.Account) bool {
		now, is := rules.Of(a.Rule, a.Of, a.Start)
		return is && now.Series != a.Series
	})
}

// shown are the accounts that were asked or filled lately, in the windows of now.
func (b *accounts) shown(now time.Time) []budget.Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.seen, func(_ seenKey, a budget.Account) bool { return !a.End.IsZero() && !now.Before(a.End) })
	return slices.Collect(maps.Values(b.seen))
}
