package extproc

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	degraded  *prometheus.CounterVec
	refused   *prometheus.CounterVec
	unmetered *prometheus.CounterVec
	observed  prometheus.Counter
	admit     prometheus.Observer
}

func newMetrics(r prometheus.Registerer, s *Server) (*metrics, error) {
	m := &metrics{
		degraded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_degraded_total", Help: "Calls, or events of answers, that went on without full information, by reason.",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_refused_total", Help: "Calls that were answered with a refusal, by its code.",
		}, []string{"code"}),
		observed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_observed_requests_total", Help: "Calls that another Farebox had admitted, by its stamp; they are settled there.",
		}),
		unmetered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_unmetered_requests_total", Help: "Requests to known LLM hosts that may cost money and are not metered, by operation, whether they passed or were refused.",
		}, []string{"operation"}),
	}
	decision := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "farebox_decision_seconds", Help: "Time taken to decide about a call, by step.",
		Buckets: []float64{10e-6, 50e-6, 100e-6, 500e-6, 1e-3, 5e-3, 25e-3, 100e-3, 250e-3},
	}, []string{"step"})
	m.admit = decision.WithLabelValues("admit")
	for _, why := range reasons {
		m.degraded.WithLabelValues(string(why))
	}
	for _, code := range []string{"request_too_large", "unavailable", "missing_metadata", "unmetered", "model_not_allowed", "off_peak_only", "output_unbounded", "too_many_tokens"} {
		m.refused.WithLabelValues(code)
	}
	for _, operation := range []string{unknownOperation, realtimeOperation} {
		m.unmetered.WithLabelValues(operation)
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "farebox_open_streams", Help: "Exchanges being served.",
	}, func() float64 { return float64(s.streams.Load()) })
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "farebox_inflight_bytes", Help: "Bytes of bodies held at once.",
	}, func() float64 { return float64(s.inflight.Load()) })
	for _, c := range []prometheus.Collector{m.degraded, m.refused, m.unmetered, m.observed, decision, open, held} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register ext_proc metrics: %w", err)
		}
	}
	return m, nil
}
