package serve

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/redisstore"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
	"github.com/farebox/farebox/policy/relay"
	"github.com/prometheus/client_golang/prometheus"
)

// relayTo has replicas that share state know what people decide at this one, and this
// one what they decide at others. Where nobody shares it, decisions are the ledger's.
func (p *callPath) relayTo(c *config.Config, state budget.Store, store ledger.Adopts, reg prometheus.Registerer, log *slog.Logger) error {
	p.decisions = store
	shared, is := state.(*redisstore.Store)
	if !is {
		return nil
	}
	part, err := partBeside(c.Ledger.Store.Path())
	if err != nil {
		return err
	}
	name := hostname() + "/" + part[:8] // a host may run several
	if p.relay, err = relay.New(relay.Options{Board: shared.Board(), Ledger: store, Name: name, Part: part, Registerer: reg, Logger: log, Wait: max(relay.DefaultWait, c.State.Timeout.Std())}); err != nil {
		return err
	}
	if err := p.tellOf(parts.Options{Board: shared.Board(), Ledger: part, Logger: log}); err != nil {
		return err
	}
	p.decisions = p.relay.Ledger()
	p.relay.Follow(p.follow)
	return nil
}

// tellOf makes what the ledger of this replica is told to others by.
func (p *callPath) tellOf(o parts.Options) error {
	var errs [5]error
	p.parts, errs[0] = parts.New(o)
	p.pace, errs[1] = parts.NewPace(o)
	p.hours, errs[2] = parts.NewHours(o)
	p.who, errs[3] = parts.NewWho(o)
	p.asked, errs[4] = parts.NewAsked(o)
	return errors.Join(errs[:]...)
}

// follow has calls follow what was decided at other replicas.
func (p *callPath) follow(ctx context.Context, c relay.Changed) (err error) {
	if c.Rearmed {
		p.alerts.desk.Forget()
	}
	if c.Approvals {
		err = p.approve(ctx)
	}
	if c.Topups {
		err = errors.Join(err, p.engine.Raise(ctx))
	}
	return err
}

// hear hears what other replicas were told, at once for a while and then until ctx
// ends or stop, which waits, is called.
func (p *callPath) hear(ctx context.Context) (stop func()) {
	if p.relay == nil {
		return func() {}
	}
	first, cancelFirst := context.WithTimeout(ctx, hearFirst)
	defer cancelFirst()
	if err := p.relay.Hear(first); err != nil {
		p.log.WarnContext(ctx, "what people decided at other replicas is not known yet", "err", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.relay.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// How often it is looked whether it is time to tell others how fast budgets are spent,
// and by whom. Who asks that waits for it.
const (
	paceEvery = 5 * time.Second
	whoEvery  = 2 * time.Second
)

// tell tells other replicas how fast budgets are spent here, and by whom, until ctx
// ends or stop, which waits, is called.
func (p *callPath) tell(ctx context.Context) (stop func()) {
	if p.pace == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() { every(ctx, paceEvery, p.engine.TellPace) })
	telling.Go(func() { every(ctx, whoEvery, p.engine.TellWho) })
	return func() {
		cancel()
		telling.Wait()
	}
}

// every does something at once and then again and again, until ctx ends.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// leave tells other replicas what the ledger of this one has in the end.
func (p *callPath) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	if err := p.engine.Leave(ctx); err != nil {
		p.log.WarnContext(ctx, "other replicas do not know all that was spent here until this one is back", "err", err)
	}
}

// leaveWithin bounds how long an end waits for others to be told.
const leaveWithin = 10 * time.Second

// hearFirst bounds how long a start waits for what other replicas know.
const hearFirst = 5 * time.Second
