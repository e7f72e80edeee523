package ledger

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Kinds of what a full queue drops.
const (
	kindOpening = "opening"
	kindRecord  = "record"
)

// metrics is what a Writer publishes.
type metrics struct {
	commits         prometheus.Counter
	seconds         prometheus.Histogram
	records         prometheus.Histogram
	errors          prometheus.Counter
	droppedOpenings prometheus.Counter
	droppedRecords  prometheus.Counter
}

// newMetrics registers the metrics of one Writer; queued is asked at each scrape.
func newMetrics(r prometheus.Registerer, queued func() float64) (*metrics, error) {
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "farebox_ledger_dropped_total",
		Help: "Openings and records that were never written: the queue was full, or the ledger was closed before it could write them.",
	}, []string{"kind"})
	m := &metrics{
		commits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_ledger_commits_total", Help: "Batches committed.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "farebox_ledger_commit_seconds", Help: "Time of one successful commit.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12), // 100 µs to 2.4 s
		}),
		records: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "farebox_ledger_batch_records", Help: "Records per commit.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000},
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_ledger_write_errors_total", Help: "Failed commits; each is retried.",
		}),
		droppedOpenings: dropped.WithLabelValues(kindOpening),
		droppedRecords:  dropped.WithLabelValues(kindRecord),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "farebox_ledger_queued", Help: "Openings and records that are not committed yet.",
	}, queued)
	for _, c := range []prometheus.Collector{m.commits, m.seconds, m.records, m.errors, dropped, waiting} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register ledger metrics: %w", err)
		}
	}
	return m, nil
}
