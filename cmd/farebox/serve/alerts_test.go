package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/tokenizer"
)

// caller is of a team, as its header says.
type caller string

func (c caller) Header(name string) string {
	if name == "x-team" {
		return string(c)
	}
	return ""
}
func (caller) Attribute(string) string          { return "" }
func (caller) Body(string) string               { return "" }
func (caller) Claim(_, _ string) (string, bool) { return "", false }
func (caller) Part(string) string               { return "" }

// spend admits the n-th call of a team, of at most so many tokens, and settles it
// at all of them. It returns the refusal's code, or "".
func spend(t *testing.T, p *callPath, n int, team string, tokens int64) string {
	t.Helper()
	r := &policy.Request{
		ID: ledgertest.ID(n), Provider: "local", At: time.Now(), Identity: caller(team),
		Call: tokenizer.Call{Operation: "chat", Model: "m", MaxOutput: tokens},
	}
	ticket, err := p.engine.Admit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if ticket.Refusal != nil {
		return ticket.Refusal.Code
	}
	var u tokenizer.Usage
	u.Set(tokenizer.Output, tokens, tokenizer.Reported)
	p.engine.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: time.Now(), Reading: tokenizer.Reading{Model: "m", Usage: []tokenizer.Usage{u}}})
	return ""
}

// postbox is a server that puts what is posted into a channel, by path.
func postbox(t *testing.T) (address string, posted chan string) {
	t.Helper()
	posted = make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			Alerts []struct {
				Percent int
				Text    string
			}
			Payload struct{ Summary string }
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		text := r.URL.Path + ": " + m.Payload.Summary
		for _, a := range m.Alerts {
			text += a.Text
		}
		posted <- text
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s.URL, posted
}

// TestBudgetsAreTold follows a budget through the engine to who is told, and back
// through the API of who says that they know.
func TestBudgetsAreTold(t *testing.T) {
	inOneMonth(t)
	address, posted := postbox(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, fmt.Sprintf(`{
  mode: enforce,
  prices: {rates: [{provider: local, model: m, output: 10}]},
  owners: [{team: support, lead: lead@example.com}, {team: ml}],
  budgets: [{name: month, per: [team], limit: {usd: 10}, window: {every: month}, page: true}],
  alerts: {digest: 1s, watch: {runaway: {severity: none}, hold_exceeded: {severity: none}}, notify: {warning: [webhook], emergency: [pagerduty]}},
  receivers: {webhook: {url: "%[1]s/hook"}, pagerduty: {url: "%[1]s/page", key_file: %[2]s}}}`, address, key))
	p := h.reloader.call
	want := func(texts ...string) {
		t.Helper()
		left := map[string]bool{}
		for _, text := range texts {
			left[text] = true
		}
		for range texts {
			select {
			case got := <-posted:
				found := false
				for text := range left {
					if strings.HasPrefix(got, text) {
						delete(left, text)
						found = true
					}
				}
				if !found {
					t.Errorf("posted %q, want %v", got, texts)
				}
			case <-time.After(time.Minute):
				t.Fatalf("not posted: %v", left)
			}
		}
	}
	if code := spend(t, p, 1, "support", 500_000); code != "" { // half: kept, and nobody is told
		t.Fatal(code)
	}
	if code := spend(t, p, 2, "support", 420_000); code != "" { // over two thresholds at once
		t.Fatal(code)
	}
	want("/hook: budget month for support: 90 % is spent, 9.20 of 10.00 USD; the window ends ")
	for n := range 3 { // the first is told
		if code := spend(t, p, 3+n, "support", 100_000); code != "budget_exhausted" {
			t.Fatalf("passed: %q", code)
		}
	}
	const full = "budget month for support: too little is left, 9.20 of 10.00 USD is spent or held; the window ends "
	want("/hook: "+full, "/page: "+full)
	if code := spend(t, p, 6, "ml", 750_000); code != "" {
		t.Fatal(code)
	}
	want("/hook: budget month for ml: 75 % is spent, 7.50 of 10.00 USD")
	reviewed(t, p)
	select {
	case got := <-posted:
		t.Errorf("posted %q as well", got)
	default:
	}
}

// reviewed asks the API for what was told, and acknowledges it.
func reviewed(t *testing.T, p *callPath) {
	t.Helper()
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: p.store, Rearmed: p.alerts.desk.Forget}))
	defer s.Close()
	c := api.NewClient(s.URL, nil)
	from := time.Now().Add(-time.Hour)
	all, err := c.Alerts(t.Context(), api.AlertsQuery{From: from, Team: "support"})
	if err != nil {
		t.Fatal(err)
	}
	var percents []string
	for _, a := range all.Alerts {
		percents = append(percents, fmt.Sprintf("%d %s %s %v", a.Percent, a.Severity, a.Lead, a.Review))
	}
	if got := strings.Join(percents, ", "); got != "100 emergency lead@example.com true, 75 warning lead@example.com false, 90 critical lead@example.com true, 50 info lead@example.com false" {
		t.Errorf("alerts of support: %s", got)
	}
	for _, a := range all.Alerts {
		if _, err := c.Acknowledge(t.Context(), a.Number, "known"); err != nil {
			t.Error(err)
		}
	}
	if left, err := c.Alerts(t.Context(), api.AlertsQuery{From: from, Review: true}); err != nil || len(left.Alerts) > 0 {
		t.Errorf("to review: %+v, %v", left, err)
	}
}

// TestReceiversAreReloaded: a new receiver is told, and one that cannot be made
// changes nothing.
// A secret that cannot be read is said at the start, and not with the first alert.
func TestSecretsOfReceiversThatAreMissingAreSaid(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("", []byte(fmt.Sprintf(`{alerts: {notify: {info: [slack, hook]}}, receivers: {
  slack: {url_file: "%[1]s-not"}, hook: {type: webhook, url: "https://x.example", secret_file: "%[1]s"}, pagerduty: {key_file: "%[1]s-not"}}}`, there)))
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	a := &alerts{log: slog.New(slog.NewTextHandler(&said, nil))}
	a.missing(c)
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "key=receivers.slack.url_file") || !strings.Contains(text, "no such file") {
		t.Errorf("said %q, want the file of slack, and nothing of who is told nothing", text)
	}
}

func TestReceiversAreReloaded(t *testing.T) {
	address, posted := postbox(t)
	const text = `{budgets: [{name: month, limit: {usd: 10}, window: {every: month}}], prices: {rates: [{provider: local, model: m, output: 10}]},
  alerts: {digest: 0s, watch: {runaway: {severity: none}, hold_exceeded: {severity: none}}, notify: {info: [hook]}}, receivers: {hook: {type: webhook, url: "%s"%s}}}`
	h := newHouse(t, fmt.Sprintf(text, "http://127.0.0.1:1/", ""))
	for _, step := range []struct {
		text  string
		taken bool
	}{{fmt.Sprintf(text, address+"/bad", ", ca_file: absent"), false}, {fmt.Sprintf(text, address+"/new", ""), true}} {
		before := h.reloader.now()
		h.write(t, step.text)
		h.reloader.look(t.Context(), false)
		if taken := h.reloader.now() != before; taken != step.taken {
			t.Errorf("taken: %v, want %v", taken, step.taken)
		}
	}
	if code := spend(t, h.reloader.call, 1, "support", 500_000); code != "" {
		t.Fatal(code)
	}
	select {
	case got := <-posted:
		if !strings.HasPrefix(got, "/new: budget month: 50 % is spent") {
			t.Errorf("posted %q", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing was posted")
	}
}
