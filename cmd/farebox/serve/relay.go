package serve

import (
	"context"
	"errors"
	"log/slog"
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
	if p.relay, err = relay.New(relay.Options{Board: shared.Board(), Ledger: store, Name: name, Part: part, Registerer: reg, Logger: log}); err != nil {
		return err
	}
	if p.parts, err = parts.New(parts.Options{Board: shared.Board(), Ledger: part, Logger: log}); err != nil {
		return err
	}
	if p.pace, err = parts.NewPace(parts.Options{Board: shared.Board(), Ledger: part, Logger: log}); err != nil {
		return err
	}
	if p.hours, err = parts.NewHours(parts.Options{Board: shared.Board(), Ledger: part, Logger: log}); err != nil {
		return err
	}
	p.decisions = p.relay.Ledger()
	p.relay.Follow(p.follow)
	return nil
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

// paceEvery is how often it is looked whether it is time to tell how fast budgets are
// spent.
const paceEvery = 5 * time.Second

// tellPace tells other replicas how fast budgets are spent here, until ctx ends or
// stop, which waits, is called.
func (p *callPath) tellPace(ctx context.Context) (stop func()) {
	if p.pace == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(paceEvery)
		defer tick.Stop()
		for {
			p.engine.TellPace(ctx)
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
