package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/alert/notify"
	"github.com/farebox/farebox/policy/ledger"
)

var at = time.Date(2026, 11, 28, 10, 30, 0, 0, time.UTC)

// notice is of a budget that is spent, and of something lighter.
func notice(to string) alert.Notice {
	return alert.Notice{To: to, Alerts: []ledger.Alert{
		{
			Number: 7, Key: "k", At: at, Kind: "budget", Severity: "critical", Rule: "month", Of: "support", Unit: "usd", Percent: 90, Spent: 4500e9, Limit: 5000e9,
			Start: at.AddDate(0, 0, -27), End: at.AddDate(0, 0, 3), Team: "support", Lead: "lead@example.com", Text: "budget month for support: 90 % is spent <now> & more", Review: true,
		},
		{Number: 8, Key: "l", At: at, Kind: "spend_spike", Severity: "warning", Rule: "spend_spike", Of: "ml", Text: "team ml spends 3 × as much"},
	}}
}

func secret(t *testing.T, text string) notify.Secret {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return notify.Secret(name)
}

// request is what a receiver got.
type request struct {
	path   string
	header http.Header
	body   []byte
}

// receiver answers with a status, and keeps what it got.
func receiver(t *testing.T, status *int) (*httptest.Server, *[]request) {
	t.Helper()
	var got []request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s of %q: %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		got = append(got, request{r.URL.Path, r.Header, body})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(*status)
		_, _ = io.WriteString(w, "said so")
	}))
	t.Cleanup(s.Close)
	return s, &got
}

// members reads a JSON body.
func members(t *testing.T, body []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m
}

func wantJSON(t *testing.T, want string, got any) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestSlack(t *testing.T) {
	status := 200
	s, got := receiver(t, &status)
	n := notify.NewSlack(secret(t, s.URL+"/services/T0/B0/secret"), notify.HTTP{})
	if err := n.Notify(t.Context(), notice("")); err != nil {
		t.Fatal(err)
	}
	if r := (*got)[0]; r.path != "/services/T0/B0/secret" {
		t.Errorf("posted to %s", r.path)
	}
	wantJSON(t, `{"unfurl_links": false, "text": ":red_circle: [critical] budget month for support: 90 % is spent &lt;now&gt; &amp; more (to be acknowledged: farebox alerts ack 7)\n`+
		`:warning: [warning] team ml spends 3 × as much"}`, any(members(t, (*got)[0].body)))
}

func TestWebhookIsSigned(t *testing.T) {
	status := 204
	s, got := receiver(t, &status)
	n := notify.NewWebhook(s.URL+"/hook", secret(t, "sesame"), notify.HTTP{Token: secret(t, "t0ken")}, func() time.Time { return at })
	sent := notice("")
	for range 2 {
		if err := n.Notify(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
	}
	first, second := (*got)[0], (*got)[1]
	if id := first.header.Get("Idempotency-Key"); id == "" || id != second.header.Get("Idempotency-Key") || id != sent.ID() {
		t.Errorf("ids %q and %q", id, second.header.Get("Idempotency-Key"))
	}
	if first.header.Get("Authorization") != "Bearer t0ken" {
		t.Errorf("token %q", first.header.Get("Authorization"))
	}
	// Checked as a receiver would.
	stamp, sum, ok := strings.Cut(strings.TrimPrefix(first.header.Get("Farebox-Signature"), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte("sesame"))
	mac.Write([]byte(stamp + "." + string(first.body)))
	if given, err := hex.DecodeString(sum); !ok || err != nil || !hmac.Equal(given, mac.Sum(nil)) || stamp != strconv.FormatInt(at.Unix(), 10) {
		t.Errorf("signature %q", first.header.Get("Farebox-Signature"))
	}
	m := members(t, first.body)
	alerts, _ := m["alerts"].([]any)
	if len(alerts) != 2 || m["severity"] != "critical" || m["title"] != sent.Title() {
		t.Fatalf("body %s", first.body)
	}
	wantJSON(t, `{"number": 7, "id": "`+alert.ID(&sent.Alerts[0])+`", "at": "2026-11-28T10:30:00Z", "kind": "budget", "severity": "critical", "state": "kept",
		"rule": "month", "of": "support", "percent": 90, "unit": "usd", "spent": "4500", "limit": "5000", "window_start": "2026-11-01T10:30:00Z", "window_end": "2026-12-01T10:30:00Z",
		"team": "support", "lead": "lead@example.com", "text": "budget month for support: 90 % is spent <now> & more", "review_required": true}`, alerts[0])
}

func TestPagerDuty(t *testing.T) {
	status := 202
	s, got := receiver(t, &status)
	n := notify.NewPagerDuty(s.URL+"/v2/enqueue", secret(t, "r0uting"), "farebox-1", notify.HTTP{})
	sent := notice("")
	if err := n.Notify(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	if len(*got) != 2 {
		t.Fatalf("%d events, want one for each alert", len(*got))
	}
	m := members(t, (*got)[0].body)
	payload, _ := m["payload"].(map[string]any)
	details, _ := payload["custom_details"].(map[string]any)
	if details["number"] != 7.0 {
		t.Errorf("details %v", details)
	}
	delete(payload, "custom_details")
	wantJSON(t, `{"routing_key": "r0uting", "event_action": "trigger", "dedup_key": "`+alert.ID(&sent.Alerts[0])+`", "payload": {
		"summary": "budget month for support: 90 % is spent <now> & more", "source": "farebox-1", "severity": "error", "timestamp": "2026-11-28T10:30:00Z",
		"component": "month", "group": "support", "class": "budget"}}`, any(m))
}

func TestAlertmanager(t *testing.T) {
	status := 200
	s, got := receiver(t, &status)
	n := notify.NewAlertmanager(s.URL+"/am/", notify.HTTP{})
	sent := notice("")
	if err := n.Notify(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	if (*got)[0].path != "/am/api/v2/alerts" {
		t.Errorf("posted to %s", (*got)[0].path)
	}
	var all any
	if err := json.Unmarshal((*got)[0].body, &all); err != nil {
		t.Fatal(err)
	}
	wantJSON(t, `[
		{"labels": {"alertname": "FareboxBudget", "severity": "critical", "kind": "budget", "rule": "month", "of": "support", "team": "support", "percent": "90"},
		 "annotations": {"summary": "budget month for support: 90 % is spent <now> & more", "number": "7", "id": "`+alert.ID(&sent.Alerts[0])+`"},
		 "startsAt": "2026-11-28T10:30:00Z", "endsAt": "2026-12-01T10:30:00Z"},
		{"labels": {"alertname": "FareboxSpendSpike", "severity": "warning", "kind": "spend_spike", "rule": "spend_spike", "of": "ml"},
		 "annotations": {"summary": "team ml spends 3 × as much", "number": "8", "id": "`+alert.ID(&sent.Alerts[1])+`"},
		 "startsAt": "2026-11-28T10:30:00Z", "endsAt": "2026-11-29T10:30:00Z"}]`, all)
}

// TestWhatIsTriedAgain: what a receiver refuses for good is final, and no error
// tells an address or a secret.
func TestWhatIsTriedAgain(t *testing.T) {
	var status int
	s, got := receiver(t, &status)
	all := map[string]alert.Notifier{
		"slack":        notify.NewSlack(secret(t, s.URL+"/hidden"), notify.HTTP{}),
		"webhook":      notify.NewWebhook(s.URL+"/hidden", secret(t, "hidden"), notify.HTTP{}, nil),
		"pagerduty":    notify.NewPagerDuty(s.URL, secret(t, "hidden"), "x", notify.HTTP{}),
		"alertmanager": notify.NewAlertmanager(s.URL+"/hidden", notify.HTTP{Token: secret(t, "hidden")}),
	}
	for status = range map[int]bool{302: true, 400: true, 403: true, 404: true, 410: true, 408: false, 429: false, 500: false, 503: false} {
		final := status < 500 && status != 408 && status != 429
		for name, n := range all {
			*got = nil
			err := n.Notify(t.Context(), notice(""))
			if err == nil || alert.IsFinal(err) != final || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "said so") {
				t.Errorf("%s, status %d: %v, final %v, want %v", name, status, err, alert.IsFinal(err), final)
			}
			if most := map[string]int{"pagerduty": 2}[name]; len(*got) > max(most, 1) {
				t.Errorf("%s, status %d: %d requests", name, status, len(*got))
			}
		}
	}
	s.Close()
	for name, n := range all {
		if err := n.Notify(t.Context(), notice("")); err == nil || alert.IsFinal(err) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s, nobody there: %v", name, err)
		}
	}
}

func TestSecretsAreReadForEachMessage(t *testing.T) {
	status := 200
	s, got := receiver(t, &status)
	file := secret(t, s.URL+"/one")
	n := notify.NewSlack(file, notify.HTTP{})
	for _, path := range []string{"/one", "/two"} {
		if err := os.WriteFile(string(file), []byte(s.URL+path), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := n.Notify(t.Context(), notice("")); err != nil {
			t.Fatal(err)
		}
		if last := (*got)[len(*got)-1]; last.path != path {
			t.Errorf("posted to %s, want %s", last.path, path)
		}
	}
	for _, text := range []string{"", "two words", "line\nbreak"} {
		if err := os.WriteFile(string(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := n.Notify(t.Context(), notice("")); err == nil || alert.IsFinal(err) {
			t.Errorf("secret %q: %v", text, err)
		}
	}
	if err := os.Remove(string(file)); err != nil {
		t.Fatal(err)
	}
	if err := n.Notify(t.Context(), notice("")); err == nil || alert.IsFinal(err) {
		t.Errorf("no file: %v", err)
	}
}

func TestAReceiverThatDoesNotAnswerIsLeft(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-hang
	}))
	defer s.Close()
	defer close(hang)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := notify.NewAlertmanager(s.URL, notify.HTTP{}).Notify(ctx, notice("")); err == nil || alert.IsFinal(err) {
		t.Errorf("%v", err)
	}
}
