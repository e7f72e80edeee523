package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy/ledger"
)

// alertOf is a share of one limit, which two receivers are to be told of.
func alertOf(percent int) ledger.Alert {
	return ledger.Alert{
		Key: fmt.Sprint("month ", percent), Family: "month", At: Start.Add(time.Duration(percent) * time.Second), Kind: "budget",
		Severity: "critical", Rule: "month", Of: "support/chat", Unit: "usd", Percent: percent, Spent: int64(percent) * 1e7, Limit: 1e9,
		Start: Start, End: Start.Add(time.Hour), Team: "support", Lead: "lead@example.com", Text: fmt.Sprint(percent, " %"), Review: true,
		Deliveries: []ledger.Delivery{{Receiver: "mail", To: "lead@example.com", State: ledger.AlertNew}, {Receiver: "chat", State: ledger.AlertNew}},
	}
}

func raise(t *testing.T, s ledger.Store, a ledger.Alert) ledger.Alert {
	t.Helper()
	kept, fresh, err := s.Raise(t.Context(), a)
	if err != nil || !fresh || kept.Number < 1 {
		t.Fatalf("raised %+v: fresh %v, %v", kept, fresh, err)
	}
	return kept
}

func wantAlert(t *testing.T, s ledger.Store, want ledger.Alert) {
	t.Helper()
	got, err := s.Alert(t.Context(), want.Number)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("alert %d (-want +got):\n%s", want.Number, diff)
	}
}

func wantUntold(t *testing.T, s ledger.Store, receiver string, want ...ledger.Alert) {
	t.Helper()
	got, err := s.Untold(t.Context(), receiver, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("of what %q is to be told (-want +got):\n%s", receiver, diff)
	}
}

// lastChange is the newest entry of the audit.
func lastChange(t *testing.T, s ledger.Store) ledger.Change {
	t.Helper()
	all, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(1000 * time.Hour), Limit: 1})
	if err != nil || len(all) != 1 {
		t.Fatalf("the audit has %v, %v", all, err)
	}
	return all[0]
}

func changeBy(action string) ledger.Change {
	return ledger.Change{At: Start.Add(time.Minute), Actor: "ann", Role: "owner", Action: action, Reason: "because"}
}

func raisedOnce(t *testing.T, s ledger.Store) {
	odd := alertOf(50)
	odd.At = odd.At.In(time.FixedZone("", 3600)).Add(999)
	first := raise(t, s, odd)
	want := alertOf(50)
	want.Number = first.Number
	wantAlert(t, s, want)
	second := alertOf(50)
	second.Text = "again"
	kept, fresh, err := s.Raise(t.Context(), second)
	if diff := cmp.Diff(want, kept); fresh || err != nil || diff != "" {
		t.Errorf("again: fresh %v, %v (-want +got):\n%s", fresh, err, diff)
	}
	bare := ledger.Alert{Key: "bare", At: Start, Kind: "degraded", Severity: "info", Rule: "degraded", Text: "text"}
	kept = raise(t, s, bare)
	if bare.Number = kept.Number; kept.State() != ledger.AlertKept {
		t.Errorf("nobody is to be told: %s", kept.State())
	}
	wantAlert(t, s, bare)
	wantUntold(t, s, "", want)
	if _, err := s.Alert(t.Context(), 99); !errors.Is(err, ledger.ErrNoAlert) {
		t.Errorf("no alert: %v", err)
	}
}

// highestTold: what is lower than what was told, and what was not told before
// something higher, is not told.
func highestTold(t *testing.T, s ledger.Store) {
	low := raise(t, s, alertOf(50))
	if err := s.Tell(t.Context(), []int64{low.Number}, ledger.Delivery{Receiver: "mail", To: "lead@example.com", State: ledger.AlertSent, At: Start}); err != nil {
		t.Fatal(err)
	}
	mid, high, late := raise(t, s, alertOf(75)), raise(t, s, alertOf(100)), raise(t, s, alertOf(90))
	other := alertOf(50)
	other.Key, other.Family = "other 50", "other"
	other = raise(t, s, other)
	mid.Outdone, mid.Deliveries = true, nil
	wantAlert(t, s, mid)
	if late.State() != ledger.AlertOutdone || len(late.Deliveries) > 0 {
		t.Errorf("lower and later: %+v", late)
	}
	wantUntold(t, s, "", high, other)
	low.Tell(ledger.Delivery{Receiver: "mail", To: "lead@example.com", State: ledger.AlertSent, At: Start})
	low.Silence()
	wantAlert(t, s, low)
	if low.State() != ledger.AlertSent {
		t.Errorf("told before: %s", low.State())
	}
}

func alertsTold(t *testing.T, s ledger.Store) {
	a, b := raise(t, s, alertOf(75)), alertOf(75)
	b.Key, b.Family, b.Deliveries = "b", "b", b.Deliveries[:1]
	b = raise(t, s, b)
	wantUntold(t, s, "mail", a, b)
	wantUntold(t, s, "chat", a)
	wantUntold(t, s, "nobody")
	if got, err := s.Untold(t.Context(), "", 1); err != nil || len(got) != 1 || got[0].Number != a.Number {
		t.Errorf("at most one: %v, %v", got, err)
	}
	tries := []ledger.Delivery{
		{Receiver: "mail", To: "lead@example.com", State: ledger.AlertNew, At: Start, Error: "refused"},
		{Receiver: "mail", To: "lead@example.com", State: ledger.AlertSent, At: Start.Add(time.Second)},
		{Receiver: "chat", State: ledger.AlertFailed, At: Start.Add(time.Second), Error: "gone"},
		{Receiver: "mail", To: "lead@example.com", State: ledger.AlertFailed, At: Start.Add(time.Hour), Error: "told already"},
		{Receiver: "mail", To: "another@example.com", State: ledger.AlertFailed, At: Start.Add(time.Hour), Error: "not asked for"},
	}
	states := []string{ledger.AlertNew, ledger.AlertNew, ledger.AlertFailed, ledger.AlertFailed, ledger.AlertFailed}
	for i, d := range tries {
		if err := s.Tell(t.Context(), []int64{a.Number, 99}, d); err != nil {
			t.Fatal(err)
		}
		a.Tell(d)
		wantAlert(t, s, a)
		if a.State() != states[i] {
			t.Errorf("after %+v: %s, want %s", d, a.State(), states[i])
		}
	}
	want := []ledger.Delivery{
		{Receiver: "mail", To: "lead@example.com", State: ledger.AlertSent, Tries: 2, At: Start.Add(time.Second)},
		{Receiver: "chat", State: ledger.AlertFailed, Tries: 1, At: Start.Add(time.Second), Error: "gone"},
	}
	if diff := cmp.Diff(want, a.Deliveries); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	wantUntold(t, s, "", b)
}

func alertsAcknowledged(t *testing.T, s ledger.Store) {
	a := raise(t, s, alertOf(90))
	got, err := s.Acknowledge(t.Context(), a.Number, changeBy("alert.acknowledge"))
	if err != nil || got.State() != ledger.AlertAcknowledged || got.Unreviewed() || got.AcknowledgedBy != "ann" || got.Note != "because" || got.Open() {
		t.Errorf("acknowledged: %+v, %v", got, err)
	}
	wantAlert(t, s, got)
	wantUntold(t, s, "")
	c := lastChange(t, s)
	if c.Actor != "ann" || c.Action != "alert.acknowledge" || c.Subject != a.Subject() || string(c.Before) != `"new"` || string(c.After) != `"acknowledged"` {
		t.Errorf("audit: %+v", c)
	}
	second := changeBy("alert.acknowledge")
	second.Actor = "bob"
	again, err := s.Acknowledge(t.Context(), a.Number, second)
	if err != nil || again.AcknowledgedBy != "ann" {
		t.Errorf("acknowledged again: %+v, %v", again, err)
	}
	if _, err := s.Acknowledge(t.Context(), 99, changeBy("x")); !errors.Is(err, ledger.ErrNoAlert) {
		t.Errorf("no alert: %v", err)
	}
}

func alertsMuted(t *testing.T, s ledger.Store) {
	for _, m := range []ledger.Mute{{}, {Of: "x"}} {
		if err := s.Mute(t.Context(), m, changeBy("x")); err == nil {
			t.Errorf("muted %+v", m)
		}
		if _, err := s.Rearm(t.Context(), m, changeBy("x")); err == nil {
			t.Errorf("re-armed %+v", m)
		}
	}
	whole := ledger.Mute{Rule: "month", At: Start, Until: Start.Add(76 * time.Second), By: "ann", Why: "moving"}
	one := ledger.Mute{Rule: "month", Of: "support/chat", Team: "support", At: Start, Until: Start.Add(time.Hour), By: "ann"}
	for _, m := range []ledger.Mute{one, whole, {Rule: "other", At: Start, Until: Start.Add(time.Minute)}} {
		if err := s.Mute(t.Context(), m, changeBy("alert.mute")); err != nil {
			t.Fatal(err)
		}
	}
	wantMutes(t, s, Start.Add(time.Minute), whole, one)
	one.Until = Start // ends it
	if err := s.Mute(t.Context(), one, changeBy("alert.mute")); err != nil {
		t.Fatal(err)
	}
	if c := lastChange(t, s); c.Before == nil || c.After != nil || c.Subject != "alerts of month for support/chat of team support" {
		t.Errorf("audit of an end: %+v", c)
	}
	wantMutes(t, s, Start.Add(time.Minute), whole)
	quiet, loud := raise(t, s, alertOf(75)), raise(t, s, alertOf(90)) // at that many seconds
	if quiet.State() != ledger.AlertMuted || loud.State() != ledger.AlertNew {
		t.Errorf("muted: %s; after it: %s", quiet.State(), loud.State())
	}
	if n, err := s.Rearm(t.Context(), ledger.Mute{Rule: "month", Team: "ml"}, changeBy("alert.rearm")); n != 0 || err != nil {
		t.Errorf("re-armed %d, %v of another team", n, err)
	}
	if n, err := s.Rearm(t.Context(), ledger.Mute{Rule: "month", Of: "support/mail"}, changeBy("alert.rearm")); n != 0 || err != nil {
		t.Errorf("re-armed %d, %v of another account", n, err)
	}
	if n, err := s.Rearm(t.Context(), ledger.Mute{Rule: "month", Of: "support/chat"}, changeBy("alert.rearm")); n != 2 || err != nil {
		t.Errorf("re-armed %d, %v, want 2", n, err)
	}
	if c := lastChange(t, s); string(c.After) != `{"rearmed":2}` {
		t.Errorf("audit of re-arming: %+v", c)
	}
	again := raise(t, s, alertOf(90))
	if again.Number == loud.Number || again.State() != ledger.AlertNew {
		t.Errorf("again after re-arming: %+v", again)
	}
}

func wantMutes(t *testing.T, s ledger.Store, at time.Time, want ...ledger.Mute) {
	t.Helper()
	got, err := s.Mutes(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("mutes (-want +got):\n%s", diff)
	}
}

func alertsListed(t *testing.T, s ledger.Store) {
	var all []ledger.Alert
	for n := range 6 {
		a := alertOf(n)
		a.Family, a.Team, a.Rule = "", []string{"support", "ml"}[n%2], []string{"month", "day", "day"}[n%3]
		all = slices.Insert(all, 0, raise(t, s, a))
	}
	done, err := s.Acknowledge(t.Context(), all[0].Number, changeBy("x"))
	if err != nil {
		t.Fatal(err)
	}
	all[0] = done
	every := ledger.AlertSearch{From: Start, To: Start.Add(time.Hour), Limit: 10}
	for name, test := range map[string]struct {
		ask  func(*ledger.AlertSearch)
		want []ledger.Alert
	}{
		"all":          {func(*ledger.AlertSearch) {}, all},
		"a page":       {func(s *ledger.AlertSearch) { s.Limit = 2 }, all[:2]},
		"the next":     {func(s *ledger.AlertSearch) { s.Below = all[1].Number }, all[2:]},
		"a time":       {func(s *ledger.AlertSearch) { s.From, s.To = all[3].At, all[1].At }, all[2:4]},
		"a team":       {func(s *ledger.AlertSearch) { s.Team = "ml" }, []ledger.Alert{all[0], all[2], all[4]}},
		"a rule":       {func(s *ledger.AlertSearch) { s.Rule = "month" }, []ledger.Alert{all[2], all[5]}},
		"of something": {func(s *ledger.AlertSearch) { s.Of = "support/chat" }, all},
		"a state":      {func(s *ledger.AlertSearch) { s.State = ledger.AlertAcknowledged }, all[:1]},
		"to review":    {func(s *ledger.AlertSearch) { s.Review = true }, all[1:]},
		"a severity":   {func(s *ledger.AlertSearch) { s.Severity = "info" }, nil},
		"a kind":       {func(s *ledger.AlertSearch) { s.Kind = "budget" }, all},
	} {
		q := every
		test.ask(&q)
		got, err := s.Alerts(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	every.Limit = 0
	if _, err := s.Alerts(t.Context(), every); err == nil {
		t.Error("no limit: no error")
	}
}
