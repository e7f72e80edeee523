package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
)

// mixed is a host where several dialects are spoken, told apart by their paths.
const mixed = "mode: enforce\nprices: {rates: [{model: \"*\", input: \"2\", output: \"8\"}, {model: dear, input: \"20\", output: \"80\"}]}\n"

// arrived is the last call that the provider saw, read as JSON.
func arrived(t *testing.T, s *harness.Stack) (path string, body map[string]any) {
	t.Helper()
	calls := s.Provider.Calls()
	if len(calls) == 0 {
		t.Fatal("the provider saw no call")
	}
	last := calls[len(calls)-1]
	if err := json.Unmarshal(last.Body, &body); err != nil {
		t.Fatalf("the provider got %q: %v", last.Body, err)
	}
	if got := last.Header.Get("Content-Length"); got != "" && got != fmt.Sprint(len(last.Body)) {
		t.Errorf("content-length %s of %d bytes", got, len(last.Body))
	}
	return last.Path, body
}

// ruled is what the record says that rules did, one a line.
func ruled(t *testing.T, s *harness.Stack, trace string) string {
	t.Helper()
	settled(t, s.Farebox, trace)
	a, err := s.Farebox.Explain(t.Context(), trace)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range a.Matches[0].Rulings {
		fmt.Fprintf(&b, "%s %s\n", r.Rule, r.Did)
	}
	return b.String()
}

func TestACapReachesTheProviderInTheMemberThatItReads(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: mixed + "shape: [{match: {team: support}, max_output_tokens: 300, concise: true}]\n"})
	const chat = `"messages":[{"role":"user","content":"hi"}]`
	for _, story := range []struct{ name, path, body, want string }{
		{"a chat", chatPath, `{"model":"replay",` + chat + `}`, `{"max_tokens":300,"messages":[{"content":"Be concise.","role":"system"},{"content":"hi","role":"user"}],"model":"replay"}`},
		{"a stream", chatPath, `{"model":"replay","stream":true,"max_completion_tokens":4096,` + chat + `}`,
			`{"max_completion_tokens":300,"messages":[{"content":"Be concise.","role":"system"},{"content":"hi","role":"user"}],"model":"replay","stream":true}`},
		{"a chat that wants less", chatPath, `{"model":"replay","max_tokens":20,` + chat + `}`,
			`{"max_tokens":20,"messages":[{"content":"Be concise.","role":"system"},{"content":"hi","role":"user"}],"model":"replay"}`},
		{"a response", "/v1/responses", `{"model":"replay","input":"hi"}`, `{"input":"hi","instructions":"Be concise.","max_output_tokens":300,"model":"replay"}`},
		{"a message", "/v1/messages", `{"model":"claude","max_tokens":4096,"system":"x",` + chat + `}`,
			`{"max_tokens":300,"messages":[{"content":"hi","role":"user"}],"model":"claude","system":"x\n\nBe concise."}`},
		{"embeddings", "/v1/embeddings", `{"model":"replay","input":"hi"}`, `{"input":"hi","model":"replay"}`},
	} {
		e := ask(s, story.path, story.body)
		e.run(t.Context())
		_, body := arrived(t, s)
		delete(body, "stream_options")
		if got, err := json.Marshal(body); err != nil || string(got) != story.want {
			t.Errorf("%s arrived as %s, %v", story.name, got, err)
		}
		if story.name == "a stream" {
			if got := ruled(t, s, e.trace); got != "shape[0] changed\nshape[0] changed\n" {
				t.Errorf("the record says %q", got)
			}
		}
	}
}

func TestADeniedModelIsRefusedAndItsProviderSeesNothing(t *testing.T) {
	t.Parallel()
	const rules = `access:
  - {deny: [old-1], except: [{team: research}], ask: platform@example.com}
  - {match: {team: support}, above: "50", approval: required}
`
	s := kit.Start(t, harness.StackOptions{Config: mixed + rules})
	for _, story := range []struct{ path, body, says, rule string }{
		{chatPath, `{"model":"old-1","messages":[{"role":"user","content":"` + prompt + `"}]}`, "Ask platform@example.com.", "access[0]"},
		{"/v1/messages", `{"model":"old-1","max_tokens":5,"messages":[{"role":"user","content":"` + prompt + `"}]}`, `"old-1" may not be asked`, "access[0]"},
		{chatPath, `{"model":"dear","stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`, "Team support has no approval", "access[1]"},
	} {
		e := ask(s, story.path, story.body)
		g := e.run(t.Context())
		if g.status != http.StatusForbidden || g.header.Get("X-Should-Retry") != "false" || !strings.Contains(string(g.body), strings.ReplaceAll(story.says, `"`, `\"`)) || strings.Contains(string(g.body), prompt) {
			t.Errorf("status %d, headers %v: %s", g.status, g.header, g.body)
		}
		if b := settled(t, s.Farebox, e.trace); b.Outcome != "refused" || b.Reason != "model_not_allowed" || b.Cost != "0" {
			t.Errorf("the record says %+v", b)
		}
		if got := ruled(t, s, e.trace); got != story.rule+" refused\n" {
			t.Errorf("the record says %q", got)
		}
	}
	if n := len(s.Provider.Calls()); n != 0 {
		t.Errorf("the provider saw %d calls", n)
	}
	for _, story := range []struct{ team, model string }{{"research", "old-1"}, {"research", "dear"}, {"support", "replay"}} {
		e := ask(s, chatPath, strings.Replace(plainBody, "replay", story.model, 1))
		e.header.Set(identityName, story.team)
		if g := e.run(t.Context()); g.status != http.StatusOK {
			t.Errorf("%s asks %s: status %d: %s", story.team, story.model, g.status, g.body)
		}
	}
}

func TestWhatCanWaitWaitsForItsHours(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	clock := func(d time.Duration) string { return now.Add(d).Format("15:04") }
	closed := fmt.Sprintf("schedule: [{match: {request_type: batch}, allow: [{from: %q, to: %q}]}, {match: {request_type: training}, allow: [{from: %q, to: %q}]}]\n",
		clock(2*time.Hour), clock(3*time.Hour), clock(-2*time.Hour), clock(2*time.Hour))
	s := kit.Start(t, harness.StackOptions{Config: mixed + closed})
	as := func(kind string) (errand, got) {
		e := ask(s, chatPath, plainBody)
		e.header.Set("X-Request-Type", kind)
		return e, e.run(t.Context())
	}
	e, g := as("batch")
	var said refusal
	if err := json.Unmarshal(g.body, &said); err != nil || g.status != http.StatusTooManyRequests || said.Error.Code != "off_peak_only" {
		t.Fatalf("status %d: %s, %v", g.status, g.body, err)
	}
	begins := now.Add(2 * time.Hour).Truncate(time.Minute)
	if !strings.Contains(said.Error.Message, begins.Format(time.RFC3339)) || g.header.Get("X-Should-Retry") != "false" {
		t.Errorf("headers %v: %s", g.header, g.body)
	}
	wait, err := time.ParseDuration(g.header.Get("Retry-After") + "s")
	if again := time.Now().Add(wait); err != nil || again.Before(begins.Add(-time.Minute)) || again.After(begins.Add(time.Minute)) {
		t.Errorf("retry-after %s, want until %v", g.header.Get("Retry-After"), begins)
	}
	if got := ruled(t, s, e.trace); got != "schedule[0] refused\n" {
		t.Errorf("the record says %q", got)
	}
	if n := len(s.Provider.Calls()); n != 0 {
		t.Errorf("the provider saw %d calls", n)
	}
	for _, kind := range []string{"training", "interactive"} {
		if _, g := as(kind); g.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", kind, g.status, g.body)
		}
	}
}

func TestWhoeverOnlyObservesSeesWhatRulesWouldDo(t *testing.T) {
	t.Parallel()
	const rules = `access: [{deny: [replay]}]
shape: [{max_output_tokens: 5, concise: true}]
runaway: {input: 10, output: 5, refuse_output: true}
`
	s := kit.Start(t, harness.StackOptions{Config: shop + rules})
	e := ask(s, chatPath, strings.Replace(plainBody, "{", `{"max_tokens":6,`, 1))
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Fatalf("status %d: %s", g.status, g.body)
	}
	if _, body := arrived(t, s); body["max_tokens"] != 6.0 {
		t.Errorf("the provider got %v", body)
	}
	want := "access[0] would_refuse\nshape[0] would_change\nshape[0] would_change\nrunaway would_refuse\nrunaway runaway_input\nrunaway runaway_output\n"
	if got := ruled(t, s, e.trace); got != want {
		t.Errorf("the record says\n%swant\n%s", got, want)
	}
	for _, n := range []float64{
		metric(t, s, "farebox_would_refuse_total", `code="model_not_allowed"`), metric(t, s, "farebox_would_refuse_total", `code="too_many_tokens"`),
		metric(t, s, "farebox_shaped_requests_total", `change="cap"`), metric(t, s, "farebox_runaway_calls_total", `direction="input"`, `team="support"`),
	} {
		if n != 1 {
			t.Errorf("counted %v times, want once", n)
		}
	}
}

// TestACheaperModelIsAskedWhereThePathNamesIt: Envoy takes another path together with
// the body, and sends the call where it was going.
func TestACheaperModelIsAskedWhereThePathNamesIt(t *testing.T) {
	t.Parallel()
	const rules = `mode: enforce
prices: {rates: [{model: dear, input: "20", output: "80"}, {model: small, free: true}]}
budgets: [{name: tight, limit: {usd: "0.000001"}, window: {every: day}, on_exhausted: downgrade, downgrade_to: small}]
shape: [{max_output_tokens: 64}]
`
	s := kit.Start(t, harness.StackOptions{Config: rules})
	for _, story := range []struct{ path, body, want string }{
		{"/v1beta/models/dear:generateContent?alt=json", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, "/v1beta/models/small:generateContent?alt=json"},
		{"/v1beta/models/dear%3AstreamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, "/v1beta/models/small:streamGenerateContent?alt=sse"},
		{"/model/dear/converse", `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`, "/model/small/converse"},
		{"/openai/deployments/dear/chat/completions?api-version=1", `{"messages":[{"role":"user","content":"hi"}]}`, "/openai/deployments/small/chat/completions?api-version=1"},
	} {
		e := ask(s, story.path, story.body)
		e.run(t.Context())
		path, body := arrived(t, s)
		if path != story.want {
			t.Errorf("%s arrived at %s", story.path, path)
		}
		text, err := json.Marshal(body)
		if err != nil || !strings.Contains(string(text), ":64") {
			t.Errorf("%s arrived as %s, %v", story.path, text, err)
		}
	}
	e := ask(s, "/model/dear/converse", `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)
	e.header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/1/r/bedrock/aws4_request, SignedHeaders=host, Signature=0")
	if g := e.run(t.Context()); g.status < 400 || !strings.Contains(string(g.body), "too little left") {
		t.Errorf("signed: status %d: %s", g.status, g.body)
	}
}
