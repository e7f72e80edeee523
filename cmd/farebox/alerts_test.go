package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

func TestAlerts(t *testing.T) {
	m, farebox := house(t)
	if out, _ := farebox("alerts", "list"); out != "No alerts.\n" {
		t.Errorf("nothing shows as %q", out)
	}
	for i, percent := range []int{75, 90, 100} {
		a := ledger.Alert{
			Key: fmt.Sprint(percent), At: noon.Add(time.Duration(i-5) * time.Minute), Kind: "budget", Severity: []string{"warning", "critical", "emergency"}[i],
			Rule: "month", Of: "support", Percent: percent, Unit: "usd", Spent: int64(percent) * 1e9, Limit: 100e9, Team: "support",
			Text: fmt.Sprintf("budget month: %d %% is spent\x1b", percent), Review: percent > 75,
			Deliveries: []ledger.Delivery{{Receiver: "mail", To: "lead@example.com", State: []string{ledger.AlertSent, ledger.AlertFailed, ledger.AlertNew}[i], Tries: 1, At: noon, Error: []string{"", "gone", ""}[i]}},
		}
		if _, _, err := m.Raise(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := farebox("alerts", "list", "--tz", "Asia/Kolkata")
	golden(t, "alerts.table", out)
	out, _ = farebox("alerts", "list", "--severity", "critical", "-o", "json")
	golden(t, "alerts.json", out)
	out, _ = farebox("alerts", "ack", "3", "--reason", "known")
	golden(t, "alerts-ack.table", out)
	out, said := farebox("alerts", "list", "--review", "--limit", "1")
	if !strings.Contains(out, "90 %") || strings.Contains(out, "100 %") || said != "" {
		t.Errorf("to review: %s, said %q", out, said)
	}
	out, _ = farebox("alerts", "mute", "month", "--of", "support", "--until", "2027-01-01", "--reason", "=moving")
	golden(t, "alerts-mutes.table", out)
	if out, _ = farebox("alerts", "mute", "spend_spike", "--until", "2027-02-01", "-o", "json"); strings.Count(out, `"rule"`) != 2 {
		t.Errorf("muted: %s", out)
	}
	if out, _ = farebox("alerts", "unmute", "month", "--of", "support"); !strings.Contains(out, "spend_spike") || strings.Contains(out, "month") {
		t.Errorf("unmuted: %s", out)
	}
	farebox("alerts", "unmute", "spend_spike")
	if out, _ = farebox("alerts", "mutes"); out != "Nothing is muted.\n" {
		t.Errorf("nothing is muted: %q", out)
	}
	if out, _ = farebox("alerts", "rearm", "month"); out != "3 alerts are told anew when they come again.\n" {
		t.Errorf("re-armed: %q", out)
	}
}

func TestAlertsRefuse(t *testing.T) {
	for _, test := range []struct{ line, says string }{
		{"alerts ack", "0 arguments, want one number"},
		{"alerts ack x", `"x" is no number of an alert`},
		{"alerts mute month", "either --for or --until"},
		{"alerts mute month --for 1h --until 2027-01-01", "either --for or --until"},
		{"alerts mute --for 1h", "want one name of a budget"},
		{"alerts list --severity grave", "allowed are info, warning, critical, emergency"},
		{"alerts list --state gone", "allowed are new, sent"},
		{"alerts list --limit 0", "at least 1"},
		{"alerts rearm", "want one name of a budget"},
	} {
		status, out, errOut := try(append(strings.Fields(test.line), "--admin", "http://127.0.0.1:1")...)
		if status != 1 || out != "" || !strings.Contains(errOut, test.says) {
			t.Errorf("farebox %s: status %d, %q, %q; want %q", test.line, status, out, errOut, test.says)
		}
	}
}
