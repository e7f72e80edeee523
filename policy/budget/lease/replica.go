package lease

import (
	"context"

	"github.com/farebox/farebox/policy/budget"
)

// SharedParts is a store that all replicas share, each with a ledger of its own.
type SharedParts interface {
	Shared
	budget.Shared
}

// Replica is a Store of a replica that has a part of the ledger: a budget.Shared. It
// is safe for concurrent use.
type Replica struct {
	*Store
	parts budget.Shared
	notes budget.Noter // nil: the store notes nothing
}

var _ budget.Noter = (*Replica)(nil)

// NewReplica makes a store of a replica.
func NewReplica(shared SharedParts, o Options) *Replica {
	notes, _ := shared.(budget.Noter)
	return &Replica{New(shared, o), shared, notes}
}

// Missing implements budget.Shared. Where this process may take nothing of the store
// it has lost the shares, too: they are dropped, before the ledger is read that has
// what was spent of them.
func (r *Replica) Missing(ctx context.Context, marks []string) (missing []string, open bool, err error) {
	missing, open, err = r.parts.Missing(ctx, marks)
	if err == nil && !open {
		r.drop()
	}
	return missing, open, err
}

// Add implements budget.Shared.
func (r *Replica) Add(ctx context.Context, marks []string, states []budget.State) error {
	return r.parts.Add(ctx, marks, states)
}

// Hold implements budget.Shared. The store has all of the hold, whatever a share had.
func (r *Replica) Hold(ctx context.Context, h budget.Hold) error { return r.parts.Hold(ctx, h) }

// Open implements budget.Shared.
func (r *Replica) Open(ctx context.Context) (bool, error) { return r.parts.Open(ctx) }

// Noted implements budget.Noter.
func (r *Replica) Noted(ctx context.Context) (map[string]string, error) {
	if r.notes == nil {
		return nil, nil
	}
	return r.notes.Noted(ctx)
}

// Note implements budget.Noter.
func (r *Replica) Note(ctx context.Context, texts map[string]string) error {
	if r.notes == nil {
		return nil
	}
	return r.notes.Note(ctx, texts)
}

// Forget implements budget.Noter.
func (r *Replica) Forget(ctx context.Context, marks []string) error {
	if r.notes == nil {
		return nil
	}
	return r.notes.Forget(ctx, marks)
}

// drop forgets all shares: the store has lost them. Calls that took from them are
// settled in the store from now on.
func (s *Store) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.shares {
		switch {
		case !b.busy:
			b.lose()
		case !b.dropped:
			b.dropped = true // who changes it loses it when that is done
			b.of++
			b.spent, b.held, b.open = budget.Amounts{}, budget.Amounts{}, 0
		}
	}
}

// finish ends a change of b in the store. If the store lost b meanwhile, what may
// have been taken since is given back later.
func (s *Store) finish(b *share) {
	if b.dropped {
		if b.live && len(s.loose) < maxLoose {
			s.loose = append(s.loose, name{b.id, b.attempt})
		}
		b.dropped = false
		b.lose()
	}
	b.finish()
}

// Count counts in the store what shares spent, and gives back what they will not use
// soon. It is to be called about every second: then what a replica that has become
// idle does not use is free for others.
func (s *Store) Count(ctx context.Context) error {
	var live []*share
	s.mu.Lock()
	for _, b := range s.shares {
		if b.live {
			live = append(live, b)
		}
	}
	s.mu.Unlock()
	return wrap("count shares of budgets", s.countAll(ctx, live, false))
}
