package engine

import (
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	*limits
	costs       *costs
	unmet       *unmet
	wouldRefuse *prometheus.CounterVec
	shaped      *prometheus.CounterVec
	sources     [tokenizer.Reported + 1]prometheus.Counter
	recovered   prometheus.Counter
	unasked     *prometheus.CounterVec
	deferred    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	firstToken  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer, series int, pending func() float64) (*metrics, error) {
	m := &metrics{
		costs: newCosts(series), unmet: newUnmet(series),
		wouldRefuse: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_would_refuse_total", Help: "Calls that enforce mode would have refused, by code.",
		}, []string{"code"}),
		shaped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_shaped_requests_total", Help: "Calls that shape concerns, by change: cap and hint are made in mode enforce, not_possible went as it was asked.",
		}, []string{"change"}),
		recovered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_recovered_calls_total", Help: "Calls of an earlier run that a restart settled as partial.",
		}),
		unasked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_unasked_tiers_total", Help: "Answers in a service tier with a price of its own that neither their call nor providers[].tier says.",
		}, []string{"provider", "tier"}),
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_deferred_total", Help: "Work that goes on at a provider after its call was answered, by what became known of it.",
		}, []string{"event"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farebox_request_duration_seconds", Help: "Time from admission to the end of the answer.", Buckets: seconds,
		}, []string{"provider", "operation"}),
		firstToken: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "farebox_time_to_first_token_seconds", Help: "Time from admission to the first piece of a streamed answer.", Buckets: seconds,
		}, []string{"provider", "operation"}),
	}
	source := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "farebox_usage_source_total", Help: "Settled calls, by how their usage came to be known.",
	}, []string{"source"})
	for s := range m.sources {
		m.sources[s] = source.WithLabelValues(tokenizer.Source(s).String())
	}
	for _, code := range []string{"missing_metadata", "unknown_owner", "model_not_allowed", "off_peak_only", "output_unbounded", "too_many_tokens"} {
		m.wouldRefuse.WithLabelValues(code)
	}
	for _, change := range []string{"cap", "hint", notPossible} {
		m.shaped.WithLabelValues(change)
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "farebox_deferred_pending", Help: "Work that goes on at a provider after its call was answered, and is not settled yet.",
	}, pending)
	for _, c := range []prometheus.Collector{waiting, m.costs, m.unmet, m.wouldRefuse, m.shaped, m.recovered, m.unasked, m.deferred, m.duration, m.firstToken, source} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register engine metrics: %w", err)
		}
	}
	return m, nil
}

// Events of farebox_deferred_total.
const (
	begun       = "begun"     // its end is waited for
	settledLate = "settled"   // an answer told how it ended
	expired     = "expired"   // nobody asked after it in time: settled at an estimate, or what was stored at its time
	unclaimed   = "unclaimed" // an answer told of work that is not waited for: settled before, or not begun here
	tooMany     = "too_many"  // settled at once, at an estimate, for want of room
	notKept     = "not_kept"  // the ledger did not keep it over a restart
)

// The buckets of OpenTelemetry's gen_ai duration histograms.
var seconds = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}

func (m *metrics) observe(rec *policy.Record) {
	m.costs.observe(rec)
	if rec.Outcome == policy.Refused {
		return
	}
	m.unmet.observe(rec)
	m.sources[rec.Source].Inc()
	provider := label(rec.Provider)
	m.duration.WithLabelValues(provider, rec.Operation).Observe(rec.Completed.Sub(rec.Admitted).Seconds())
	if rec.Stream && !rec.FirstToken.IsZero() {
		m.firstToken.WithLabelValues(provider, rec.Operation).Observe(rec.FirstToken.Sub(rec.Admitted).Seconds())
	}
}

func label(v string) string {
	if v == "" {
		return "unknown"
	}
	return v
}

// modelLabel is the model only where a provider vouched for it by answering, or
// a price row by knowing it: what a caller merely asks for mints no series.
func modelLabel(rec *policy.Record) string {
	answered := rec.Status >= 200 && rec.Status < 300
	known := len(rec.Lines) > 0 && rec.Lines[0].State != policy.Unpriced
	if rec.Model == "" || !answered && !known {
		return "unknown"
	}
	return rec.Model
}
