// Package watch looks for what someone should know and no single call shows: a
// team that suddenly spends more, calls without a price, spending that is nobody's,
// stores that do not answer.
//
// In come the sums of the ledger, and of those of other replicas, once for each hour
// that is over, and the process's own counters, at each look; out go events, and the
// sums of the ledger for other replicas. It is off the path of calls and refuses to
// know who is told. What it saw before a restart, or another replica sees too, it may
// see again: it is the same event.
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
	"github.com/farebox/farebox/policy/parts"
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
	Hours    *parts.Spans        // what ledgers of others have of hours; nil: there are none
	Now      func() time.Time    // nil is time.Now
	Logger   *slog.Logger        // nil discards
}

// Watch looks. Configure may be called beside Run, which is called once.
type Watch struct {
	o     Options
	rules atomic.Pointer[Rules]

	// Of Run.
	hour   time.Time           // the end of the last hour that was looked at
	seen   map[counter]float64 // at the look before
	shared sharing
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

// Run looks until ctx ends, and tells other replicas then what the ledger has.
func (w *Watch) Run(ctx context.Context) {
	var tell <-chan time.Time
	if w.o.Hours != nil {
		w.share(ctx)
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		tell = tick.C
		defer w.leave(ctx)
	}
	t := time.NewTimer(w.rules.Load().Every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tell:
			w.share(ctx)
		case <-t.C:
			w.look(ctx)
			t.Reset(w.rules.Load().Every)
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
	if w.o.Hours != nil && (now.Sub(end) < allTold || !w.share(ctx) && now.Sub(end) < notHeard) {
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
