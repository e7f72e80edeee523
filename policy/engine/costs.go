package engine

import (
	"maps"
	"sync"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
)

// DefaultMaxSeries bounds each family of costs; what comes after goes to a series
// whose labels are all "other", so that sums stay right.
const DefaultMaxSeries = 10_000

// costs counts money, tokens, other units and requests per owner and model. Money is summed
// exactly and turned into a float only when Prometheus asks.
type costs struct {
	most int

	mu       sync.Mutex // guards the maps; held for a look-up and additions, never over I/O
	series   map[seriesKey]*counts
	unpriced map[unpricedKey]int64 // calls
}

type unpricedKey struct{ provider, model string }

type seriesKey struct{ team, project, provider, model, requestType string }

var otherSeries = seriesKey{"other", "other", "other", "other", "other"}

type counts struct {
	cost     money.Amount // what corrections add included
	down     money.Amount // what corrections took off, above zero
	meters   [tokenizer.Classes]int64
	requests [5]int64 // by outcome
	runaways [2]int64 // calls that took too many tokens of input, of output
}

var outcomes = [...]string{policy.Served, policy.Cached, policy.Refused, policy.CutOff, policy.Failed}

var (
	ownerLabels  = []string{"team", "project", "provider", "model", "request_type"}
	costDesc     = prometheus.NewDesc("farebox_cost_usd_total", "Charged cost of settled calls, in US dollars, with what corrections added to it.", ownerLabels, nil)
	downDesc     = prometheus.NewDesc("farebox_cost_corrected_down_usd_total", "What corrections took off the charged cost of calls, in US dollars: farebox_cost_usd_total less this is the cost.", ownerLabels, nil)
	tokensDesc   = prometheus.NewDesc("farebox_tokens_total", "Tokens of settled calls, by meter; meters are disjoint.", append(ownerLabels[:5:5], "meter"), nil)
	unitsDesc    = prometheus.NewDesc("farebox_units_total", "What settled calls used that is not tokens, by meter, in the unit that the meter is named after.", append(ownerLabels[:5:5], "meter"), nil)
	unpricedDesc = prometheus.NewDesc("farebox_unpriced_requests_total", "Calls with a quantity that no price row covers.", []string{"provider", "model"}, nil)
	runawayDesc  = prometheus.NewDesc("farebox_runaway_calls_total", "Calls that took more tokens than runaway says is right for one, by direction: input or output.", append(ownerLabels[:5:5], "direction"), nil)
	requestsDesc = prometheus.NewDesc("farebox_requests_total", "Calls, by outcome.", append(ownerLabels[:5:5], "outcome"), nil)
)

func newCosts(most int) *costs {
	return &costs{most: most, series: map[seriesKey]*counts{}, unpriced: map[unpricedKey]int64{}}
}

func keyOf(rec *policy.Record) seriesKey {
	return seriesKey{
		team: label(rec.Owner.Value("team")), project: rec.Owner.Value("project"), provider: label(rec.Provider),
		model: modelLabel(rec), requestType: rec.Owner.Value("request_type"),
	}
}

// correct counts the difference that a correction makes. A counter cannot go down,
// so that what is taken off has its own.
func (c *costs) correct(rec *policy.Record) {
	var difference money.Amount
	for i := range rec.Lines {
		difference = difference.Add(rec.Lines[i].Charged)
	}
	if difference.IsZero() {
		return
	}
	key := keyOf(rec)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.at(key)
	if difference.Cmp(money.Amount{}) > 0 {
		n.cost = n.cost.Add(difference)
	} else {
		n.down = n.down.Sub(difference)
	}
}

func (c *costs) observe(rec *policy.Record) {
	key := keyOf(rec)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.at(key)
	for i := range rec.Lines {
		l := &rec.Lines[i]
		n.cost = n.cost.Add(l.Charged)
		n.meters[l.Class] += l.Quantity
	}
	for i, outcome := range outcomes {
		if outcome == rec.Outcome {
			n.requests[i]++
		}
	}
	for i := range rec.Rulings {
		switch rec.Rulings[i].Did {
		case policy.RunawayInput:
			n.runaways[0]++
		case policy.RunawayOutput:
			n.runaways[1]++
		}
	}
	if !rec.Priced && rec.Outcome != policy.Refused {
		c.noPrice(unpricedKey{key.provider, key.model})
	}
}

func (c *costs) noPrice(key unpricedKey) {
	if _, there := c.unpriced[key]; !there && len(c.unpriced) >= c.most {
		key = unpricedKey{otherSeries.provider, otherSeries.model}
	}
	c.unpriced[key]++
}

func (c *costs) at(key seriesKey) *counts {
	n := c.series[key]
	if n == nil && len(c.series) >= c.most {
		key = otherSeries
		n = c.series[key]
	}
	if n == nil {
		n = &counts{}
		c.series[key] = n
	}
	return n
}

// Describe implements prometheus.Collector.
func (c *costs) Describe(ch chan<- *prometheus.Desc) {
	ch <- costDesc
	ch <- downDesc
	ch <- tokensDesc
	ch <- unitsDesc
	ch <- requestsDesc
	ch <- unpricedDesc
	ch <- runawayDesc
}

// Collect implements prometheus.Collector.
func (c *costs) Collect(ch chan<- prometheus.Metric) {
	series, unpriced := c.snapshot()
	for key, n := range unpriced {
		ch <- prometheus.MustNewConstMetric(unpricedDesc, prometheus.CounterValue, float64(n), key.provider, key.model)
	}
	for key, n := range series {
		labels := []string{key.team, key.project, key.provider, key.model, key.requestType}
		ch <- prometheus.MustNewConstMetric(costDesc, prometheus.CounterValue, n.cost.Float64(), labels...)
		ch <- prometheus.MustNewConstMetric(downDesc, prometheus.CounterValue, n.down.Float64(), labels...)
		for i, v := range n.meters {
			if v <= 0 {
				continue
			}
			class, desc := tokenizer.Class(i), tokensDesc
			if !class.IsToken() {
				desc = unitsDesc
			}
			ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(v), append(labels[:5:5], class.String())...)
		}
		for i, direction := range [...]string{"input", "output"} {
			if v := n.runaways[i]; v > 0 {
				ch <- prometheus.MustNewConstMetric(runawayDesc, prometheus.CounterValue, float64(v), append(labels[:5:5], direction)...)
			}
		}
		for i, v := range n.requests {
			if v > 0 {
				ch <- prometheus.MustNewConstMetric(requestsDesc, prometheus.CounterValue, float64(v), append(labels[:5:5], outcomes[i])...)
			}
		}
	}
}

func (c *costs) snapshot() (map[seriesKey]counts, map[unpricedKey]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[seriesKey]counts, len(c.series))
	for key, n := range c.series {
		all[key] = *n
	}
	return all, maps.Clone(c.unpriced)
}
