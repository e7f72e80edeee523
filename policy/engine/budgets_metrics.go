package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/money"
	"github.com/prometheus/client_golang/prometheus"
)

// limits counts what budgets decide.
type limits struct {
	exhausted   *prometheus.CounterVec
	known       *prometheus.CounterVec
	storeFailed *prometheus.CounterVec
	crossed     *prometheus.CounterVec
	exceeded    prometheus.Counter
	lapsed      prometheus.Counter
	filled      prometheus.Counter
	extended    *prometheus.CounterVec
	stopped     *prometheus.CounterVec
	others      prometheus.CounterFunc
}

func newLimits(r prometheus.Registerer, shown prometheus.Collector, store budget.Store) (*limits, error) {
	l := &limits{
		exhausted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_budget_exhausted_total", Help: "Calls for which a budget or rate limit had too little left, by what was done.",
		}, []string{"budget", "action"}),
		known: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_budget_known_exhausted_total", Help: "Calls that a budget had too little left for, as its store had said within the last second: it was not asked again.",
		}, []string{"budget"}),
		storeFailed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_budget_store_failed_total", Help: "Times that the store of budgets did not answer, by what was asked of it.",
		}, []string{"operation"}),
		crossed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_budget_threshold_total", Help: "Times that what a budget has spent reached a share of its limit, in percent.",
		}, []string{"budget", "percent"}),
		exceeded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_hold_exceeded_total", Help: "Calls that took more than was held for them, in money or else in tokens.",
		}),
		lapsed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_hold_lapsed_total", Help: "Holds that nobody settled in time: they count as spent.",
		}),
		filled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_budget_store_filled_total", Help: "Times that what the ledger has was added to a store of budgets that others share, which was new or had lost it.",
		}),
	}
	l.extended = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "farebox_hold_extended_total", Help: "Answers that outgrew what was held for them: more was held, or an account was short of it.",
	}, []string{"result"})
	l.stopped = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "farebox_stopped_total", Help: "Streamed answers that ended midway for want of budget: stopped, or would_stop in mode observe.",
	}, []string{"budget", "did"})
	l.others = prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "farebox_budget_others_total", Help: "Times that something was held or spent of an account (others): its budget or rate limit had too many accounts for a new one.",
	}, func() float64 {
		if m, here := store.(interface{ Shared() int64 }); here {
			return float64(m.Shared())
		}
		return 0
	})
	for _, c := range []prometheus.Collector{l.others, l.extended, l.stopped, l.exhausted, l.known, l.storeFailed, l.crossed, l.exceeded, l.lapsed, l.filled, shown} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of budgets: %w", err)
		}
	}
	return l, nil
}

// States tells how the accounts stand that calls counted against lately, at most
// 10,000.
func (e *Engine) States(ctx context.Context) ([]budget.State, error) {
	return e.o.Budgets.States(ctx, e.budgets.shown(e.o.Budgets.Now()))
}

// lapse spends what nobody settled in time, and settles what waited for the store.
func (e *Engine) lapse(ctx context.Context) {
	if e.shared == nil || e.rules.Load().Budgets.None() { // else Refill does, when the store has all
		e.catchUp(ctx)
	}
	e.away.lapse()
	e.known.Lapse()
	n, err := e.o.Budgets.Lapse(ctx)
	e.metrics.lapsed.Add(float64(n))
	if err != nil {
		e.metrics.storeFailed.WithLabelValues("lapse").Inc()
	}
}

// standing shows accounts to Prometheus when it asks.
type standing struct{ e *Engine }

// scrapeWithin is how long a store may take to tell how accounts stand.
const scrapeWithin = 2 * time.Second

// gauges are of accounts: limit, spent, held; of money, and of all else.
var (
	inUSD   = gaugesOf("_usd", "in US dollars", []string{"budget", "account"})
	inUnits = gaugesOf("", "in its unit", []string{"budget", "account", "unit"})
)

func gaugesOf(ending, unit string, labels []string) [3]*prometheus.Desc {
	return [3]*prometheus.Desc{
		prometheus.NewDesc("farebox_budget_limit"+ending, "Limit of an account of a budget or rate limit, "+unit+".", labels, nil),
		prometheus.NewDesc("farebox_budget_spent"+ending, "What an account has spent in its window, "+unit+".", labels, nil),
		prometheus.NewDesc("farebox_budget_held"+ending, "What is held of an account for calls under way, "+unit+".", labels, nil),
	}
}

// Describe implements prometheus.Collector.
func (s standing) Describe(ch chan<- *prometheus.Desc) {
	for i := range inUSD {
		ch <- inUSD[i]
		ch <- inUnits[i]
	}
}

// Collect implements prometheus.Collector.
func (s standing) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	states, err := s.e.States(ctx)
	if err != nil {
		s.e.metrics.storeFailed.WithLabelValues("states").Inc()
		return
	}
	for i := range states {
		st := &states[i]
		for k, n := range [3]int64{st.Limit, st.Spent, st.Held} {
			if st.Unit.IsMoney() {
				ch <- prometheus.MustNewConstMetric(inUSD[k], prometheus.GaugeValue, money.Nano(n).Amount().Float64(), st.Rule, st.Of)
			} else {
				ch <- prometheus.MustNewConstMetric(inUnits[k], prometheus.GaugeValue, float64(n), st.Rule, st.Of, st.Unit.String())
			}
		}
	}
}
