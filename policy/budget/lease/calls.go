package lease

import (
	"context"
	"errors"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// Reserve implements budget.Store.
func (s *Store) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	bound(&h.Most)
	if !h.At.IsZero() { // no share counts at another moment than now
		return s.whole(ctx, h)
	}
	p := part(h.Accounts)
	switch b, took := s.take(ctx, &h, &p); {
	case !took:
		return s.whole(ctx, h)
	case b == nil || p.alone == nil:
		return budget.Taken, nil
	}
	alone := h
	alone.Accounts = p.alone
	short, err := s.shared.Reserve(ctx, alone)
	switch {
	case err != nil:
		return short, wrap("reserve what no share has", err)
	case short.OK():
		s.sure(name{h.ID, h.Attempt})
	default:
		s.forget(name{h.ID, h.Attempt})
		short.At = at(p.aloneAt, short.At)
	}
	return short, nil
}

func bound(most *budget.Amounts) {
	for unit := range most {
		most[unit] = min(max(0, most[unit]), budget.MaxMost)
	}
}

// take reserves from a share, which it raises if that is worth it. Without a share
// the hold is there already. A hold of which the store has not said whether it has it
// is asked for as before.
func (s *Store) take(ctx context.Context, h *budget.Hold, p *parted) (from *share, took bool) {
	now := s.Now()
	id := name{h.ID, h.Attempt}
	s.mu.Lock()
	if c, there := s.calls[id]; there {
		s.mu.Unlock()
		if !c.unsure {
			return nil, true
		}
		return c.from, c.from != nil
	}
	b := s.share(p.shared)
	if b == nil {
		s.mu.Unlock()
		return nil, false
	}
	b.ask(&h.Most, now)
	if took = s.lend(b, h, p); took || !b.grows(s.o.From, now, h.Until) {
		s.mu.Unlock()
		return b, took
	}
	b.begin()
	s.mu.Unlock()
	s.raise(ctx, b, &h.Most)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(b)
	return b, s.lend(b, h, p)
}

// lend takes from b, if there is room.
func (s *Store) lend(b *share, h *budget.Hold, p *parted) bool {
	if s.closed || !b.lends(&h.Most, h.Until) {
		return false
	}
	b.hold(&h.Most, 1)
	s.calls[name{h.ID, h.Attempt}] = call{from: b, of: b.of, parted: p.places(), unsure: p.alone != nil, most: h.Most, until: h.Until}
	return true
}

// sure notes that the store has what it is to have of a call.
func (s *Store) sure(id name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, there := s.calls[id]; there {
		c.unsure = false
		s.calls[id] = c
	}
}

// remove forgets a call, and returns what is known of it.
func (s *Store) remove(id name) (c call, there bool) {
	c, there = s.calls[id]
	if c.unsure && c.from == nil {
		s.unsure--
	}
	delete(s.calls, id)
	return c, there
}

// forget gives back what a call took of a share.
func (s *Store) forget(id name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, there := s.remove(id); there {
		s.end(&c, &budget.Amounts{})
	}
}

// end settles c in its share; false: the share is lost.
func (s *Store) end(c *call, spent *budget.Amounts) bool {
	if c.from == nil || c.from.of != c.of {
		return false
	}
	c.from.end(&c.most, spent)
	return true
}

// tries is how often a call is asked for again after shares gave back: while there
// are others that take.
const tries = 3

// whole reserves in the store. If that is short of what shares of this replica do
// not use, they give it back.
func (s *Store) whole(ctx context.Context, h budget.Hold) (budget.Short, error) {
	id := name{h.ID, h.Attempt}
	for try := 0; ; try++ {
		short, err := s.shared.Reserve(ctx, h)
		s.mu.Lock()
		s.remove(id)
		switch {
		case err == nil && short.OK():
			s.calls[id] = call{accounts: h.Accounts, most: h.Most, until: h.Until}
		case err != nil && !errors.Is(err, budget.ErrFresh) && s.unsure < maxUnsure:
			s.calls[id] = call{accounts: h.Accounts, most: h.Most, until: h.Until, unsure: true}
			s.unsure++
		}
		s.mu.Unlock()
		if err != nil {
			return short, wrap("reserve without a share", err)
		}
		if short.OK() {
			return short, nil
		}
		a := &h.Accounts[short.At]
		if !s.giveBack(ctx, a, h.Most[a.Unit]-short.Left, &short) || try == tries {
			return short, nil
		}
	}
}

// Settle implements budget.Store.
func (s *Store) Settle(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, thresholds []int) (crossed []budget.Crossed, found bool, err error) {
	c, there := s.know(name{id, n}, thresholds)
	if there && c.unsure && c.from != nil {
		crossed, found, err = s.settleUnsure(ctx, name{id, n}, spent, thresholds)
	} else {
		crossed, found, err = s.settleSure(ctx, name{id, n}, spent, thresholds)
	}
	if len(thresholds) > 0 && found {
		crossed = append(crossed, s.tell()...)
	}
	return crossed, found, wrap("settle", err)
}

// know returns what is known of a call, and notes the thresholds that are asked for.
func (s *Store) know(id name, thresholds []int) (c call, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(thresholds) > 0 {
		s.thresholds = thresholds
	}
	c, there = s.calls[id]
	return c, there
}

func (s *Store) settleSure(ctx context.Context, id name, spent budget.Amounts, thresholds []int) (crossed []budget.Crossed, found bool, err error) {
	c, found := s.endIn(ctx, id, &spent)
	if !found || c.parted != nil { // it may have been taken again in a store that lost it
		return s.shared.Settle(ctx, id.id, id.n, spent, thresholds)
	}
	return nil, true, nil
}

// settleUnsure settles a call of which the store has not said whether it has its
// part. Where it has not, the call was not taken: it spends nothing of its share.
func (s *Store) settleUnsure(ctx context.Context, id name, spent budget.Amounts, thresholds []int) ([]budget.Crossed, bool, error) {
	crossed, found, err := s.shared.Settle(ctx, id.id, id.n, spent, thresholds)
	if err != nil {
		return nil, false, err // the share holds it until it is known
	}
	if !found {
		spent = budget.Amounts{}
	}
	s.endIn(ctx, id, &spent)
	return crossed, found, nil
}

// endIn ends a call in its share, and counts that if it is time; false: the call has
// no part in one.
func (s *Store) endIn(ctx context.Context, id name, spent *budget.Amounts) (c call, ended bool) {
	now := s.Now()
	s.mu.Lock()
	c, there := s.remove(id)
	ended = there && s.end(&c, spent)
	due := ended && s.due(c.from, now)
	s.mu.Unlock()
	if due {
		more, _ := s.count(ctx, c.from, false) // if it fails, it is counted later
		s.found(more)
	}
	return c, ended
}

// Release implements budget.Store.
func (s *Store) Release(ctx context.Context, id policy.CallID, n int) error {
	if s.giveUp(ctx, name{id, n}) {
		return nil
	}
	return wrap("release", s.shared.Release(ctx, id, n))
}

// End implements budget.Store, but that a hold which a share has all of may be taken
// again: no request for it is on its way.
func (s *Store) End(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, thresholds []int) (crossed []budget.Crossed, found bool, err error) {
	c, ended := s.endIn(ctx, name{id, n}, &spent)
	if ended && c.parted == nil {
		return nil, true, nil
	}
	crossed, found, err = s.shared.End(ctx, id, n, spent, thresholds)
	return crossed, found, wrap("end", err)
}

// giveUp gives back what a call took of a share, and reports whether that was all.
func (s *Store) giveUp(ctx context.Context, id name) (all bool) {
	s.mu.Lock()
	c, there := s.remove(id)
	ended := there && s.end(&c, &budget.Amounts{})
	due := ended && s.closed
	s.mu.Unlock()
	if due {
		crossed, _ := s.count(ctx, c.from, true)
		s.found(crossed)
	}
	return ended && c.parted == nil
}
