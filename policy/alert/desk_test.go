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

func TestWhoCannotBeToldIsToldLaterAndAfterARestartOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{refuse: func(alert.Notice) error { return errors.New("refused") }}
		rules := alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}}
		d, reg := open(t, m, rules)
		d.Alert(spent(90))
		later(8 * time.Second) // tries after 0, 1, 3 and 7 seconds
		if b.tries != 4 || states(t, m) != "90:new" {
			t.Errorf("after %d tries: %s", b.tries, states(t, m))
		}
		if n := testutil.ToFloat64(counter(t, reg, "farebox_alert_deliveries_total", "retried")); n != 4 {
			t.Errorf("counted %v tries", n)
		}
		kept, err := m.Alert(t.Context(), 1)
		if err != nil || kept.Deliveries[0].Tries != 4 || kept.Deliveries[0].Error != "refused" {
			t.Errorf("kept %+v, %v", kept.Deliveries, err)
		}
		d.Close(t.Context())
		b.refuse = nil
		for range 2 {
			d, _ = open(t, m, rules)
			later(time.Minute)
			d.Close(t.Context())
		}
		want(t, "told", b.percents(), "90")
		want(t, "kept", states(t, m), "90:sent")
	})
}

func TestAnAlertThatCannotBeToldIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{refuse: func(alert.Notice) error { return errors.New("refused") }}
		d, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}, GiveUp: time.Hour})
		d.Alert(spent(90))
		later(59 * time.Minute)
		want(t, "within the time", states(t, m), "90:new")
		later(10 * time.Minute)
		want(t, "after it", states(t, m), "90:failed")
		tries := b.tries
		later(24 * time.Hour)
		if b.tries != tries || tries < 10 {
			t.Errorf("%d tries, then %d more", tries, b.tries-tries)
		}
	})
}

func TestOneThatIsNotTakenDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &ledgertest.Memory{}
		b := &inbox{refuse: func(n alert.Notice) error {
			if slices.ContainsFunc(n.Alerts, func(a ledger.Alert) bool { return a.Of == "odd" }) {
				return alert.Final(errors.New("odd"))
			}
			return nil
		}}
		d, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}, Digest: time.Second})
		for _, of := range []string{"a", "odd", "b"} {
			e := spent(75)
			e.Of = of
			d.Alert(e)
		}
		later(time.Minute)
		want(t, "told", b.percents(), "75 75")
		want(t, "kept", states(t, m), "75:sent 75:failed 75:sent")
		if b.tries != 4 {
			t.Errorf("%d tries, want one of all and three of each", b.tries)
		}
	})
}

func TestWhoIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &ledgertest.Memory{}
		all, grave, pager := &inbox{}, &inbox{}, &inbox{}
		mail := &inbox{}
		d, _ := open(t, m, alert.Rules{
			Receivers: []alert.Receiver{
				{Name: "all", Least: alert.Info, Notifier: all}, {Name: "grave", Least: alert.Critical, Notifier: grave},
				{Name: "pager", Least: alert.Emergency, Pages: true, Notifier: pager},
				{Name: "mail", Least: alert.Warning, To: "ops@example.com, " + alert.LeadOf, Notifier: mail},
			},
			Lead: func(team string, _ time.Time) string { return map[string]string{"support": "lead@example.com"}[team] },
		})
		for _, percent := range []int{50, 75, 90, 100} {
			d.Alert(spent(percent))
			later(time.Second)
		}
		e := spent(100)
		e.Of, e.Team, e.Page = "ml", "ml", true
		d.Alert(e)
		later(time.Second)
		want(t, "all", all.percents(), "50 75 90 100 100")
		want(t, "grave", grave.percents(), "90 100 100")
		want(t, "pager", pager.percents(), "100")
		var people []string
		for _, n := range mail.got {
			people = append(people, n.To)
		}
		want(t, "mail", strings.Join(people, " "), strings.Repeat("ops@example.com lead@example.com ", 3)+"ops@example.com")
		nobody := &inbox{}
		if err := d.Configure(alert.Rules{Receivers: []alert.Receiver{{Name: "lead", Least: alert.Info, To: alert.LeadOf, Notifier: nobody}}}); err != nil {
			t.Fatal(err)
		}
		e.Limit++
		d.Alert(e)
		later(time.Second)
		last, err := m.Alert(t.Context(), 6)
		if err != nil || last.State() != ledger.AlertFailed || !strings.Contains(last.Deliveries[0].Error, "give it one") || nobody.tries > 0 {
			t.Errorf("without a lead: %+v, %v", last, err)
		}
	})
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
		d, err := alert.New(alert.Options{Store: s, Registerer: reg, MaxQueued: 2}, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}})
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
		d.Close(t.Context())
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

func TestNewRulesTellWhatIsLeftAndEndWhatNobodyIsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &ledgertest.Memory{}
		refuse := func(alert.Notice) error { return errors.New("refused") }
		here, gone := &inbox{refuse: refuse}, &inbox{refuse: refuse}
		d, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(here, alert.Info), {Name: "gone", Least: alert.Info, Notifier: gone}}})
		d.Alert(spent(75))
		later(time.Minute)
		if err := d.Configure(alert.Rules{Receivers: []alert.Receiver{{Name: "x"}}}); err == nil {
			t.Error("took rules that cannot be")
		}
		now := &inbox{}
		if err := d.Configure(alert.Rules{Receivers: []alert.Receiver{to(now, alert.Info)}}); err != nil {
			t.Fatal(err)
		}
		later(time.Minute)
		want(t, "told", now.percents(), "75")
		a, err := m.Alert(t.Context(), 1)
		if err != nil || a.State() != ledger.AlertFailed || a.Deliveries[1].Error != "the receiver is not configured any more" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestManyAlertsAreToldInSeveralMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := &ledgertest.Memory{}, &inbox{}
		d, _ := open(t, m, alert.Rules{Receivers: []alert.Receiver{to(b, alert.Info)}, Digest: time.Second})
		const many = 620
		for i := range many {
			e := spent(75)
			e.Of = fmt.Sprint(i)
			d.Alert(e)
		}
		later(time.Minute)
		sum := 0
		for _, n := range b.got {
			if len(n.Alerts) > 50 {
				t.Errorf("a message of %d alerts", len(n.Alerts))
			}
			sum += len(n.Alerts)
		}
		if sum != many {
			t.Errorf("told of %d alerts, want %d", sum, many)
		}
	})
}

func TestKindsSayHowTheyAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b, pager := &ledgertest.Memory{}, &inbox{}, &inbox{}
		d, _ := open(t, m, alert.Rules{
			Receivers: []alert.Receiver{to(b, alert.Info), {Name: "pager", Least: alert.Info, Pages: true, Notifier: pager}},
			Kinds:     map[alert.Kind]alert.How{alert.FailOpen: {Severity: alert.Emergency, Page: true}, alert.Runaway: {}},
		})
		for _, e := range []alert.Event{
			{Kind: alert.FailOpen}, {Kind: alert.FailOpen, Of: "x", Severity: alert.Info}, {Kind: alert.Runaway, Severity: alert.Critical, Page: true}, {Kind: alert.StoreDegraded},
		} {
			d.Alert(e)
			later(time.Second)
		}
		var got []string
		for _, n := range b.got {
			got = append(got, n.Alerts[0].Kind+" "+n.Severity())
		}
		want(t, "told", strings.Join(got, ", "), "fail_open emergency, fail_open info, store_degraded warning")
		if len(pager.got) != 2 {
			t.Errorf("paged %d times, want 2", len(pager.got))
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
