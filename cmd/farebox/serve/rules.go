package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/schedule"
	"github.com/farebox/farebox/policy/shape"
	"github.com/farebox/farebox/policy/terms"
)

// rules are what a configuration says that may change while calls are under way.
type rules struct {
	engine  engine.Rules
	extproc extproc.Rules
}

// volumeWithin bounds how long the ledger is asked for the volume of the month.
const volumeWithin = 30 * time.Second

// rulesOf builds the rules of c for p, whole or not at all: the volumes behind
// its discounts go on from those in use, or begin with what the ledger has.
func (p *callPath) rulesOf(ctx context.Context, c *config.Config) (*rules, error) {
	r, err := rulesOf(c)
	if err != nil {
		return nil, err
	}
	if err := p.gatesOf(c, &r.engine); err != nil {
		return nil, err
	}
	o := c.Terms()
	o.Before = p.terms
	if r.engine.Terms, err = terms.New(o); err != nil {
		return nil, fmt.Errorf("discounts and rate card: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, volumeWithin)
	defer cancel()
	if err := r.engine.Terms.Fill(ctx, p.store, time.Now()); err != nil {
		return nil, err
	}
	return r, nil
}

// gatesOf adds who may ask which model, when, and for how much.
func (p *callPath) gatesOf(c *config.Config, r *engine.Rules) (err error) {
	if r.Access, err = access.New(c.AccessRules(), p.approvals); err != nil {
		return err
	}
	if r.Schedule, err = schedule.New(c.ScheduleRules()); err != nil {
		return err
	}
	r.Shape, err = shape.New(c.ShapeRules())
	return err
}

// rulesOf builds the rules of c but for its terms and gates.
func rulesOf(c *config.Config) (*rules, error) {
	who, err := attribution.New(c.Attribution())
	if err != nil {
		return nil, fmt.Errorf("attribution: %w", err)
	}
	prices, err := c.Catalogue()
	if err != nil {
		return nil, err
	}
	bounds, err := c.Bounds()
	if err != nil {
		return nil, err
	}
	budgets, err := budget.Compile(c.Rules())
	if err != nil {
		return nil, err
	}
	taken, err := routes(c)
	if err != nil {
		return nil, err
	}
	keys, err := stampKeys(c.Stamp)
	if err != nil {
		return nil, err
	}
	return &rules{
		engine: engine.Rules{
			Attribution: who, Prices: prices, Enforce: c.Mode == config.Enforce, HoldOnAbort: c.Metering.OnAbort == config.AbortHold,
			Budgets: budgets, OpenOnError: c.State.OnError == config.StoreOpen, Allowance: c.State.Allowance,
			Bounds:        bounds,
			RequireBudget: c.NeedBudget, RefuseUnpriced: c.Prices.OnUnpriced == config.UnpricedRefuse, Ceiling: ceiling(&c.Prices),
		},
		extproc: extproc.Rules{
			Routes: taken, Providers: providers(c), Drop: who.Drop(), InjectUsage: c.Metering.InjectUsage,
			MaxRequestBody: int64(c.Metering.MaxRequestBody), BufferJSON: int64(c.Metering.BufferJSON),
			InflightBytes: int64(c.Limits.InflightBytes), MaxStreams: int64(c.Limits.Streams),
			StampKeys: keys, Stamp: c.Stamp.Signs(), Metering: counting[c.Metering.Mode],
			Weigh:           c.Holds.OutputBound == string(engine.Strict),
			RefuseUnmetered: c.Mode == config.Enforce && c.Metering.OnUnmetered == config.UnmeteredRefuse,
		},
	}, nil
}

// ceiling is what tokens without a price are charged at; nil: nothing.
func ceiling(p *config.Prices) *engine.Ceiling {
	if p.OnUnpriced != config.UnpricedCeiling {
		return nil
	}
	return &engine.Ceiling{Input: money.Rate(p.Ceiling.Input.Micro), Output: money.Rate(p.Ceiling.Output.Micro)}
}

// counting is who is expected to count, by metering.mode.
var counting = map[string]extproc.Metering{
	config.MeteringInline: extproc.FareboxCounts, config.MeteringNative: extproc.EnvoyCounts, config.MeteringAuto: extproc.EitherCounts,
}

func routes(c *config.Config) ([]extproc.Route, error) {
	list := make([]extproc.Route, len(c.Routes))
	for i := range c.Routes {
		r := &c.Routes[i]
		d, err := r.Dialect()
		if err != nil {
			return nil, fmt.Errorf("routes[%d]: %w", i, err)
		}
		list[i] = extproc.Route{Dialect: d, Provider: r.Provider, Matches: r.Matches}
	}
	return list, nil
}

func providers(c *config.Config) []extproc.Provider {
	list := make([]extproc.Provider, len(c.Providers))
	for i := range c.Providers {
		p := &c.Providers[i]
		list[i] = extproc.Provider{
			Name: p.Name, Dialect: p.Dialect, InjectUsage: c.Metering.InjectUsage, Matches: p.Matches,
			Account: p.Account, Deployment: p.Deployment, Region: p.Region, Tier: p.Tier,
		}
		if p.InjectUsage != nil {
			list[i].InjectUsage = *p.InjectUsage
		}
	}
	return list
}
