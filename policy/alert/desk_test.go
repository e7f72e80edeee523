package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// inbox takes notices as long as refuse lets it.
type inbox struct {
	refuse func(n alert.Notice) error // nil takes all

	mu    sync.Mutex
	got   []alert.Notice
	tries int
}

func (b *inbox) Notify(_ context.Context, n alert.Notice) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	if b.refuse != nil {
		if err := b.refuse(n); err != nil {
			return err
		}
	}
	b.got = append(b.got, n)
	return nil
}

// percents are those of each notice.
func (b *inbox) percents() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, n := range b.got {
		var one []string
		for _, a := range n.Alerts {
			one = append(one, fmt.Sprint(a.Percent))
		}
		all = append(all, strings.Join(one, "+"))
	}
	return strings.Join(all, " ")
}

// shaky is a ledger that fails while broken is above zero.
type shaky struct {
	ledgertest.Memory
	mu     sync.Mutex
	broken int
}

func (s *shaky) Raise(ctx context.Context, a ledger.Alert) (ledger.Alert, bool, error) {
	s.mu.Lock()
	s.broken--
	fails := s.broken >= 0
	s.mu.Unlock()
	if fails {
		return ledger.Alert{}, false, errors.New("disk full")
	}
	return s.Memory.Raise(ctx, a)
}

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func spent(percent int) alert.Event {
	return alert.Event{
		Kind: alert.Budget, Rule: "month", Of: "support", Unit: "usd", Percent: percent, Spent: int64(percent) * 50e9, Limit: 5000e9,
		Start: start, End: start.AddDate(0, 1, 0), Team: "support",
	}
}

func to(b *inbox, least alert.Severity) alert.Receiver {
	return alert.Receiver{Name: "inbox", Least: least, Notifier: b}
}

// open starts a desk that ends with the test.
func open(t *testing.T, s alert.Store, r alert.Rules) (*alert.Desk, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	d, err := alert.New(alert.Options{Store: s, Registerer: reg}, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(t.Context()) })
	return d, reg
}

// later lets time go by until all that was due is done.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func states(t *testing.T, s *ledgertest.Memory) string {
	t.Helper()
	all, err := s.Alerts(t.Context(), ledger.AlertSearch{To: time.Now().AddDate(1, 0, 0), Limit: ledger.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, a := range slices.Backward(all) {
		words = append(words, fmt.Sprintf("%d:%s", a.Percent, a.State()))
	}
	return strings.Join(words, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestWhatGathersIsToldAtOnceAndTheHighestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{}
		d, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}, Digest: 10 * time.Second})
		for _, percent := range []int{50, 90, 75} {
			d.Alert(spent(percent))
		}
		other := spent(75)
		other.Of = "ml"
		d.Alert(other)
		later(9 * time.Second)
		want(t, "before they are told they are kept", states(t, m), "50:outdone 90:new 75:outdone 75:new")
		want(t, "told early", b.percents(), "")
		later(time.Second)
		want(t, "told", b.percents(), "90+75")
		want(t, "kept", states(t, m), "50:outdone 90:sent 75:outdone 75:sent")
		d.Alert(spent(100))
		later(time.Minute)
		want(t, "told later", b.percents(), "90+75 100")
	})
}

func TestTheSameEventIsOneAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b, c := &ledgertest.Memory{}, &inbox{}, &inbox{}
		one, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}})
		two, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{{Name: "another", Least: alert.Info, Notifier: c}}})
		synctest.Wait() // each has looked for what is left of receivers that it has not
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { one.Alert(spent(100)); two.Alert(spent(100)) })
		}
		all.Wait()
		later(2 * time.Hour)
		one.Alert(spent(100))
		later(time.Hour)
		want(t, "kept", states(t, m), "100:sent")
		if told := b.percents() + c.percents(); told != "100" {
			t.Errorf("told %q, want once", told)
		}
		raised := spent(100) // the limit was raised, and that is spent too
		raised.Limit *= 2
		one.Alert(raised)
		later(time.Hour)
		want(t, "after a top-up", states(t, m), "100:sent 100:sent")
		next := spent(100)
		next.Start = start.AddDate(0, 1, 0)
		one.Alert(next)
		later(time.Hour)
		want(t, "in the next window", states(t, m), "100:sent 100:sent 100:sent")
	})
}

func TestEventsWithoutAWindowAreTheSameForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{}
		d, reg := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}})
		for range 120 { // two hours
			d.Alert(alert.Event{Kind: alert.FailOpen, Of: "admission_failed", Severity: alert.Critical, Message: "calls pass"})
			later(time.Minute)
		}
		want(t, "kept", states(t, m), "0:sent 0:sent")
		if n := testutil.ToFloat64(counter(t, reg, "farebox_alerts_total")); n != 2 {
			t.Errorf("counted %v, want 2", n)
		}
	})
}

// counter sums the series of a family.
func counter(t *testing.T, reg *prometheus.Registry, name string, labels ...string) prometheus.Collector {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := prometheus.NewCounter(prometheus.CounterOpts{Name: "sum", Help: "sum"})
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			text := m.String()
			if !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(text, `"`+l+`"`) }) {
				sum.Add(m.GetCounter().GetValue())
			}
		}
	}
	return sum
}

func TestReviewIsRequiredUntilSomeoneKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{}
		d, reg := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}, Digest: time.Minute})
		d.Alert(spent(75))
		later(0)
		toReview := func(n string) {
			t.Helper()
			later(time.Minute)
			text := "# HELP farebox_alerts_to_review Alerts that someone has still to acknowledge, from the ledger; 500 stands for more.\n# TYPE farebox_alerts_to_review gauge\nfarebox_alerts_to_review " + n + "\n"
			if err := testutil.GatherAndCompare(reg, strings.NewReader(text), "farebox_alerts_to_review"); err != nil {
				t.Error(err)
			}
		}
		toReview("0")
		d.Alert(spent(90))
		later(0)
		if a, err := m.Acknowledge(t.Context(), 2, ledger.Change{At: time.Now(), Actor: "ann"}); err != nil || a.State() != ledger.AlertAcknowledged {
			t.Errorf("%+v, %v", a, err)
		}
		toReview("0")
		want(t, "what is known is not told any more", b.percents(), "75")
		d.Alert(spent(100))
		toReview("1")
	})
}

func TestMutedAndReArmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{}
		d, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}})
		mute := ledger.Mute{Rule: "month", At: time.Now(), Until: time.Now().Add(time.Hour), By: "ann"}
		if err := m.Mute(t.Context(), mute, ledger.Change{}); err != nil {
			t.Fatal(err)
		}
		d.Alert(spent(90))
		later(2 * time.Hour)
		want(t, "muted", states(t, m)+b.percents(), "90:muted")
		d.Alert(spent(90))
		later(time.Hour)
		want(t, "afterwards it is the same", states(t, m)+b.percents(), "90:muted")
		if _, err := m.Rearm(t.Context(), ledger.Mute{Rule: "month"}, ledger.Change{}); err != nil {
			t.Fatal(err)
		}
		d.Alert(spent(90))
		d.Forget()
		d.Alert(spent(90))
		later(time.Hour)
		want(t, "re-armed", states(t, m), "90:muted 90:sent")
		want(t, "told", b.percents(), "90")
	})
}

func TestEventsAreKeptThoughTheLedgerFailsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := &shaky{broken: 3}, &inbox{}
		reg := prometheus.NewRegistry()
		d, err := alert.New(alert.Options{Store: s, Registerer: reg, MaxQueued: 2}, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}, Digest: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 { // one is being kept, two wait
			e := spent(75)
			e.Of = fmt.Sprint(i)
			d.Alert(e)
			later(0)
		}
		later(time.Minute)
		want(t, "kept", states(t, &s.Memory), "75:sent 75:sent 75:sent")
		if n := testutil.ToFloat64(counter(t, reg, "farebox_alerts_dropped_total")); n != 2 {
			t.Errorf("dropped %v, want 2", n)
		}
		e := spent(75)
		e.Of = "4" // was dropped, and so comes again
		d.Alert(e)
		d.Close(t.Context()) // within the second in which alerts gather
		want(t, "kept at the close", states(t, &s.Memory), "75:sent 75:sent 75:sent 75:new")
		e.Of = "late"
		d.Alert(e)
		if n := testutil.ToFloat64(counter(t, reg, "farebox_alerts_dropped_total")); n != 3 {
			t.Errorf("dropped %v, want 3", n)
		}
	})
}

func TestACloseThatMayNotWaitLosesEventsAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shaky{broken: 1 << 30}
		d, reg := open(t, s, alert.Rules{})
		d.Alert(spent(75))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		d.Close(ctx)
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("closed after %v", took)
		}
		if n := testutil.ToFloat64(counter(t, reg, "farebox_alerts_dropped_total")); n != 1 {
			t.Errorf("dropped %v, want 1", n)
		}
	})
}

func TestMetricNames(t *testing.T) {
	_, reg := open(t, &ledgertest.Memory{}, alert.Rules{Receivers: []alert.Receiver{to(&inbox{}, alert.Info)}})
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNewRefuses(t *testing.T) {
	b := &inbox{}
	for name, test := range map[string]struct {
		o alert.Options
		r alert.Rules
	}{
		"no store":      {alert.Options{Registerer: prometheus.NewRegistry()}, alert.Rules{}},
		"no registerer": {alert.Options{Store: &ledgertest.Memory{}}, alert.Rules{}},
		"queue below":   {alert.Options{Store: &ledgertest.Memory{}, Registerer: prometheus.NewRegistry(), MaxQueued: -1}, alert.Rules{}},
		"two of a name": {alert.Options{Store: &ledgertest.Memory{}, Registerer: prometheus.NewRegistry()}, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info), to(b, alert.Info)}}},
		"no severity":   {alert.Options{Store: &ledgertest.Memory{}, Registerer: prometheus.NewRegistry()}, alert.Rules{Receivers: []alert.Receiver{to(b, 0)}}},
		"no notifier":   {alert.Options{Store: &ledgertest.Memory{}, Registerer: prometheus.NewRegistry()}, alert.Rules{Receivers: []alert.Receiver{{Name: "x", Least: alert.Info}}}},
	} {
		if d, err := alert.New(test.o, test.r); err == nil {
			d.Close(t.Context())
			t.Errorf("%s: no error", name)
		}
	}
}
