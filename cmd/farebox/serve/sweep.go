package serve

import (
	"context"
	"time"
)

// sweepEvery is how often what has expired is looked for: work that providers never
// told the end of, holds that nobody settled, and what waits for a store.
const sweepEvery = 5 * time.Second

// sweep settles deferred work that has expired, until ctx ends or stop, which
// waits, is called.
func (p *callPath) sweep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			p.engine.Sweep(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
