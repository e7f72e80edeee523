package alert_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

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
