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
	"github.com/farebox/farebox/envoy"
)

// hangUpWhen does an errand until enough says so of what came, then goes away.
func hangUpWhen(t *testing.T, e errand, enough func(sofar []byte) bool) got {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storyWaits)
	defer cancel()
	e.watch = func(sofar []byte) {
		if enough(sofar) {
			cancel()
		}
	}
	g := e.run(ctx)
	if g.err == nil || g.status != http.StatusOK || !enough(g.body) {
		t.Errorf("status %d, %v: the caller never saw what it was to hang up at: %q", g.status, g.err, g.body)
	}
	return g
}

// callOf finds what the provider remembers of an errand, when the call is over.
func callOf(t *testing.T, s *harness.Stack, e errand) provider.Call {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storyWaits)
	defer cancel()
	var found provider.Call
	_, err := s.Provider.Await(ctx, func(calls []provider.Call) bool {
		for _, c := range calls {
			if strings.Contains(c.Header.Get("Traceparent"), e.trace) && (c.Done || c.Gone) {
				found = c
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// textEvents counts the events with text.
func textEvents(stream []byte) int { return bytes.Count(stream, []byte(`"delta":{"content":"`)) }

// cutStream is a request to a model whose vocabulary is public, so that what was
// generated can be counted exactly.
const cutStream = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Where is the ferry?"}]}`

func TestACallerWhoHangsUpMidStreamPaysForWhatWasGenerated(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{
				Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}},
				Play: provider.Scenario{Chunks: 2000, Pace: 5 * time.Millisecond},
			})
			e := ask(s, chatPath, cutStream)
			e.via = connections(t, h2)
			g := hangUpWhen(t, e, func(sofar []byte) bool { return textEvents(sofar) >= 10 })
			b := settled(t, s.Farebox, e.trace)
			sent := callOf(t, s, e).Sent
			if b.Outcome != "cut" || b.Source != "partial" || b.Reason == "" || !b.Priced || b.In < 1 || b.Cost != usd(b.In, b.Out) {
				t.Errorf("the record says %+v, want a priced partial one", b)
			}
			least, most := countedIn(t, s, textEvents(g.body)), countedIn(t, s, textEvents(sent))
			if b.Out < least || b.Out > most || least < 10 {
				t.Errorf("%d tokens are paid for; the caller saw %d and the provider sent %d", b.Out, least, most)
			}
		})
	}
}

// countedIn says how many tokens a whole stream of so many pieces is counted to.
func countedIn(t *testing.T, s *harness.Stack, chunks int) int64 {
	t.Helper()
	s.Provider.Play(provider.Scenario{Chunks: chunks, Report: provider.Never})
	e := ask(s, chatPath, cutStream)
	if g := e.run(t.Context()); !g.done() {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	b := settled(t, s.Farebox, e.trace)
	if b.Outcome != "served" {
		t.Fatalf("the record says %+v", b)
	}
	return b.Out
}

// TestACallerWhoHangsUpRightAfterTheLastEventPaysWhatWasReported has providers
// that keep the connection open when all is said: the common SDKs go away then.
func TestACallerWhoHangsUpRightAfterTheLastEventPaysWhatWasReported(t *testing.T) {
	t.Parallel()
	const responses = `{"model":"replay","stream":true,"input":"Where is the ferry?"}`
	ends := map[string]struct{ path, body, asking, end string }{
		"chat":            {chatPath, streamBody, askingBody, doneEvent},
		"chat that asked": {chatPath, askingBody, askingBody, doneEvent},
		"completions":     {"/v1/completions", `{"model":"replay","stream":true,"prompt":"a"}`, `{"model":"replay","stream":true,"prompt":"a","stream_options":{"include_usage":true}}`, doneEvent},
		"responses":       {"/v1/responses", responses, responses, "\"type\":\"response.completed\"}\n\n"},
	}
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}}})
			for kind, end := range ends {
				s.Provider.Play(provider.Scenario{})
				whole := direct(t, s, ask(s, end.path, end.asking)).body
				s.Provider.Play(provider.Scenario{Fault: provider.Fault{Kind: provider.Hang, After: len(whole)}})
				e := ask(s, end.path, end.body)
				e.via = connections(t, h2)
				hangUpWhen(t, e, func(sofar []byte) bool { return bytes.HasSuffix(sofar, []byte(end.end)) })
				reported(t, settled(t, s.Farebox, e.trace), 11, 8)
				if t.Failed() {
					t.Fatalf("that was %s", kind)
				}
			}
		})
	}
}

// TestACallerWhoHangsUpBeforeAnUnstreamedAnswerPaysAnEstimate: it was generated
// all the same, and the provider bills it.
func TestACallerWhoHangsUpBeforeAnUnstreamedAnswerPaysAnEstimate(t *testing.T) {
	t.Parallel()
	const brief = `{"model":"replay","max_tokens":5,"messages":[{"role":"user","content":"Where is the ferry?"}]}`
	plays := map[string]provider.Scenario{
		"nothing came":                 {First: time.Hour},
		"half of it came":              {Size: 3000, Fault: provider.Fault{Kind: provider.Hang, After: 1500}},
		"half of it came, no length":   {Size: 3000, Framing: provider.Chunked, Fault: provider.Fault{Kind: provider.Hang, After: 1500}},
		"half of it came, a large one": {Size: 300_000, Fault: provider.Fault{Kind: provider.Hang, After: 150_000}},
	}
	s := kit.Start(t, harness.StackOptions{Config: shop})
	for name, play := range plays {
		t.Run(name, func(t *testing.T) {
			s.Provider.Play(play)
			s.Provider.Forget()
			for _, body := range []string{plainBody, brief} {
				e := ask(s, chatPath, body)
				abandon(t, s, e, play.Fault.After)
				b := settled(t, s.Farebox, e.trace)
				if b.Outcome != "cut" || b.In < 1 || b.Out < 1 || !b.Priced || b.Cost != usd(b.In, b.Out) {
					t.Errorf("the record says %+v, want one cut at an estimate", b)
				}
				if body == brief && b.Out > 5 {
					t.Errorf("%d tokens are paid for, of which no more than 5 were allowed", b.Out)
				}
			}
		})
	}
}

// abandon does an errand and goes away once the provider has sent so much of an
// answer that never ends.
func abandon(t *testing.T, s *harness.Stack, e errand, after int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storyWaits)
	defer cancel()
	gone := make(chan got)
	go func() { gone <- e.run(ctx) }()
	_, err := s.Provider.Await(ctx, func(calls []provider.Call) bool {
		for _, c := range calls {
			if strings.Contains(c.Header.Get("Traceparent"), e.trace) && len(c.Sent) >= after {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if g := <-gone; g.err == nil {
		t.Errorf("the answer came: status %d, %q", g.status, g.body)
	}
}
