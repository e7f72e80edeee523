package relay

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what a Relay publishes.
type metrics struct {
	posted, adopted, refused prometheus.Counter
	failed                   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	notes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "farebox_relay_notes_total",
		Help: "Notes on what people decided: posted for other replicas, adopted from them, and refused, which the log explains.",
	}, []string{"what"})
	m := &metrics{
		posted: notes.WithLabelValues("posted"), adopted: notes.WithLabelValues("adopted"), refused: notes.WithLabelValues("refused"),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_relay_failed_total", Help: "Attempts to tell or hear what people decided that failed; each is tried again.",
		}),
	}
	for _, c := range []prometheus.Collector{notes, m.failed} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the relay: %w", err)
		}
	}
	return m, nil
}
