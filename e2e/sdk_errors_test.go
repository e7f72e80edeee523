package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// failure is one way of going wrong, and all that is seen of it.
type failure struct {
	name     string
	play     *provider.Scenario // nil: the provider is not to blame
	noTeam   bool
	prompt   int // length, in bytes
	status   int // 0: the client gets its answer
	code     string
	python   string // the client's exception; npm's has the same name where it is empty
	npm      string
	ai       string
	again    string // retry-after
	attempts int    // of a client that may retry once
	seen     int    // by the provider
	outcome  string // of the last record
}

// soon has clients retry at once.
var soon = http.Header{"Retry-After-Ms": {"1"}}

func failures() []failure {
	return []failure{
		{
			name: "no team", noTeam: true, status: 400, code: "missing_metadata", python: "BadRequestError", ai: "AI_APICallError",
			attempts: 1, outcome: "refused",
		},
		{
			name: "too large", prompt: megabyte + 1, status: 413, code: "request_too_large", python: "APIStatusError", npm: "APIError", ai: "AI_APICallError",
			attempts: 1, outcome: "refused",
		},
		{
			name: "no room", prompt: 600 << 10, status: 503, code: "unavailable", python: "InternalServerError", ai: "AI_RetryError",
			again: "1", attempts: 2, outcome: "refused",
		},
		{
			name: "too many", play: &provider.Scenario{Status: 429, Header: soon}, status: 429, python: "RateLimitError", ai: "AI_RetryError",
			attempts: 2, seen: 2, outcome: "failed",
		},
		{
			name: "down", play: &provider.Scenario{Status: 503, Header: soon}, status: 503, python: "InternalServerError", ai: "AI_RetryError",
			attempts: 2, seen: 2, outcome: "failed",
		},
		{
			name: "flaky", play: &provider.Scenario{Status: 500, Header: soon, Then: &provider.Scenario{}},
			attempts: 2, seen: 2, outcome: "served",
		},
		{
			name: "final", play: &provider.Scenario{Status: 500, Header: http.Header{"X-Should-Retry": {"false"}}}, status: 500, python: "InternalServerError",
			attempts: 1, seen: 1, outcome: "failed",
		},
	}
}

// callers are the clients that fail, by what they do. Each asks something of its
// own: the same again would pass for a retry.
func (f failure) callers(k sdk) (calls []sdkCall) {
	prompt := f.name + strings.Repeat("x", f.prompt)
	calls = []sdkCall{{Do: "chat.completions", Args: args{"model": "replay", "messages": []args{{"role": "user", "content": prompt}}}}}
	if k.name == "npm" && f.name != "final" { // the AI SDK does not know x-should-retry
		calls = append(calls, sdkCall{Do: "ai:openai.chat", Args: args{"model": "replay", "prompt": "Please: " + prompt}})
	}
	return calls
}

// exception is what a client is to raise.
func (f failure) exception(k sdk, do string) string {
	switch {
	case strings.HasPrefix(do, "ai:"):
		return f.ai
	case k.name == "npm" && f.npm != "":
		return f.npm
	}
	return f.python
}

// TestOfficialClientsRaiseTheirOwnExceptions: whoever refuses, a client raises
// what its users catch, retries what is worth it and leaves the rest.
func TestOfficialClientsRaiseTheirOwnExceptions(t *testing.T) {
	t.Parallel()
	for _, k := range sdks() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			clients := kit.StartClients(t, k.get)
			s := kit.Start(t, harness.StackOptions{
				Config: shop + whoPays + "mode: enforce\nmetering: {max_request_body: 1MiB, buffer_json: 512KiB}\nlimits: {inflight_bytes: 1MiB}\n",
			})
			fill(t, s)
			var p plan
			var of []failure
			for _, f := range failures() {
				for _, c := range f.callers(k) {
					c = c.through(s, s.URL)
					c.Name, c.Retries = f.name+" "+c.Do, 1
					if f.noTeam {
						delete(c.Headers, "X-Team")
					}
					if f.play != nil {
						c.Headers[provider.ScenarioHeader] = c.Name
						s.Provider.PlayFor(c.Name, *f.play)
					}
					p.Calls, of = append(p.Calls, c), append(of, f)
				}
			}
			for i, a := range k.does(t, clients, p) {
				of[i].raised(t, k, p.Calls[i], a)
				of[i].recorded(t, s, p.Calls[i])
			}
		})
	}
}

// fill takes half of the bytes that farebox may hold, with an answer that does
// not become whole before the test ends.
func fill(t *testing.T, s *harness.Stack) {
	t.Helper()
	s.Provider.PlayFor("stuck", provider.Scenario{Size: 512 << 10, Fault: provider.Fault{Kind: provider.Hang, After: 1000}})
	ctx, hangUp := context.WithCancel(t.Context())
	stuck := ask(s, chatPath, plainBody)
	stuck.header.Set(provider.ScenarioHeader, "stuck")
	gone := make(chan got, 1)
	go func() { gone <- stuck.run(ctx) }()
	t.Cleanup(func() {
		hangUp()
		<-gone
	})
	eventually(t, "an answer is held", func(ctx context.Context) (bool, error) {
		m, err := s.Farebox.Metrics(ctx)
		return err == nil && m.Sum("farebox_inflight_bytes") == 512<<10, err
	})
}

// raised holds what the client makes of a failure.
func (f failure) raised(t *testing.T, k sdk, c sdkCall, a answered) {
	t.Helper()
	if f.status == 0 {
		if a.Error != nil || a.Text == "" || a.Usage == nil || *a.Usage != (tally{Input: 11, Output: 8, Total: 19}) {
			t.Errorf("%s: the client was told %+v (%+v)", c.Name, a, a.Error)
		}
		return
	}
	if a.Error == nil {
		t.Errorf("%s: no exception, but %+v", c.Name, a)
		return
	}
	want := thrown{Type: f.exception(k, c.Do), Code: f.code, Message: a.Error.Message, Status: f.status, RetryAfter: f.again}
	if *a.Error != want || a.Error.Message == "" {
		t.Errorf("%s: it raised %+v, want %+v", c.Name, *a.Error, want)
	}
	if f.noTeam && !strings.Contains(a.Error.Message, "team (header x-team)") {
		t.Errorf("%s: it does not say what is missing: %s", c.Name, a.Error.Message)
	}
}

// recorded holds what the provider and the ledger saw of each attempt.
func (f failure) recorded(t *testing.T, s *harness.Stack, c sdkCall) {
	t.Helper()
	seen := 0
	for _, call := range s.Provider.Calls() {
		if call.Header.Get("Traceparent") == c.Headers["Traceparent"] {
			seen++
		}
	}
	if seen != f.seen {
		t.Errorf("%s: the provider saw %d attempts, want %d", c.Name, seen, f.seen)
	}
	records := receipts(t, s, c.trace(), f.attempts)
	for i, r := range records {
		purpose := "user"
		// The AI SDK does not say that it retries, but asks the same, which is seen of
		// what was read.
		if i > 0 && (f.seen > 0 || !strings.HasPrefix(c.Do, "ai:")) {
			purpose = "retry"
		}
		status, outcome, usage := f.status, f.outcome, tally{}
		if f.status == 0 && i == 0 {
			status, outcome = 500, "failed"
		} else if f.status == 0 {
			status, usage = 200, tally{Input: 11, Output: 8, Total: 19}
		}
		if r.Purpose != purpose || r.Status != status || r.Outcome != outcome || f.code != "" && r.Reason != f.code || r.Usage != usage {
			t.Errorf("%s: record %d says %+v, want %s, %s of %d with %+v", c.Name, i, r, purpose, outcome, status, usage)
		}
	}
}
