// Package serve runs Farebox: it is the only room that knows all others. In goes
// a checked configuration, out comes a running processor for Envoy and an admin
// server for people and Prometheus, until its context ends; then it drains.
//
// It decides nothing about calls: it wires, starts, stops and says so.
package serve

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/parts"
	"github.com/farebox/farebox/policy/relay"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer/dialects"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Source is where a configuration came from. With a Path it is read again when
// the file changes and on SIGHUP.
type Source struct {
	Path   string // empty: Config is all there is
	Config *config.Config
}

// Run serves until ctx ends, then drains: health says NOT_SERVING for
// drain.wait, calls under way get drain.timeout to end, the rest are settled as
// partial. It returns nil after a clean stop. A second Run in one process is
// fine: nothing is global.
func Run(ctx context.Context, from Source, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	c := from.Config
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	books, err := openBooks(ctx, c, reg, log)
	if err != nil {
		return err
	}
	reg.MustRegister(ledger.NewMonths(books.store, nil, log))
	state, closeState, err := openState(ctx, c, log)
	if err != nil {
		return joinClose(err, books)
	}
	defer closeState()
	path, err := newCallPath(ctx, c, books, state, reg, log)
	if err != nil {
		return joinClose(err, books)
	}
	again, err := newReloader(from, path, reg, log)
	if err != nil {
		return joinClose(err, books)
	}
	guards, err := newGuards(c, reg, log)
	if err != nil {
		return joinClose(err, books)
	}
	defer guards.watch(ctx)()
	admin, err := listenAdmin(c, path, reg, guards)
	if err != nil {
		return joinClose(err, books)
	}
	l, err := guards.listenExtProc(&c.Listen.ExtProc)
	if err != nil {
		admin.stop(context.WithoutCancel(ctx))
		return joinClose(err, books)
	}
	defer path.sweep(ctx)()
	defer path.hear(ctx)()
	defer path.tell(ctx)()
	defer path.lookForMissed(ctx)()
	stopWatch, err := path.alerts.watch(ctx, c, books.store, path.hours, reg, log)
	if err != nil {
		admin.stop(context.WithoutCancel(ctx))
		return joinClose(err, books)
	}
	defer stopWatch()
	envoy := path.server.Serve(l)
	admin.ready.Store(true)
	log.InfoContext(ctx, "farebox serves", "mode", string(c.Mode), "extproc", string(c.Listen.ExtProc.Address),
		"admin", string(c.Listen.Admin.Address), "ledger", string(c.Ledger.Store), "state", string(c.State.Store))
	reloads := again.start(ctx)
	select {
	case <-ctx.Done():
	case err = <-envoy.Failed():
	case err = <-admin.failed:
	}
	reloads.stop()
	// Draining outlives the context that asked for it, within its own bounds.
	admin.ready.Store(false)
	drain := again.now().Drain
	envoy.Drain(context.WithoutCancel(ctx), time.Duration(drain.Wait), time.Duration(drain.Timeout))
	path.refill(context.WithoutCancel(ctx)) // what still waits for the store of budgets
	path.leases.giveBack(context.WithoutCancel(ctx), log)
	path.leave(context.WithoutCancel(ctx))
	stopWatch() // tells other replicas what the ledger has
	admin.stop(context.WithoutCancel(ctx))
	return joinClose(err, books)
}

// gcPercent trades memory for fewer collections: what lives long is
// small, what a call needs is short-lived. GOGC, where set, wins.
const gcPercent = 400

// callPath is what a call goes through.
type callPath struct {
	engine *engine.Engine
	server *extproc.Server
	store  ledger.Store
	over   *ledger.Closings // interactions
	terms  *terms.Terms     // in use; written by what reloads
	alerts *alerts
	leases *leases

	lookSoon  chan struct{} // holds one: what was crossed and not told is looked for soon
	decisions ledger.Store  // the store, of which other replicas are told
	relay     *relay.Relay  // nil: there are none
	parts     *parts.Parts  // likewise
	hours     *parts.Spans  // likewise
	who       *parts.Spans  // likewise
	asked     *parts.Asked  // likewise
	pace      *parts.Spans  // likewise

	approvals   *access.Approvals
	approveTurn sync.Mutex // held while approvals are read and set
	log         *slog.Logger
}

// newCallPath wires the path of a call and settles what an earlier run left
// open.
func newCallPath(ctx context.Context, c *config.Config, b *books, state budget.Store, reg prometheus.Registerer, log *slog.Logger) (*callPath, error) {
	p := &callPath{lookSoon: make(chan struct{}, 1), log: log, store: b.store, approvals: &access.Approvals{}, over: ledger.NewClosings(b.store, nil, log)}
	p.over.SetIdle(c.Interactions.Idle.Std())
	if err := reg.Register(p.over); err != nil {
		return nil, fmt.Errorf("register metrics of interactions: %w", err)
	}
	if err := p.approve(ctx); err != nil {
		return nil, err
	}
	rules, err := p.rulesOf(ctx, c)
	if err != nil {
		return nil, err
	}
	p.terms = rules.engine.Terms
	if err := p.relayTo(c, state, b.store, reg, log); err != nil {
		return nil, err
	}
	if p.alerts, err = newAlerts(c, p.decisions, reg, log); err != nil {
		return nil, err
	}
	b.alerts = p.alerts.desk
	teller, _ := state.(budget.Teller) // below what counts for this replica
	state, p.leases = newLeases(c, state)
	p.engine, err = engine.New(engine.Options{
		Rules: rules.engine, Journal: b.writer, Estimator: estimate.New(), Registerer: reg,
		Budgets: state, StoreWait: time.Duration(c.State.Timeout), Teller: teller, Spending: b.store, Topups: b.store, Parts: p.parts, Pace: p.pace, Who: p.who, Asked: p.asked, Charges: b.store, Alerts: p.alerts.desk, Deferrals: b.store, CommitWait: time.Duration(c.Ledger.CommitWait), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	p.leases.tell(p.engine)
	p.alerts.engine.Store(p.engine)
	if err := p.begin(ctx, c, rules.engine.Budgets); err != nil {
		return nil, err
	}
	if err := p.engine.RecoverCharges(ctx); err != nil {
		return nil, err
	}
	left, err := b.store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read open calls of an earlier run: %w", err)
	}
	deferred, err := b.store.Deferred(ctx)
	if err != nil {
		return nil, fmt.Errorf("read deferred calls of an earlier run: %w", err)
	}
	if len(left) > 0 || len(deferred) > 0 {
		log.InfoContext(ctx, "taking up calls that an earlier run left open", "calls", len(left), "deferred", len(deferred))
		p.engine.Recover(ctx, left, deferred)
	}
	p.tellMissed(ctx)
	p.server, err = extproc.New(extproc.Options{
		Rules: rules.extproc, Decider: p.engine, Dialects: dialects.All(), Registerer: reg, KnownHost: dialects.Host, HashKey: b.hashKey, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

var (
	_ extproc.Decider  = (*engine.Engine)(nil)
	_ extproc.Extender = (*engine.Engine)(nil)
)
