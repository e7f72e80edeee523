package ledger

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/money"
)

// Months shows what each team was charged this calendar month and the one
// before, in UTC, as the ledger has it: unlike counters, these survive a restart.
// Sums are asked for at a scrape, at most once every MonthsAge.
type Months struct {
	store usage
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex // guards the two below; one scrape asks, others wait for its answer
	asked time.Time
	sums  [2]map[string]money.Amount // this month, the one before
}

type usage interface {
	Usage(ctx context.Context, q Query) ([]Row, error)
}

// MonthsAge is how old the sums may be.
const MonthsAge = 15 * time.Second

const (
	monthsWithin = 5 * time.Second // one scrape's patience
	monthsTeams  = 10_000          // series of a family; the rest are one, "other"
)

var (
	thisMonth = prometheus.NewDesc("farebox_month_to_date_usd", "Charged since the first of this month (UTC), from the ledger.", []string{"team"}, nil)
	lastMonth = prometheus.NewDesc("farebox_previous_month_usd", "Charged in the month before (UTC), from the ledger.", []string{"team"}, nil)
)

// NewMonths returns a collector over store. A nil now is time.Now; a nil log
// discards.
func NewMonths(store usage, now func() time.Time, log *slog.Logger) *Months {
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Months{store: store, now: now, log: log}
}

// Describe implements prometheus.Collector.
func (m *Months) Describe(ch chan<- *prometheus.Desc) { ch <- thisMonth; ch <- lastMonth }

// Collect implements prometheus.Collector. When the ledger does not answer it
// shows the last sums it has.
func (m *Months) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.now(); m.asked.IsZero() || now.Sub(m.asked) >= MonthsAge || now.UTC().Month() != m.asked.UTC().Month() {
		m.ask(now)
	}
	for i, desc := range []*prometheus.Desc{thisMonth, lastMonth} {
		for team, sum := range m.sums[i] {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, sum.Float64(), team)
		}
	}
}

func (m *Months) ask(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), monthsWithin)
	defer cancel()
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	spans := [2][2]time.Time{{first, first.AddDate(0, 1, 0)}, {first.AddDate(0, -1, 0), first}}
	for i, span := range spans {
		rows, err := m.store.Usage(ctx, Query{From: span[0], To: span[1], By: []string{"team"}})
		if err != nil {
			m.log.WarnContext(ctx, "month sums are old: the ledger did not answer", "err", err)
			return
		}
		m.sums[i] = byTeam(rows)
	}
	m.asked = now
}

func byTeam(rows []Row) map[string]money.Amount {
	sums := make(map[string]money.Amount, len(rows))
	for i := range rows {
		team := rows[i].Keys[0]
		if i >= monthsTeams {
			team = "other"
		}
		sums[team] = sums[team].Add(rows[i].Charged)
	}
	return sums
}
