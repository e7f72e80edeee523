package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// plan is what a process of clients does. See e2e/sdk.
type plan struct {
	Calls []sdkCall `json:"calls"`
}

// sdkCall is one call of an official client.
type sdkCall struct {
	Name    string            `json:"name"`
	BaseURL string            `json:"base_url"`
	Headers map[string]string `json:"headers"` // of every call of the client
	Retries int               `json:"retries"` // that the client may make
	Patient bool              `json:"patient"` // it retries as its makers have it do, whatever Retries says
	Do      string            `json:"do"`
	Args    map[string]any    `json:"args"`
}

// trace is the trace id of the call.
func (c sdkCall) trace() string { return c.Headers["Traceparent"][3:35] }

func (c sdkCall) stream() bool { return c.Args["stream"] == true }

// tally is usage as a client tells it.
type tally struct{ Input, Output, Total, Cached, Reasoning int64 }

// answered is what a client made of an answer.
type answered struct {
	Name, ID, Model, Text, Cost string
	Vector                      []float32
	Usage                       *tally
	Usages                      int // how often a stream told its usage
	Error                       *thrown
}

// thrown is the exception that a client raised.
type thrown struct {
	Type, Code, Message string
	Status              int
	RetryAfter          string `json:"retry_after"`
}

// sdk is a family of official clients, and the calls that it knows.
type sdk struct {
	name  string
	get   func(*harness.Kit, context.Context) (*harness.Clients, error)
	calls []sdkCall // Name, Do and Args, of a model called replay
}

type args = map[string]any

// with adds arguments to those of a call.
func (a sdkCall) with(name string, more args) sdkCall {
	all := args{}
	for _, from := range []args{a.Args, more} {
		for k, v := range from {
			all[k] = v
		}
	}
	a.Name, a.Args = a.Name+name, all
	return a
}

// official is what OpenAI's own clients can do, with the same arguments in both
// languages.
func official() []sdkCall {
	chat := sdkCall{Name: "chat", Do: "chat.completions", Args: args{"model": "replay", "messages": []args{{"role": "user", "content": "Where is the ferry?"}}}}
	response := sdkCall{Name: "response", Do: "responses", Args: args{"model": "replay", "input": "Where is the ferry?"}}
	text := sdkCall{Name: "completion", Do: "completions", Args: args{"model": "replay", "prompt": "The ferry"}}
	stream, asking := args{"stream": true}, args{"stream": true, "stream_options": args{"include_usage": true}}
	return []sdkCall{
		chat, chat.with(", streamed", stream), chat.with(", streamed with usage", asking),
		response, response.with(", streamed", stream),
		text, text.with(", streamed", stream), text.with(", streamed with usage", asking),
		{Name: "embedding", Do: "embeddings", Args: args{"model": "replay", "input": "ferry"}},
	}
}

// viaAI is what the AI SDK can do with its two providers.
func viaAI() (calls []sdkCall) {
	ask := args{"model": "replay", "prompt": "Where is the ferry?"}
	for _, do := range []string{"openai.chat", "openai.responses", "openai.completion", "compatible.chatModel", "compatible.completionModel"} {
		c := sdkCall{Name: do, Do: "ai:" + do, Args: ask}
		calls = append(calls, c, c.with(", streamed", args{"stream": true}))
		if strings.HasPrefix(do, "compatible") {
			calls = append(calls, c.with(", streamed with usage", args{"stream": true, "ask_usage": true}))
		}
	}
	for _, do := range []string{"openai.embeddingModel", "compatible.embeddingModel"} {
		calls = append(calls, sdkCall{Name: do, Do: "ai:" + do, Args: args{"model": "replay", "value": "ferry"}})
	}
	return calls
}

// asks reports whether a call asks for usage, or gets it unasked.
func (c sdkCall) asks() bool {
	switch {
	case !c.stream(), strings.Contains(c.Do, "responses"), c.Args["ask_usage"] == true, strings.HasPrefix(c.Do, "ai:openai."):
		return true // the AI SDK's provider for OpenAI asks by itself
	}
	return c.Args["stream_options"] != nil
}

// readsDetails reports whether a client reads what input was cached and what
// output was reasoning: the AI SDK does not, of text completions.
func (c sdkCall) readsDetails() bool {
	return !strings.HasPrefix(c.Do, "ai:") || !strings.Contains(c.Do, "ompletion")
}

func sdks() []sdk {
	return []sdk{
		{"python", (*harness.Kit).PythonClients, official()},
		{"npm", (*harness.Kit).NodeClients, append(official(), viaAI()...)},
	}
}

// through has a call go to a base of paths as the team support, with a trace of
// its own.
func (c sdkCall) through(s *harness.Stack, base string) sdkCall {
	c.BaseURL = base + "/v1"
	c.Headers = map[string]string{"X-Team": "support", "Traceparent": ask(s, "", "").header.Get("Traceparent")}
	return c
}

// does runs a plan, one result for each call.
func (k sdk) does(t *testing.T, clients *harness.Clients, p plan) []answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storyEnds)
	defer cancel()
	results, err := harness.Run[answered](ctx, clients, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(p.Calls) {
		t.Fatalf("%s: %d results of %d calls", k.name, len(results), len(p.Calls))
	}
	for i, r := range results {
		if r.Name != p.Calls[i].Name {
			t.Fatalf("%s: result %d is of %q, want %q", k.name, i, r.Name, p.Calls[i].Name)
		}
	}
	return results
}

// receipt is what the record of a call says that a client was told as well.
type receipt struct {
	ID, Model, Team, Outcome, Reason, Source, Purpose string
	Status                                            int
	Usage                                             tally
	at                                                time.Time
}

// receipts waits for n records of a call, and returns the first admitted first.
func receipts(t *testing.T, s *harness.Stack, trace string, n int) (found []receipt) {
	t.Helper()
	eventually(t, fmt.Sprintf("call %s has %d records", trace, n), func(ctx context.Context) (bool, error) {
		a, err := s.Farebox.Explain(ctx, trace)
		if err != nil {
			return false, err
		}
		found = nil
		for _, r := range a.Matches {
			b := receipt{
				ID: r.ResponseID, Model: r.Model, Team: r.Owner.Value("team"), Outcome: r.Outcome, Reason: r.Reason,
				Source: r.Source.String(), Purpose: r.Purpose, Status: r.Status, at: r.Admitted,
			}
			for _, l := range r.Lines {
				b.Usage.add(l.Class.String(), l.Class.IsInput(), l.Quantity)
			}
			found = append(found, b)
		}
		return len(found) == n, nil
	})
	slices.SortFunc(found, func(a, b receipt) int { return a.at.Compare(b.at) })
	return found
}

// add counts a line of a record as clients count.
func (u *tally) add(meter string, input bool, n int64) {
	switch meter {
	case "cache_read":
		u.Cached += n
	case "reasoning":
		u.Reasoning += n
	}
	if u.Total += n; input {
		u.Input += n
	} else {
		u.Output += n
	}
}

// sent reads what a provider sent, whole or as events, the way that a client
// should: text in pieces or whole, the last id and model, the last usage.
func sent(t *testing.T, body []byte) answered {
	t.Helper()
	type words struct{ Content, Text string }
	type node struct {
		ID, Model, Object, Delta string
		Choices                  []struct {
			Message, Delta words
			Text           string
		}
		Output []struct{ Content []words }
	}
	var a answered
	for _, line := range bytes.Split(body, []byte("\n")) {
		var event struct {
			node
			Response node
			Data     []struct{ Embedding json.RawMessage }
		}
		data := bytes.TrimPrefix(line, []byte("data: "))
		if len(data) == 0 || data[0] != '{' {
			continue
		}
		// Responses have deltas that are texts, chats have those that are objects.
		if err := json.Unmarshal(data, &event); err != nil {
			t.Fatalf("read %s: %v", data, err)
		}
		n := event.node
		if event.Response.ID != "" {
			n = event.Response
			a.Text = "" // the whole comes with the last
		}
		a.ID, a.Model = n.ID, n.Model
		a.Text += event.Delta
		for _, c := range n.Choices {
			a.Text += c.Message.Content + c.Delta.Content + c.Text
		}
		for _, o := range n.Output {
			a.Text += o.Content[0].Text
		}
		if len(event.Data) > 0 {
			a.Vector = []float32{0.25, -0.5, 0} // in either form
		}
	}
	return a
}

// TestOfficialClientsAreToldWhatTheProviderSaid: what each client makes of an
// answer is what the provider sent and what Farebox has on record.
func TestOfficialClientsAreToldWhatTheProviderSaid(t *testing.T) {
	t.Parallel()
	for _, k := range sdks() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			clients := kit.StartClients(t, k.get)
			s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{Model: "replay-1", Usage: &large}})
			var p plan
			for _, c := range k.calls {
				p.Calls = append(p.Calls, c.through(s, s.URL))
			}
			results := k.does(t, clients, p)
			calls := s.Provider.Calls()
			if len(calls) != len(results) {
				t.Fatalf("the provider saw %d calls, want %d", len(calls), len(results))
			}
			in, out := int64(0), int64(0)
			for i, c := range p.Calls {
				u := understood(t, c, results[i], calls[i])
				b := receipts(t, s, c.trace(), 1)[0]
				want := receipt{
					ID: results[i].ID, Model: "replay-1", Team: "support", Outcome: "served", Reason: b.Reason, Source: "reported", Purpose: "user",
					Status: 200, Usage: u, at: b.at,
				}
				if b != want {
					t.Errorf("%s: the record says %+v, want %+v", c.Name, b, want)
				}
				in, out = in+u.Input, out+u.Output
			}
			u, err := s.Farebox.Usage(t.Context(), "team")
			if err != nil {
				t.Fatal(err)
			}
			if u.Total.Calls != int64(len(results)) || u.Total.Charged.String() != usd(in, out) || len(u.Rows) != 1 || u.Rows[0].Keys["team"] != "support" {
				t.Errorf("usage is %+v, want %d calls of support for %s", u, len(results), usd(in, out))
			}
		})
	}
}

// large is the usage of the story above.
var large = provider.Usage{Prompt: 60, Cached: 48, Completion: 40, Reasoning: 24}

// understood holds that a client was told what the provider sent, and returns the
// usage that it consumed.
func understood(t *testing.T, c sdkCall, a answered, call provider.Call) tally {
	t.Helper()
	want := sent(t, call.Sent)
	u := tally{Input: 60, Output: 40, Total: 100, Cached: 48, Reasoning: 24}
	if want.Vector != nil {
		u = tally{Input: 60, Total: 60}
	}
	if a.Error != nil || a.ID != want.ID || a.Model != want.Model || a.Text != want.Text || !slices.Equal(a.Vector, want.Vector) || a.Text == "" && a.Vector == nil {
		t.Errorf("%s: the client made %+v (%+v) of\n%s", c.Name, a, a.Error, call.Sent)
	}
	usages := 0
	if c.asks() {
		seen := u
		if !c.readsDetails() {
			seen.Cached, seen.Reasoning = 0, 0
		}
		if a.Usage == nil || *a.Usage != seen {
			t.Errorf("%s: the client read %+v, want %+v", c.Name, a.Usage, seen)
		}
		usages = 1
	} else if a.Usage != nil {
		t.Errorf("%s: the client read usage %+v that it had not asked for", c.Name, *a.Usage)
	}
	if c.stream() && a.Usages != usages {
		t.Errorf("%s: the client was told its usage %d times, want %d", c.Name, a.Usages, usages)
	}
	if cost := usd(u.Input, u.Output); !c.stream() && a.Cost != cost {
		t.Errorf("%s: the client was told a cost of %q, want %s", c.Name, a.Cost, cost)
	}
	if !bytes.Contains(call.Body, []byte(`"replay"`)) || call.Header.Get("X-Team") != "" {
		t.Errorf("%s: the provider was asked %s with %v", c.Name, call.Body, call.Header)
	}
	return u
}
