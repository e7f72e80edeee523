package lease

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// raise raises a share that is busy, or begins one, so that it has room for what is
// asked for lately. If there is too little left for that, or the store fails, there
// is no share for a period.
func (s *Store) raise(ctx context.Context, b *share, most *budget.Amounts) {
	if !s.raised(ctx, b, most) {
		s.mu.Lock()
		defer s.mu.Unlock()
		b.exactUntil = s.Now().Add(period)
	}
}

func (s *Store) raised(ctx context.Context, b *share, most *budget.Amounts) bool {
	states, err := s.shared.States(ctx, b.accounts)
	if err != nil {
		return false
	}
	s.mu.Lock()
	want, ok := b.wanted(states, most, s.Now())
	for unit := range want {
		want[unit] = max(0, want[unit]-b.room(budget.Unit(unit)))
	}
	s.mu.Unlock()
	if !ok {
		return false
	}
	short, err := s.raiseBy(ctx, b, &want)
	return err == nil && short.OK()
}

// raiseBy raises a share that is busy so that it has room for more than it has by an
// amount, or begins one with it.
func (s *Store) raiseBy(ctx context.Context, b *share, more *budget.Amounts) (budget.Short, error) {
	if !b.live {
		return s.start(ctx, b, more)
	}
	size, ok := s.sum(b, more)
	if !ok || b.renewal != nil || b.ending {
		crossed, err := s.steps(ctx, b, true)
		s.found(crossed)
		if err != nil {
			return budget.Short{}, err
		}
		if !b.live {
			return s.start(ctx, b, more)
		}
		if size, ok = s.sum(b, more); !ok {
			return budget.Short{}, errNoRoom
		}
	}
	short, err := s.shared.Extend(ctx, b.id, b.attempt, size)
	if err == nil && short.OK() {
		s.mu.Lock()
		defer s.mu.Unlock()
		b.size = size
	}
	return short, err
}

// sum is the size of b with more; ok is false if no store holds that.
func (s *Store) sum(b *share, more *budget.Amounts) (size budget.Amounts, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for unit := range size {
		if size[unit] = b.size[unit] + more[unit]; size[unit] > budget.MaxMost {
			return size, false
		}
	}
	return size, true
}

// start takes a new hold for a share.
func (s *Store) start(ctx context.Context, b *share, size *budget.Amounts) (budget.Short, error) {
	now := s.Now()
	h := budget.Hold{Accounts: b.accounts, Most: *size, Until: now.Add(holdFor)}
	rand.Read(h.ID[:])
	short, err := s.shared.Reserve(ctx, h)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && len(s.loose) < maxLoose:
		s.loose = append(s.loose, name{h.ID, 0})
	case err == nil && short.OK():
		b.lose()
		b.live, b.id, b.attempt, b.size = true, h.ID, 0, *size
		b.until, b.taken, b.counted = h.Until, now, now
	}
	return short, err
}

// due reports whether what a share spent is to be counted.
func (s *Store) due(b *share, now time.Time) bool {
	return b.live && !b.busy && (s.closed || s.o.Every < 0 || now.Sub(b.counted) >= s.o.Every)
}

// count counts in the store what a share spent, and gives back what it will not use
// soon; all that it does not use, if told so. A share that is busy is left: who made
// it so counts again.
func (s *Store) count(ctx context.Context, b *share, all bool) (crossed []budget.Crossed, err error) {
	for again := true; again; {
		s.mu.Lock()
		if b.busy || !b.live {
			s.mu.Unlock()
			return crossed, nil
		}
		b.begin()
		s.mu.Unlock()
		more, err := s.steps(ctx, b, all)
		crossed = append(crossed, more...)
		s.mu.Lock()
		s.finish(b)
		again = b.live && (s.o.Every < 0 && b.dirty() || s.closed && b.rests())
		s.mu.Unlock()
		if err != nil {
			return crossed, err
		}
	}
	return crossed, nil
}

// dirty reports whether the store does not know all that was spent.
func (b *share) dirty() bool {
	for i := range b.accounts {
		if b.spent[b.accounts[i].Unit] != 0 {
			return true
		}
	}
	return false
}

// rests reports whether there is anything of b to be counted or given back.
func (b *share) rests() bool {
	if b.open == 0 || b.dirty() {
		return true
	}
	for i := range b.accounts {
		if unit := b.accounts[i].Unit; b.size[unit] != b.held[unit] {
			return true
		}
	}
	return false
}

// steps counts a share that is busy, after what is not known to be done.
func (s *Store) steps(ctx context.Context, b *share, all bool) (crossed []budget.Crossed, err error) {
	if b.renewal != nil || b.ending {
		if crossed, err = s.step(ctx, b); err != nil {
			return crossed, err
		}
	}
	if !s.plan(b, all) {
		return crossed, nil
	}
	more, err := s.step(ctx, b)
	return append(crossed, more...), err
}

// plan decides what is to be done with a share, if anything.
func (s *Store) plan(b *share, all bool) bool {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !b.live {
		return false
	}
	b.counted = now
	keep, idle, changed := budget.Amounts{}, true, now.Sub(b.taken) > renewAfter
	asked, _ := b.recent(now)
	for i := range b.accounts {
		unit := b.accounts[i].Unit
		room := b.room(unit)
		if !all && !s.closed {
			keep[unit] = min(room, budget.Sum(asked[unit], asked[unit]))
		}
		idle = idle && keep[unit] == 0
		changed = changed || b.spent[unit] != 0 || keep[unit] < room
	}
	if idle && b.open == 0 {
		b.ending = true
		return true
	}
	if !changed {
		return false
	}
	b.renewal = &budget.Renewal{ID: b.id, Attempt: b.attempt, Next: b.attempt + 1, Spent: b.spent}
	for unit := range keep {
		b.renewal.Rest[unit] = b.held[unit] + keep[unit]
	}
	b.size, b.spent = b.renewal.Rest, budget.Amounts{}
	return true
}

// step does what was planned. What fails is done again later: it counts once.
func (s *Store) step(ctx context.Context, b *share) ([]budget.Crossed, error) {
	now := s.Now()
	s.mu.Lock()
	thresholds := s.thresholds
	s.mu.Unlock()
	if r := b.renewal; r != nil {
		r.Until = now.Add(holdFor)
		crossed, found, err := s.shared.Renew(ctx, *r, thresholds)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if !found {
			b.lose()
			return nil, nil
		}
		b.renewal, b.attempt = nil, r.Next
		b.until, b.taken = r.Until, now
		return crossed, nil
	}
	crossed, _, err := s.shared.Settle(ctx, b.id, b.attempt, b.spent, thresholds)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.lose()
	return crossed, nil
}

// giveBack has shares that count against an account give back what they do not use,
// if that is enough for what is needed, and reports whether they did. If it is not
// it is added to what is left.
func (s *Store) giveBack(ctx context.Context, a *budget.Account, needed int64, short *budget.Short) bool {
	var with []*share
	unused := int64(0)
	k := keyOf(a)
	s.mu.Lock()
	for _, b := range s.shares {
		if !b.live || b.busy {
			continue
		}
		for i := range b.accounts {
			if keyOf(&b.accounts[i]) == k && b.room(a.Unit) > 0 {
				unused += b.room(a.Unit)
				with = append(with, b)
			}
		}
	}
	s.mu.Unlock()
	if unused < needed || unused == 0 || ctx.Err() != nil {
		short.Left = budget.Sum(short.Left, unused)
		return false
	}
	gave := false
	for _, b := range with {
		crossed, err := s.count(ctx, b, true)
		s.found(crossed)
		gave = gave || err == nil
	}
	return gave
}

// Lapse implements budget.Store. It counts what shares spent, too, and gives back
// those that nobody asks for.
func (s *Store) Lapse(ctx context.Context) (lapsed int, _ error) {
	lapsed, shares := s.sweep(s.Now())
	if err := s.countAll(ctx, shares, false); err != nil {
		return lapsed, wrap("count shares of budgets", err)
	}
	n, err := s.shared.Lapse(ctx)
	return lapsed + n, err
}

// sweep spends what calls hold that are over their time. The store counts those of
// which it has something.
func (s *Store) sweep(now time.Time) (lapsed int, live []*share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.calls {
		if now.Before(c.until) {
			continue
		}
		s.remove(id)
		if s.end(&c, &c.most) && c.parted == nil {
			lapsed++
		}
	}
	for sum, b := range s.shares {
		switch {
		case b.live:
			live = append(live, b)
		case !b.busy && now.Sub(b.since) > forgetAfter:
			delete(s.shares, sum)
		}
	}
	return lapsed, live
}

// countAll counts shares, and gives back holds that may have been taken.
func (s *Store) countAll(ctx context.Context, shares []*share, all bool) error {
	for _, b := range shares {
		crossed, err := s.count(ctx, b, all)
		s.found(crossed)
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	loose := s.loose
	s.loose = nil
	s.mu.Unlock()
	for i, id := range loose {
		if _, _, err := s.shared.End(ctx, id.id, id.n, budget.Amounts{}, nil); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.loose = append(s.loose, loose[i:]...)
			return err
		}
	}
	return nil
}

// Close counts what shares spent, and gives them back, but for calls under way:
// those are counted as they end. Later calls are reserved in the shared store, which
// stays open. It may be called again where it fails.
func (s *Store) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_, live := s.sweep(s.Now())
	return wrap("give back shares of budgets", s.countAll(ctx, live, true))
}
