package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer/dialects"
	"github.com/farebox/farebox/tokenizer/estimate"
	"github.com/prometheus/client_golang/prometheus"
)

// Journal is where the records of an offline path go.
type Journal interface {
	Open(o policy.Opening)
	Record(ctx context.Context, r policy.Record) error
	Flush(ctx context.Context) error
}

// Aside is what an offline path needs, all of it required.
type Aside struct {
	Journal Journal
	Before  func(extproc.Decider) extproc.Decider // stands between the server and the engine
	Now     func() time.Time
}

// Offline wires the path of a call as Run does, for exchanges that are played to
// it: nothing listens, no file is written and nobody is refused. Discounts by
// volume begin with an empty month.
func Offline(c *config.Config, a Aside) (*extproc.Server, error) {
	observed := *c
	observed.Mode = config.Observe
	observed.Metering.InjectUsage = false // what is played was asked long ago
	r, err := rulesOf(&observed)
	if err != nil {
		return nil, err
	}
	if r.engine.Terms, err = terms.New(c.Terms()); err != nil {
		return nil, fmt.Errorf("discounts and rate card: %w", err)
	}
	reg := prometheus.NewRegistry()
	e, err := engine.New(engine.Options{
		Rules: r.engine, Journal: a.Journal, Estimator: estimate.New(), Registerer: reg, Now: a.Now,
	})
	if err != nil {
		return nil, err
	}
	return extproc.New(extproc.Options{
		Rules: r.extproc, Decider: a.Before(e), Dialects: dialects.All(), Registerer: reg, KnownHost: dialects.Host, Now: a.Now,
	})
}
