// Package watch looks for what someone should know and no single call shows: a
// team that suddenly spends more, calls without a price, spending that is nobody's,
// stores that do not answer.
//
// In come the sums of the ledger, once for each hour that is over, and the
// process's own counters, at each look; out go events. It is off the path of calls
// and refuses to know who is told. What it saw before a restart it may see again:
// it is the same event.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// Rules say what is looked for. What has no severity is not.
type Rules struct {
	Every         time.Duration // between looks; 0 is a minute
	SpendSpike    Spike
	Unpriced      Calls
	Unattributed  Share
	StoreDegraded Told
	FailOpen      Told
}

// Told is how grave something is.
type Told struct {
	Severity alert.Severity // 0: it is not looked for
	Page     bool
}

// Spike is of an hour that costs a team more than Percent above the one before,
// and at least Floor.
type Spike struct {
	Told
	Percent int
	Floor   money.Amount
}

// Calls is of so many calls or more in an hour.
type Calls struct {
	Told
	Calls int64
}

// Share is of at least so many percent of what an hour costs, and at least Floor.
type Share struct {
	Told
	Percent int
	Floor   money.Amount
}

// Ledger is the part of a ledger that is watched.
type Ledger interface {
	Usage(ctx context.Context, q ledger.Query) ([]ledger.Row, error)
}

// Options of New.
type Options struct {
	Ledger   Ledger              // required
	Counters prometheus.Gatherer // required
	Alert    func(alert.Event)   // required; must not wait
	Now      func() time.Time    // nil is time.Now
	Logger   *slog.Logger        // nil discards
}

// Watch looks. Configure may be called beside Run, which is called once.
type Watch struct {
	o     Options
	rules atomic.Pointer[Rules]

	// Of Run.
	hour time.Time           // the end of the last hour that was looked at
	seen map[counter]float64 // at the look before
}

// New makes a Watch.
func New(o Options, r Rules) (*Watch, error) {
	if o.Ledger == nil || o.Counters == nil || o.Alert == nil {
		return nil, errors.New("start watches: no ledger, counters or nobody to tell")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watch{o: o, seen: map[counter]float64{}}
	w.Configure(r)
	return w, nil
}

// Configure takes new rules, from the next look on.
func (w *Watch) Configure(r Rules) {
	if r.Every <= 0 {
		r.Every = time.Minute
	}
	w.rules.Store(&r)
}

// lookWithin is how long the ledger may take to answer.
const lookWithin = 30 * time.Second

// Run looks until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	for {
		t := time.NewTimer(w.rules.Load().Every)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			w.look(ctx)
		}
	}
}

func (w *Watch) look(ctx context.Context) {
	r := w.rules.Load()
	w.counters(ctx, r)
	now := w.o.Now().UTC()
	end := now.Truncate(time.Hour)
	if end.Equal(w.hour) || now.Sub(end) < settled {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	if err := w.hourly(ctx, r, end); err != nil {
		w.o.Logger.WarnContext(ctx, "hour not looked at, will be tried again", "err", err)
		return
	}
	w.hour = end
}

// settled is how long after an hour its last records are in the ledger.
const settled = 30 * time.Second
