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
// or, where nothing is held, of others. Each step of it can be taken again when it
// is not known whether the store took it.
type settlement struct {
	id      policy.CallID
	attempt int
	held    bool
	spent   budget.Amounts
	passed  bool // without the store, within the allowance

	others []budget.Account
	added  []budget.Account // that have no part in the hold, and count what is spent beside it
	next   int              // the attempt of a hold of nothing on others
	at     time.Time        // when the call was admitted

	// Of a store that others share: those that held for the call, and how often the
	// store had been filled then. If it was since, and has no hold, it had lost it.
	lost []budget.Account
	fill int64
}

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
	if s.held {
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

// giveBack settles for nothing a hold that may have been taken though the store did
// not say so. It leaves room for what was spent: a hold that is not given back
// lapses.
func (b *accounts) giveBack(id policy.CallID, attempt int) {
	b.mu.Lock()
	full := len(b.unsettled) >= maxUnsettled/2
	b.mu.Unlock()
	if full {
		return
	}
	b.later(settlement{id: id, attempt: attempt, held: true})
}

func (b *accounts) try(ctx context.Context, s *settlement) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.e.o.StoreWait)
	defer cancel()
	if s.held {
		found, err := b.close(ctx, s)
		if err != nil {
			return err
		}
		switch {
		case found:
			s.others = s.added
		case len(s.others) == 0 && s.fill != b.e.filling.times.Load():
			s.others = slices.Concat(s.lost, s.added)
		}
		s.held, s.added = false, nil
	}
	if len(s.others) == 0 {
		return nil
	}
	s.others = softened(s.others)
	store := b.e.o.Budgets
	h := budget.Hold{ID: s.id, Attempt: s.next, Accounts: s.others, Until: store.Now().Add(holdFor)}
	if slices.ContainsFunc(s.others, func(a budget.Account) bool { return a.Rolling > 0 }) {
		h.At = s.at // else the windows of its accounts say when
	}
	if _, err := store.Reserve(ctx, h); err != nil {
		return err
	}
	b.note(s.others)
	s.held, s.attempt, s.others = true, s.next, nil
	_, err := b.close(ctx, s)
	return err
}

// close settles a hold that is there, and tells which marks were crossed.
func (b *accounts) close(ctx context.Context, s *settlement) (found bool, err error) {
	crossed, found, err := b.e.o.Budgets.Settle(ctx, s.id, s.attempt, s.spent, b.e.rules.Load().thresholds)
	if slices.ContainsFunc(s.spent[:], func(n int64) bool { return n < 0 }) {
		b.e.known.Forget()
	}
	if len(crossed) > 0 {
		b.e.crossed(crossed)
	}
	return found, err
}

// release gives back what was held for a call.
func (b *accounts) release(ctx context.Context, id policy.CallID, attempt int) {
	b.ended(id, attempt)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.e.o.StoreWait)
	defer cancel()
	if err := b.e.o.Budgets.Release(ctx, id, attempt); err != nil {
		b.e.metrics.storeFailed.WithLabelValues("release").Inc() // it lapses
	}
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
