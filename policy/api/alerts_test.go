package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// raised are alerts of two teams, one a minute.
func raised(t *testing.T, m *ledgertest.Memory, n int) {
	t.Helper()
	for i := range n {
		a := ledger.Alert{
			Key: fmt.Sprint(i), At: ledgertest.Start.Add(time.Duration(i) * time.Minute), Kind: "budget", Severity: "critical", Rule: "month", Percent: 90,
			Unit: "usd", Spent: 1_234_500_000_000, Limit: 1_300_000_000_000, Team: []string{"support", "ml"}[i%2], Text: "text", Review: true,
			Deliveries: []ledger.Delivery{{Receiver: "mail", To: "lead@example.com", State: ledger.AlertNew}},
		}
		if _, _, err := m.Raise(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
}

// refusal is the status of an *Error, or 0.
func refusal(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

func TestAlertsAreListed(t *testing.T) {
	s, m := kept(t)
	raised(t, m, 5)
	all := AlertsQuery{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour)}
	for name, test := range map[string]struct {
		as   string
		ask  func(*AlertsQuery)
		want string
	}{
		"all":          {"viewer", func(*AlertsQuery) {}, "[5 4 3 2 1]"},
		"of a team":    {"viewer", func(q *AlertsQuery) { q.Team = "ml" }, "[4 2]"},
		"of one's own": {"viewer/ml", func(*AlertsQuery) {}, "[4 2]"},
		"of a rule":    {"viewer", func(q *AlertsQuery) { q.Rule = "day" }, "[]"},
		"to review":    {"viewer", func(q *AlertsQuery) { q.Review = true }, "[5 4 3 2 1]"},
		"in a state":   {"viewer", func(q *AlertsQuery) { q.State = "sent" }, "[]"},
		"of a time":    {"viewer", func(q *AlertsQuery) { q.From = q.From.Add(3 * time.Minute) }, "[5 4]"},
	} {
		q := all
		test.ask(&q)
		var got []int64
		for { // two a page
			q.Limit = 2
			a, err := as(s, test.as).Alerts(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range a.Alerts {
				got = append(got, one.Number)
			}
			if q.Cursor = a.Next; q.Cursor == "" {
				break
			}
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
	}
	if _, err := as(s, "viewer/ml").Alerts(t.Context(), AlertsQuery{Team: "support"}); refusal(err) != http.StatusForbidden {
		t.Errorf("of another team: %v", err)
	}
	all.Limit = 1
	a, err := as(s, "viewer").Alerts(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	if one := a.Alerts[0]; one.Spent != "1234.5" || one.Limit != "1300" || one.State != "new" || !one.Review || len(one.Deliveries) != 1 || one.Deliveries[0].To != "lead@example.com" {
		t.Errorf("%+v", one)
	}
}

func TestAlertsAreAcknowledged(t *testing.T) {
	s, m := kept(t)
	raised(t, m, 2)
	for name, test := range map[string]struct {
		as     string
		number int64
		want   int
	}{
		"by a viewer": {"viewer", 1, http.StatusForbidden}, "of another team": {"owner/ml", 1, http.StatusNotFound}, "of none": {"owner", 9, http.StatusNotFound},
	} {
		if _, err := as(s, test.as).Acknowledge(t.Context(), test.number, ""); refusal(err) != test.want {
			t.Errorf("%s: %v, want %d", name, err, test.want)
		}
	}
	a, err := as(s, "owner/support").Acknowledge(t.Context(), 1, "limit will be raised")
	if err != nil || a.State != "acknowledged" || a.Review || a.AcknowledgedBy != "owner/support" || a.Note != "limit will be raised" || len(a.Deliveries) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	audit, err := as(s, "finance").Audit(t.Context(), AuditQuery{From: ledgertest.Start, Action: AlertAcknowledge})
	if err != nil || len(audit.Changes) != 1 || audit.Changes[0].Actor != "owner/support" || audit.Changes[0].Subject != "alert 1 of month" {
		t.Errorf("%+v, %v", audit, err)
	}
	if status, _ := get(t, s, alertsPath+"/x/acknowledge"); status != http.StatusUnauthorized && status != http.StatusMethodNotAllowed {
		t.Errorf("got %d", status)
	}
}

func TestAlertsAreMutedAndReArmed(t *testing.T) {
	s, m := kept(t)
	raised(t, m, 2)
	until := ledgertest.Start.Add(100 * time.Hour)
	owner, own := as(s, "owner"), as(s, "owner/ml")
	if _, err := as(s, "viewer").Mute(t.Context(), Mute{Rule: "month", Until: until}); refusal(err) != http.StatusForbidden {
		t.Errorf("by a viewer: %v", err)
	}
	for name, bad := range map[string]Mute{"no rule": {Until: until}, "too long": {Rule: "month", Until: until.AddDate(2, 0, 0)}} {
		if _, err := owner.Mute(t.Context(), bad); refusal(err) != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := owner.Mute(t.Context(), Mute{Rule: "day", Until: until, Reason: "moving"}); err != nil || got.By != "owner" || !got.Until.Equal(until) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := own.Mute(t.Context(), Mute{Rule: "month", Until: until}); err != nil || got.Team != "ml" {
		t.Errorf("%+v, %v", got, err)
	}
	count := func(c *Client) int {
		t.Helper()
		a, err := c.Mutes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(a.Mutes)
	}
	if count(owner) != 2 || count(own) != 2 || count(as(s, "viewer/support")) != 1 {
		t.Errorf("seen by all %d, by ml %d, by support %d", count(owner), count(own), count(as(s, "viewer/support")))
	}
	if _, err := own.Mute(t.Context(), Mute{Rule: "month", Until: ledgertest.Start}); err != nil || count(owner) != 1 {
		t.Errorf("ended: %d, %v", count(owner), err)
	}
	if got, err := own.Rearm(t.Context(), Rearm{Rule: "month"}); err != nil || got.Rearmed != 1 {
		t.Errorf("re-armed one's own: %+v, %v", got, err)
	}
	if got, err := owner.Rearm(t.Context(), Rearm{Rule: "month"}); err != nil || got.Rearmed != 1 {
		t.Errorf("re-armed the rest: %+v, %v", got, err)
	}
	if _, err := own.Rearm(t.Context(), Rearm{Rule: "month", Team: "support"}); refusal(err) != http.StatusForbidden {
		t.Errorf("re-armed another's: %v", err)
	}
}

func TestReArmingIsTold(t *testing.T) {
	told := 0
	s := httptest.NewServer(NewHandler(Options{Ledger: &ledgertest.Memory{}, Rearmed: func() { told++ }}))
	defer s.Close()
	if _, err := NewClient(s.URL, nil).Rearm(t.Context(), Rearm{Rule: "month"}); err != nil || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
}
