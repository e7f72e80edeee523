package serve

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/farebox/farebox/policy/engine"
)

// How often it is looked for what budgets have crossed and nobody was told: from
// missedEvery to three times that, and not before so many times as long has passed as
// looking took.
const (
	missedEvery  = 15 * time.Second
	missedRests  = 10
	missedWithin = time.Minute
	missedSoon   = engine.MissedFor + time.Second // when something was found
)

// tellMissed tells what budgets have crossed that nobody was told of, and reports
// whether it is to look again soon. Without it calls are served all the same.
func (p *callPath) tellMissed(ctx context.Context) (again bool) {
	within, cancel := context.WithTimeout(ctx, missedWithin)
	defer cancel()
	again, err := p.engine.TellMissed(within, p.decisions)
	if err != nil && ctx.Err() == nil {
		p.log.WarnContext(ctx, "alerts that nobody kept may not be told yet", "err", err)
	}
	return again
}

// limitsChanged has it be looked for at once, and soon again.
func (p *callPath) limitsChanged(ctx context.Context) {
	p.tellMissed(ctx)
	select {
	case p.lookSoon <- struct{}{}:
	default: // it will be
	}
}

// look looks once, and returns when to look again.
func (p *callPath) look(ctx context.Context) (pause time.Duration) {
	began := time.Now()
	if p.tellMissed(ctx) {
		return missedSoon
	}
	return max(missedEvery+rand.N(2*missedEvery), missedRests*time.Since(began))
}

// lookForMissed does so from time to time, until ctx ends or stop, which waits, is
// called. Replicas do it at moments of their own.
func (p *callPath) lookForMissed(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause := p.look(ctx); ; {
			select {
			case <-ctx.Done():
				return
			case <-p.lookSoon:
				pause = missedSoon
			case <-time.After(pause):
				pause = p.look(ctx)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
