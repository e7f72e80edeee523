package serve

import (
	"context"
	"errors"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// sweepEvery is how often what has expired is looked for: work that providers never
// told the end of, holds that nobody settled, and what waits for a store.
const sweepEvery = 5 * time.Second

// refillEvery is how often a store of budgets that others share is asked if it has
// lost anything, sooner than it opens again without what this ledger has, and how
// soon what a window has left is known in the next.
const refillEvery = time.Second

// sweep settles deferred work that has expired, until ctx ends or stop, which
// waits, is called.
func (p *callPath) sweep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		often := time.NewTicker(refillEvery)
		defer often.Stop()
		p.engine.Sweep(ctx)
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				p.engine.Sweep(ctx)
			case <-often.C:
				p.refill(ctx)
				p.leases.count(ctx, p.log)
				p.engine.Carry(ctx)
			case <-p.engine.Lost():
				p.refill(ctx)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// refill gives the store of budgets what it has lost.
func (p *callPath) refill(ctx context.Context) {
	if err := p.engine.Refill(ctx); err != nil && !errors.Is(err, budget.ErrFresh) && ctx.Err() == nil {
		p.log.WarnContext(ctx, "the store of budgets cannot be asked what it has", "err", err)
	}
}
