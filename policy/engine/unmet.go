package engine

import (
	"maps"
	"strings"
	"sync"

	"github.com/farebox/farebox/policy"
	"github.com/prometheus/client_golang/prometheus"
)

// unmet counts calls that a row priced which does not know all of their
// conditions, see Line.Unmet.
type unmet struct {
	most int

	mu    sync.Mutex // guards the map; held for a look-up and an addition
	calls map[unmetKey]int64
}

type unmetKey struct{ provider, model, condition string }

// unmetConditions are the names that Line.Unmet has, in its order. What a caller
// asked for stands behind the name, and mints no series.
var unmetConditions = [...]string{"deployment", "tier"}

var unmetDesc = prometheus.NewDesc("farebox_price_unmet_total",
	"Calls priced by a row that does not know their tier or deployment: they may be billed at another price.",
	[]string{"provider", "model", "condition"}, nil)

func newUnmet(most int) *unmet { return &unmet{most: most, calls: map[unmetKey]int64{}} }

func (c *unmet) observe(rec *policy.Record) {
	var found [len(unmetConditions)]bool
	any := false
	for i := range rec.Lines {
		text := rec.Lines[i].Unmet
		for at, name := range unmetConditions {
			if strings.HasPrefix(text, name+"=") {
				found[at], any = true, true
				_, text, _ = strings.Cut(text, " ")
			}
		}
	}
	if !any {
		return
	}
	key := unmetKey{provider: label(rec.Provider), model: modelLabel(rec)}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, name := range unmetConditions {
		if found[at] {
			key.condition = name
			c.count(key)
		}
	}
}

// count adds a call; beyond the most series to one whose provider and model are
// "other".
func (c *unmet) count(key unmetKey) {
	if _, there := c.calls[key]; !there && len(c.calls) >= c.most {
		key.provider, key.model = otherSeries.provider, otherSeries.model
	}
	c.calls[key]++
}

// Describe implements prometheus.Collector.
func (c *unmet) Describe(ch chan<- *prometheus.Desc) { ch <- unmetDesc }

// Collect implements prometheus.Collector.
func (c *unmet) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	calls := maps.Clone(c.calls)
	c.mu.Unlock()
	for key, n := range calls {
		ch <- prometheus.MustNewConstMetric(unmetDesc, prometheus.CounterValue, float64(n), key.provider, key.model, key.condition)
	}
}
