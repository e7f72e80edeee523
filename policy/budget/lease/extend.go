package lease

import (
	"context"
	"errors"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// Extend implements budget.Store.
func (s *Store) Extend(ctx context.Context, id policy.CallID, n int, most budget.Amounts) (budget.Short, error) {
	bound(&most)
	s.mu.Lock()
	c, there := s.calls[name{id, n}]
	inShare := there && c.from != nil && c.from.of == c.of // else the store may hold it again
	s.mu.Unlock()
	if !inShare {
		return s.extendWhole(ctx, name{id, n}, &c, &most)
	}
	short, err := s.extendShare(ctx, name{id, n}, &most)
	if err != nil || !short.OK() {
		return short, wrap("extend in a share", err)
	}
	if c.parted == nil {
		return budget.Taken, nil
	}
	short, err = s.shared.Extend(ctx, id, n, most)
	if err == nil && short.OK() {
		return short, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, there := s.calls[name{id, n}]; there && now.from != nil && now.from.of == now.of {
		for unit := range most {
			most[unit] = c.most[unit] - now.most[unit]
		}
		now.from.hold(&most, 0)
		now.most = c.most
		s.calls[name{id, n}] = now
	}
	short.At = at(c.parted.aloneAt, short.At)
	return short, wrap("extend what no share has", err)
}

// extendWhole raises a hold that the store has. If that is short of what shares of
// this replica do not use, they give it back.
func (s *Store) extendWhole(ctx context.Context, id name, c *call, most *budget.Amounts) (budget.Short, error) {
	for try := 0; ; try++ {
		short, err := s.shared.Extend(ctx, id.id, id.n, *most)
		switch {
		case err != nil:
			return short, wrap("extend without a share", err)
		case short.OK():
			s.wholeIs(id, most)
			return short, nil
		case try == tries || short.At >= len(c.accounts):
			return short, nil
		}
		a := &c.accounts[short.At]
		if !s.giveBack(ctx, a, most[a.Unit]-c.most[a.Unit]-short.Left, &short) {
			return short, nil
		}
	}
}

// wholeIs notes what the store holds of a call that it has all of.
func (s *Store) wholeIs(id name, most *budget.Amounts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, there := s.calls[id]
	if !there || c.from != nil {
		return
	}
	for unit := range most {
		c.most[unit] = max(c.most[unit], most[unit])
	}
	s.calls[id] = c
}

// errNoRoom is returned for what the store would not hold at once.
var errNoRoom = errors.New("calls under way hold more than a store takes at once: wait until some have ended")

// extendShare raises what a call holds of its share, and the share if there is no
// room.
func (s *Store) extendShare(ctx context.Context, id name, most *budget.Amounts) (budget.Short, error) {
	for {
		c, more, wait, ok := s.holdMore(id, most)
		switch {
		case ok:
			return budget.Taken, nil
		case wait != nil:
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return budget.Short{}, ctx.Err()
			}
		}
		short, err := s.raiseBy(ctx, c.from, &more)
		s.mu.Lock()
		s.finish(c.from)
		s.mu.Unlock()
		if err != nil {
			return short, err
		}
		if short.OK() {
			continue
		}
		a := &c.from.accounts[short.At]
		if s.giveBack(ctx, a, more[a.Unit]-short.Left, &short) {
			continue
		}
		if most[a.Unit] <= a.Limit {
			short.Again = a.End
		}
		if c.parted != nil {
			short.At = at(c.parted.sharedAt, short.At)
		}
		return short, nil
	}
}

// holdMore raises what a call holds of its share to most; ok says that it did, or
// that the call holds nothing of it any more. Without room the share is made busy,
// or wait is closed when who did so is done.
func (s *Store) holdMore(id name, most *budget.Amounts) (c call, more budget.Amounts, wait <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, there := s.calls[id]
	if !there || c.from == nil || c.from.of != c.of {
		return c, more, nil, true
	}
	for unit := range more {
		more[unit] = max(0, most[unit]-c.most[unit])
	}
	switch {
	case c.from.fits(&more):
		c.from.hold(&more, 0)
		for unit := range more {
			c.most[unit] += more[unit]
		}
		s.calls[id] = c
		return c, more, nil, true
	case c.from.busy:
		return c, more, c.from.done, false
	}
	c.from.begin()
	return c, more, nil, false
}
