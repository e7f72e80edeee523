package serve

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
	"github.com/farebox/farebox/policy/engine"
)

// leases let this replica count calls out of shares of a store; nil: it does not.
type leases struct {
	*lease.Replica
	engine atomic.Pointer[engine.Engine] // who is told what was crossed
}

// newLeases puts shares over a store, if c says so.
func newLeases(c *config.Config, state budget.Store) (budget.Store, *leases) {
	shared, ok := state.(lease.SharedParts)
	if !c.State.Leases || !ok {
		return state, nil
	}
	l := &leases{}
	l.Replica = lease.NewReplica(shared, lease.Options{Crossed: func(all []budget.Crossed) {
		if e := l.engine.Load(); e != nil { // before there is one nothing is counted
			e.Crossed(all)
		}
	}})
	return l.Replica, l
}

// tell names who is told what was crossed.
func (l *leases) tell(e *engine.Engine) {
	if l != nil {
		l.engine.Store(e)
	}
}

// count counts in the store what shares spent. What fails is counted the next time.
func (l *leases) count(ctx context.Context, log *slog.Logger) {
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	if err := l.Count(ctx); err != nil {
		log.WarnContext(ctx, "what calls spent of budgets is not counted in their store yet", "err", err)
	}
}

// giveBack ends shares when all calls are settled.
func (l *leases) giveBack(ctx context.Context, log *slog.Logger) {
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countWithin)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		log.WarnContext(ctx, "shares of budgets could not be given back: they count as spent in three hours, until their windows end", "err", err)
	}
}

// countWithin bounds how long the store is asked for all shares.
const countWithin = 5 * time.Second
