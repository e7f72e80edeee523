package ledger

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Closings counts interactions that are over: nothing of them has come for a time,
// by default InteractionIdle. It asks the ledger for them, at a scrape and at most
// once every ClosingsAge, each stretch of time once, so that it keeps no
// interaction in memory and heeds what people said of one before it was over. One
// that goes on afterwards is counted again when it is over again. It is safe for
// concurrent use.
type Closings struct {
	store interactions
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex // guards what is below; one scrape asks, others wait for its answer
	idle  time.Duration
	upTo  time.Time // last calls before this are counted
	count map[closed]uint64
}

type interactions interface {
	Interactions(ctx context.Context, q Query) ([]Interactions, error)
}

// closed is what a series of Closings counts.
type closed struct {
	team, project string
	success       bool
}

// How long nothing comes of an interaction that is over unless told, and how often
// the ledger is asked.
const (
	InteractionIdle = 10 * time.Minute
	ClosingsAge     = time.Minute
)

const (
	closingsWithin = 5 * time.Second // one scrape's patience
	closingsStep   = time.Hour       // the longest time that is asked for at once, after a long time without scrapes
	closingsSeries = 10_000          // teams and projects, each with two series; the rest are one pair, "other"
)

var closings = prometheus.NewDesc("farebox_interactions_total",
	"Interactions that are over, of which nothing came for the time of interactions.idle, by whether the last call did its job, from the ledger.", []string{"team", "project", "success"}, nil)

// NewClosings returns a collector over store, which counts what is over from now
// on. A nil now is time.Now; a nil log discards.
func NewClosings(store interactions, now func() time.Time, log *slog.Logger) *Closings {
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Closings{store: store, now: now, log: log, idle: InteractionIdle, upTo: now().Add(-InteractionIdle), count: map[closed]uint64{}}
}

// SetIdle makes interactions be over when nothing has come of them for idle, which
// is above zero. What is counted stays counted: a longer time is heeded once it
// has passed, a shorter one from the next scrape on.
func (c *Closings) SetIdle(idle time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = idle
}

// Describe implements prometheus.Collector.
func (c *Closings) Describe(ch chan<- *prometheus.Desc) { ch <- closings }

// Collect implements prometheus.Collector. When the ledger does not answer it
// shows the last counts it has, and asks again for what is missing later.
func (c *Closings) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if over := c.now().Add(-c.idle); over.Sub(c.upTo) >= ClosingsAge {
		c.ask(over)
	}
	for of, n := range c.count {
		success := "false"
		if of.success {
			success = "true"
		}
		ch <- prometheus.MustNewConstMetric(closings, prometheus.CounterValue, float64(n), of.team, of.project, success)
	}
}

// ask counts what had its last call before over.
func (c *Closings) ask(over time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), closingsWithin)
	defer cancel()
	for c.upTo.Before(over) {
		to := over
		if most := c.upTo.Add(closingsStep); most.Before(over) {
			to = most
		}
		rows, err := c.store.Interactions(ctx, Query{From: c.upTo, To: to, By: []string{"team", "project"}})
		if err != nil {
			c.log.WarnContext(ctx, "counts of interactions are old: the ledger did not answer", "err", err)
			return
		}
		for i := range rows {
			c.add(&rows[i])
		}
		c.upTo = to
	}
}

// add keeps both series of a team and project from the first interaction on.
func (c *Closings) add(r *Interactions) {
	of := closed{team: r.Keys[0], project: r.Keys[1], success: true}
	if _, known := c.count[of]; !known && len(c.count) >= 2*closingsSeries {
		of.team, of.project = "other", "other"
	}
	c.count[of] += uint64(r.Successful)
	of.success = false
	c.count[of] += uint64(r.Interactions - r.Successful)
}
