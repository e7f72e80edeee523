package alert

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/ledger"
)

// metrics is what a Desk publishes.
type metrics struct {
	raised     *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	dropped    prometheus.Counter
}

// Results of telling, by the state of a delivery.
var results = map[string]string{ledger.AlertSent: "sent", ledger.AlertNew: "retried", ledger.AlertFailed: "failed"}

func newMetrics(r prometheus.Registerer, d *Desk) (*metrics, error) {
	m := &metrics{
		raised: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_alerts_total", Help: "Alerts that were raised, those that are muted or outdone included.",
		}, []string{"kind", "severity", "rule"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_alert_deliveries_total", Help: "Alerts by receiver and what became of telling it: sent, retried, or failed for good.",
		}, []string{"receiver", "result"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "farebox_alerts_dropped_total", Help: "Events that became no alert: too many came at once, or the ledger did not take them before the end.",
		}),
	}
	for _, c := range []prometheus.Collector{m.raised, m.deliveries, m.dropped, &reviews{desk: d}} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register alert metrics: %w", err)
		}
	}
	return m, nil
}

// expect shows the series of a receiver from the start.
func (m *metrics) expect(receiver string) {
	for _, result := range results {
		m.deliveries.WithLabelValues(receiver, result)
	}
}

func (m *metrics) told(receiver, state string, n int) {
	m.deliveries.WithLabelValues(receiver, results[state]).Add(float64(n))
}

// reviews counts, at a scrape and at most once every reviewsAge, the alerts that
// someone has still to acknowledge.
type reviews struct {
	desk *Desk

	mu    sync.Mutex // guards what is below; one scrape asks, others wait for its answer
	asked time.Time
	count int
}

const (
	reviewsAge    = 15 * time.Second
	reviewsWithin = 2 * time.Second // one scrape's patience
)

var toReview = prometheus.NewDesc("farebox_alerts_to_review", "Alerts that someone has still to acknowledge, from the ledger; 500 stands for more.", nil, nil)

// Describe implements prometheus.Collector.
func (v *reviews) Describe(ch chan<- *prometheus.Desc) { ch <- toReview }

// Collect implements prometheus.Collector. When the ledger does not answer it
// shows the last count.
func (v *reviews) Collect(ch chan<- prometheus.Metric) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now := v.desk.now(); now.Sub(v.asked) >= reviewsAge {
		ctx, cancel := context.WithTimeout(context.Background(), reviewsWithin)
		defer cancel()
		all, err := v.desk.store.Alerts(ctx, ledger.AlertSearch{To: now.Add(time.Hour), Review: true, Limit: ledger.MaxPage})
		if err != nil {
			v.desk.log.WarnContext(ctx, "count of alerts to review is old: the ledger did not answer", "err", err)
		} else {
			v.asked, v.count = now, len(all)
		}
	}
	ch <- prometheus.MustNewConstMetric(toReview, prometheus.GaugeValue, float64(v.count))
}
