package e2e_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/envoy"
)

// stopping is a budget of so much that stops answers which outgrow it.
func stopping(limit string) string { return thrifty(limit) + "holds: {on_outgrown: stop}\n" }

// long is an answer of 4000 events, each with sixty bytes of text, that takes twenty
// seconds. What is held for it first is 1000 tokens: of dollars, 0.008 and the input.
var long = provider.Scenario{Chunks: 4000, Text: 60, Pace: 5 * time.Millisecond}

func TestAnAnswerThatOutgrowsItsBudgetIsStoppedAndItsProviderCancelled(t *testing.T) {
	t.Parallel()
	const limit = "0.0125"
	for name, h2 := range protocols {
		for _, open := range []bool{false, true} {
			s := kit.Start(t, harness.StackOptions{
				Config: stopping(limit), Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2, FailOpen: open}}, Play: long,
			})
			e := ask(s, chatPath, streamBody)
			e.via = connections(t, h2)
			g := e.run(t.Context())
			before, said, _ := bytes.Cut(g.body, []byte(`data: {"error":`))
			if g.status != http.StatusOK || g.err == nil || !bytes.HasSuffix(before, []byte("}\n\n")) {
				t.Errorf("%s: status %d, %v, the last whole event: %.80q", name, g.status, g.err, before[max(0, len(before)-80):])
			}
			if !bytes.Contains(said, []byte(`"code":"budget_exhausted"`)) || !bytes.Contains(said, []byte(`\"month\" of \"support\"`)) || !bytes.HasSuffix(said, []byte("}}\n\n")) {
				t.Errorf("%s: the caller is told %q", name, said)
			}
			c := callOf(t, s, e)
			if !c.Gone || c.Done {
				t.Errorf("%s: the provider went on to its end", name)
			}
			b := settled(t, s.Farebox, e.trace)
			if b.Outcome != "cut" || b.Source != "partial" || b.Reason != "stopped: budget month had too little left" || b.Out < 500 || b.Cost != usd(b.In, b.Out) {
				t.Errorf("%s: the record says %+v", name, b)
			}
			// All that was left may be generated, and no more was charged.
			if 2*b.In+8*b.Out > 12_500 {
				t.Errorf("%s: %s of %s were spent", name, b.Cost, limit)
			}
			if n := metric(t, s, "farebox_stopped_total", `budget="month"`, `did="stopped"`); n != 1 {
				t.Errorf("%s: %v stops are counted", name, n)
			}
			if text, err := s.Farebox.Command(t.Context(), "explain", b.ID); err != nil || !strings.Contains(text, "stopped its answer") {
				t.Errorf("%s: explain says %v\n%s", name, err, text)
			}
		}
	}
}

func TestAnAnswerThatOutgrowsItsBudgetIsLetToItsEndUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	short := long
	short.Chunks = 300
	for name, config := range map[string]string{
		"let": thrifty("0.0125"), "observed": strings.Replace(stopping("0.0125"), "enforce", "observe", 1),
		"a budget that shrinks": strings.Replace(stopping("0.0125"), "window:", "on_exhausted: shrink, window:", 1),
	} {
		s := kit.Start(t, harness.StackOptions{Config: config, Play: short})
		e := ask(s, chatPath, streamBody)
		if g := e.run(t.Context()); !g.done() {
			t.Errorf("%s: status %d, %v: %.200s", name, g.status, g.err, g.body[max(0, len(g.body)-200):])
		}
		reported(t, settled(t, s.Farebox, e.trace), 11, 300)
		would := 0.0
		if name == "observed" {
			would = 1
		}
		if n := metric(t, s, "farebox_stopped_total", `did="would_stop"`); n != would {
			t.Errorf("%s: %v answers would have been stopped", name, n)
		}
	}
}

// TestAStoppedAnswerRaisesInOpenAIsClients: what came is lost to nobody who reads the
// stream, and whoever reads on gets the reason.
func TestAStoppedAnswerRaisesInOpenAIsClients(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: stopping("0.0125"), Play: long})
	python := sdk{name: "python"}
	clients := kit.StartClients(t, (*harness.Kit).PythonClients)
	var p plan
	for i, c := range []sdkCall{
		{Name: "chat", Do: "chat.completions", Args: args{"model": "replay", "stream": true, "messages": []args{{"role": "user", "content": "Where is the ferry?"}}}},
		{Name: "response", Do: "responses", Args: args{"model": "replay", "stream": true, "input": "Where is the ferry?"}},
	} {
		c = c.through(s, s.URL)
		c.Headers["X-Team"] = []string{"support", "search"}[i] // each has a budget
		p.Calls = append(p.Calls, c)
	}
	for i, r := range python.does(t, clients, p) {
		if r.Error == nil || r.Error.Type != "APIError" || r.Error.Code != "budget_exhausted" || !strings.Contains(r.Error.Message, "too little left for more of this answer") {
			t.Errorf("%s: it raised %+v", r.Name, r.Error)
		}
		if got := receipts(t, s, p.Calls[i].trace(), 1)[0]; got.Outcome != "cut" {
			t.Errorf("%s: the record says %+v", r.Name, got)
		}
	}
	if calls := s.Provider.Calls(); len(calls) != 2 {
		t.Errorf("the provider was asked %d times", len(calls))
	}
}

// endless are answers without end of other providers, and what their clients raise
// when one is stopped.
func endless() map[string]struct {
	answer replay.Answer
	visit  visit
	raises string
	mute   bool // nothing says why
} {
	type stopped = struct {
		answer replay.Answer
		visit  visit
		raises string
		mute   bool
	}
	text := strings.Repeat("The ferry is late. ", 5)
	ask := func(model string) args { return args{"model": model, "messages": whereabouts} }
	return map[string]stopped{
		"anthropic": {
			replay.Answer{
				Path: "/v1/messages", Streamed: true, Kind: replay.EventStream,
				Body: []byte("event: message_start\ndata: " + `{"type":"message_start","message":{"id":"msg_quay09","type":"message","role":"assistant","model":"claude-ferry-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}` +
					"\n\nevent: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n"),
				Over: []byte("event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + text + `"}}` + "\n\n"),
			},
			visit{do: "anthropic.stream", args: but(ask("claude-ferry"), args{"max_tokens": 60_000})}, "APIStatusError", false,
		},
		"gemini": {
			replay.Answer{Path: ":streamGenerateContent", Kind: "text/event-stream", Over: []byte("data: " + `{"candidates":[{"content":{"parts":[{"text":"` + text + `"}],"role":"model"}}],"modelVersion":"gemini-ferry"}` + "\r\n\r\n")},
			visit{do: "gemini.generate_content_stream", args: args{"model": "gemini-ferry", "contents": "Where is the ferry?"}}, "ClientError", false,
		},
		"ollama": {
			replay.Answer{Path: "/api/chat", Streamed: true, Kind: replay.NDJSON, Over: []byte(`{"model":"ferry:1b","created_at":"2026-01-01T00:00:01.1Z","message":{"role":"assistant","content":"` + text + `"},"done":false}` + "\n")},
			visit{do: "ollama.chat", args: but(ask("ferry:1b"), args{"stream": true})}, "ResponseError", false,
		},
		"cohere": {
			replay.Answer{Path: "/v2/chat", Streamed: true, Kind: "text/event-stream", Over: []byte("data: " + `{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"` + text + `"}}}}` + "\n\n")},
			visit{do: "cohere.chat_stream", args: ask("command-ferry")}, "RemoteProtocolError", true,
		},
		"mistral": {
			replay.Answer{Path: "/v1/chat/completions", Streamed: true, Kind: replay.EventStream, Over: []byte("data: " + `{"id":"quaym9","object":"chat.completion.chunk","created":1767225600,"model":"mistral-ferry","choices":[{"index":0,"delta":{"content":"` + text + `"},"finish_reason":null}]}` + "\n\n")},
			visit{do: "mistral.stream", args: ask("mistral-ferry")}, "RemoteProtocolError", true,
		},
	}
}

func TestAStoppedAnswerRaisesInTheClientsOfOtherProviders(t *testing.T) {
	t.Parallel()
	for dialect, c := range endless() {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			up, err := replay.Start([]replay.Answer{c.answer})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = up.Close() })
			o := harness.StackOptions{Config: strings.Replace(stopping("0.0125"), "dialect: openai", "dialect: "+dialect, 1)}
			o.Envoy.Upstream = up.Addr()
			s := kit.Start(t, o)
			clients := kit.StartClients(t, (*harness.Kit).PythonClients).With("official_calls.py")
			call := sdkCall{Name: c.visit.do, Do: c.visit.do, Args: c.visit.args}.through(s, s.URL)
			call.BaseURL = s.URL
			results, err := harness.Run[heard](t.Context(), clients, plan{Calls: []sdkCall{call}})
			if err != nil {
				t.Fatal(err)
			}
			h := results[0]
			if h.Raised.Type != c.raises || strings.Contains(h.Raised.Message, "too little left for more of this answer") == c.mute {
				t.Errorf("it raised %+v", h.Raised)
			}
			if r := receipts(t, s, call.trace(), 1)[0]; r.Outcome != "cut" || !strings.HasPrefix(r.Reason, "stopped: ") {
				t.Errorf("the record says %+v", r)
			}
			eventually(t, "the provider is left alone", func(context.Context) (bool, error) { return up.Left() == 1, nil })
		})
	}
}
