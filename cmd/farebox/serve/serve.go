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
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer/dialects"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Run serves until ctx ends, then drains: health says NOT_SERVING for
// drain.wait, calls under way get drain.timeout to end, the rest are settled as
// partial. It returns nil after a clean stop. A second Run in one process is
// fine: nothing is global.
func Run(ctx context.Context, c *config.Config, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	books, err := openBooks(ctx, c, reg, log)
	if err != nil {
		return err
	}
	reg.MustRegister(ledger.NewMonths(books.store, nil, log))
	processor, err := newProcessor(ctx, c, books, reg, log)
	if err != nil {
		return joinClose(err, books)
	}
	admin, err := listenAdmin(c, books, reg, log)
	if err != nil {
		return joinClose(err, books)
	}
	l, err := listen(string(c.Listen.ExtProc.Address))
	if err != nil {
		admin.stop(context.WithoutCancel(ctx))
		return joinClose(fmt.Errorf("listen.extproc: %w", err), books)
	}
	envoy := processor.Serve(l)
	admin.ready.Store(true)
	log.InfoContext(ctx, "farebox serves", "mode", string(c.Mode), "extproc", string(c.Listen.ExtProc.Address),
		"admin", string(c.Listen.Admin.Address), "ledger", string(c.Ledger.Store))
	select {
	case <-ctx.Done():
	case err = <-envoy.Failed():
	case err = <-admin.failed:
	}
	// Draining outlives the context that asked for it, within its own bounds.
	admin.ready.Store(false)
	envoy.Drain(context.WithoutCancel(ctx), time.Duration(c.Drain.Wait), time.Duration(c.Drain.Timeout))
	admin.stop(context.WithoutCancel(ctx))
	return joinClose(err, books)
}

// gcPercent trades some ten megabytes for fewer collections: what lives long is
// small, what a call needs is short-lived. GOGC, where set, wins.
const gcPercent = 400

// newProcessor wires the path of a call and settles what an earlier run left
// open.
func newProcessor(ctx context.Context, c *config.Config, b *books, reg prometheus.Registerer, log *slog.Logger) (*extproc.Server, error) {
	who, err := attribution.New(c.Attribution())
	if err != nil {
		return nil, fmt.Errorf("attribution: %w", err)
	}
	prices, err := catalogue(c)
	if err != nil {
		return nil, err
	}
	eng, err := engine.New(engine.Options{
		Attribution: who, Prices: prices, Journal: b.writer, Estimator: estimate.New(), Registerer: reg,
		Enforce: c.Mode == config.Enforce, HoldOnAbort: c.Metering.OnAbort == config.AbortHold, CommitWait: time.Duration(c.Ledger.CommitWait), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	left, err := b.store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read open calls of an earlier run: %w", err)
	}
	if len(left) > 0 {
		log.InfoContext(ctx, "settling calls that an earlier run left open", "calls", len(left))
		eng.Recover(ctx, left)
	}
	return extproc.New(extproc.Options{
		Decider: eng, Dialects: dialects.All(), Registerer: reg, Providers: providers(c), KnownHost: dialects.Host,
		Drop: who.Drop(), HashKey: b.hashKey, Logger: log,
		InjectUsage: c.Metering.InjectUsage, MaxRequestBody: int64(c.Metering.MaxRequestBody), BufferJSON: int64(c.Metering.BufferJSON),
		InflightBytes: int64(c.Limits.InflightBytes), MaxStreams: int64(c.Limits.Streams),
	})
}

func catalogue(c *config.Config) (*price.Catalogue, error) {
	builtin, err := price.Builtin()
	if err != nil {
		return nil, fmt.Errorf("built-in prices: %w", err)
	}
	own, err := c.PriceRows()
	if err != nil {
		return nil, fmt.Errorf("configured prices: %w", err)
	}
	return price.New(builtin, own)
}

func providers(c *config.Config) []extproc.Provider {
	list := make([]extproc.Provider, len(c.Providers))
	for i := range c.Providers {
		p := &c.Providers[i]
		list[i] = extproc.Provider{Name: p.Name, Dialect: p.Dialect, InjectUsage: c.Metering.InjectUsage, Matches: p.Matches}
		if p.InjectUsage != nil {
			list[i].InjectUsage = *p.InjectUsage
		}
	}
	return list
}

var _ extproc.Decider = (*engine.Engine)(nil)
