package watch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/alert/watch"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// books is a ledger that may not answer.
type books struct {
	ledgertest.Memory
	mu  sync.Mutex
	err error
}

func (b *books) Usage(ctx context.Context, q ledger.Query) ([]ledger.Row, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	return b.Memory.Usage(ctx, q)
}

// call writes a call that costs so many USD; below zero it has no price.
func (b *books) call(t *testing.T, n int, team, model string, usd int64) {
	t.Helper()
	r := policy.Record{ID: ledgertest.ID(n), Admitted: time.Now(), Completed: time.Now(), Provider: "local", Model: model}
	if team != "" {
		r.Owner = policy.Owner{{Name: "team", Value: team}}
	}
	line := policy.Line{Class: tokenizer.Input, Quantity: 1}
	if usd < 0 {
		line.State = policy.Unpriced
	} else {
		line.State = policy.Priced
		sum := money.Amount{Micro: usd * 1e6}
		line.List, line.Contracted, line.Charged = sum, sum, sum
	}
	r.Lines = []policy.Line{line}
	if err := b.Write(t.Context(), ledger.Batch{Records: []policy.Record{r}}); err != nil {
		t.Fatal(err)
	}
}

var every = watch.Told{Severity: alert.Warning, Page: true}

var all = watch.Rules{
	SpendSpike: watch.Spike{Told: every, Percent: 50, Floor: money.Amount{Micro: 10e6}}, Unpriced: watch.Calls{Told: every, Calls: 2},
	Unattributed: watch.Share{Told: every, Percent: 5, Floor: money.Amount{Micro: 1e6}}, StoreDegraded: every, FailOpen: every,
}

// heard is what was told.
type heard struct {
	mu  sync.Mutex
	all []alert.Event
}

func (h *heard) alert(e alert.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, e)
}

// take returns what was told since it was last asked, a line each.
func (h *heard) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for _, e := range h.all {
		lines = append(lines, fmt.Sprintf("%s %s: %s", e.Kind, e.Of, e.Message))
	}
	h.all = nil
	return strings.Join(lines, "\n")
}

// run starts a watch that ends with the test.
func run(t *testing.T, b *books, reg prometheus.Gatherer, r watch.Rules) (*watch.Watch, *heard) {
	t.Helper()
	h := &heard{}
	w, _ := begin(t, watch.Options{Ledger: b, Counters: reg, Alert: h.alert}, r)
	return w, h
}

// begin starts a watch that ends with the test, or when it is stopped.
func begin(t *testing.T, o watch.Options, r watch.Rules) (w *watch.Watch, stop func()) {
	t.Helper()
	w, err := watch.New(o, r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return w, stop
}

// later lets time go by until all that was due is done.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestSpikes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at midnight UTC of 2000-01-01
		b := &books{}
		_, h := run(t, b, prometheus.NewRegistry(), all)
		for n, c := range []struct {
			team          string
			before, after int64
		}{{"steady", 20, 30}, {"spike", 20, 31}, {"new", 0, 10}, {"small", 1, 9}, {"less", 50, 10}} {
			b.call(t, 10+n, c.team, "m", c.before)
			time.Sleep(time.Hour)
			b.call(t, 20+n, c.team, "m", c.after)
			later(time.Hour)
			later(2 * time.Minute)
			var told string
			switch c.team {
			case "spike":
				told = "spend_spike spike: team spike was charged 31.00 USD in the hour from " + hour(-1) + " on, after 20.00 USD in the hour before"
			case "new":
				told = "spend_spike new: team new was charged 10.00 USD in the hour from " + hour(-1) + " on, after 0.00 USD in the hour before"
			}
			if c.before >= 10 { // that itself came after an hour without calls
				first := fmt.Sprintf("spend_spike %s: team %s was charged %d.00 USD in the hour from %s on, after 0.00 USD in the hour before", c.team, c.team, c.before, hour(-2))
				told = strings.TrimSuffix(first+"\n"+told, "\n")
			}
			want(t, c.team, h.take(), told)
			time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(4 * time.Hour)))
			h.take()
		}
	})
}

// hour names the beginning of this hour, or of one before it.
func hour(n int) string {
	return time.Now().UTC().Truncate(time.Hour).Add(time.Duration(n) * time.Hour).Format(time.RFC3339)
}

func TestWhatIsNobodysAndWhatHasNoPrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &books{}
		rules := all
		rules.SpendSpike.Severity = 0
		w, h := run(t, b, prometheus.NewRegistry(), rules)
		b.call(t, 1, "a", "m", 96)
		b.call(t, 2, "", "m", 2)
		b.call(t, 3, policy.Unattributed, "m", 2)
		b.call(t, 4, "a", "x", -1)
		later(time.Hour + 30*time.Second + time.Minute)
		want(t, "too little of either", h.take(), "")
		b.call(t, 5, "a", "m", 19)
		b.call(t, 6, "", "m", 1)
		b.call(t, 7, "a", "x", -1)
		b.call(t, 8, "a", "y", -1)
		b.call(t, 9, "a", "y", -1)
		from := hour(0)
		later(time.Hour)
		want(t, "enough", h.take(), "unattributed : 1.00 USD of 20.00 USD that was charged in the hour from "+from+" on is no team's\n"+
			"unpriced : 3 calls of the hour from "+from+" on have no price, and their cost is in no sum: y of local (2), x of local (1)")
		rules.Unattributed.Floor = money.Amount{Micro: 5e6}
		w.Configure(rules)
		b.call(t, 12, "a", "m", 4)
		b.call(t, 13, "", "m", 4)
		later(time.Hour)
		want(t, "half of little", h.take(), "")
		w.Configure(watch.Rules{})
		b.call(t, 10, "", "y", -1)
		b.call(t, 11, "", "y", -1)
		later(2 * time.Hour)
		want(t, "off", h.take(), "")
	})
}

func TestAnHourIsLookedAtOnceAndAgainWhereTheLedgerDidNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &books{err: errors.New("busy")}
		_, h := run(t, b, prometheus.NewRegistry(), all)
		b.call(t, 1, "a", "m", 50)
		later(time.Hour + 10*time.Minute)
		want(t, "unanswered", h.take(), "")
		b.mu.Lock()
		b.err = nil
		b.mu.Unlock()
		later(5 * time.Minute)
		if told := h.take(); strings.Count(told, "spend_spike a") != 1 {
			t.Errorf("answered: %q", told)
		}
		later(30 * time.Minute)
		want(t, "again", h.take(), "")
	})
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		degraded := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "farebox_degraded_total", Help: "x"}, []string{"reason"})
		errs := prometheus.NewCounter(prometheus.CounterOpts{Name: "farebox_ledger_write_errors_total", Help: "x"})
		reg.MustRegister(degraded, errs)
		w, h := run(t, &books{}, reg, all)
		degraded.WithLabelValues("unreadable_event").Add(5)
		later(2 * time.Minute)
		want(t, "nothing of it", h.take(), "")
		errs.Inc()
		degraded.WithLabelValues("commit_wait").Add(3)
		degraded.WithLabelValues("admission_failed").Add(2)
		later(time.Minute)
		want(t, "both", h.take(), "store_degraded : the ledger did not answer, or too late: farebox_ledger_write_errors_total +1, farebox_degraded_total commit_wait +3\n"+
			"fail_open : calls passed without a decision: farebox_degraded_total admission_failed +2")
		later(time.Minute)
		want(t, "no more", h.take(), "")
		w.Configure(watch.Rules{Every: time.Second})
		errs.Inc()
		later(time.Minute)
		want(t, "off", h.take(), "")
		w.Configure(all)
		later(2 * time.Minute)
		want(t, "what was counted meanwhile", h.take(), "")
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := watch.New(watch.Options{}, all); err == nil {
		t.Error("no error")
	}
}
