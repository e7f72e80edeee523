package e2e_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// startNative runs a stack where Envoy counts what it can.
func startNative(t *testing.T, play provider.Scenario, m envoy.Metering) *harness.Stack {
	t.Helper()
	o := harness.EnvoyOptions{}
	o.Metering = m
	return kit.Start(t, harness.StackOptions{Config: shop + "metering: {mode: " + string(m) + "}\n", Play: play, Envoy: o})
}

func TestEnvoyCountsWhereItCanAndFareboxTheRest(t *testing.T) {
	t.Parallel()
	s := startNative(t, provider.Scenario{Usage: &provider.Usage{Prompt: 1237, Cached: 401, Completion: 97, Reasoning: 31}}, envoy.Auto)
	for _, c := range []struct{ name, path, body string }{
		{"an answer that Envoy counts", chatPath, plainBody},
		{"a stream that Envoy counts", chatPath, askingBody},
		{"an answer that Farebox counts", "/v1/completions", `{"model":"replay","prompt":"Where?"}`},
		{"a stream that Farebox counts", "/v1/completions", `{"model":"replay","stream":true,"prompt":"Where?"}`},
	} {
		for protocol, h2 := range protocols {
			e := ask(s, c.path, c.body)
			e.via = connections(t, h2)
			g := e.run(t.Context())
			if g.err != nil || g.status != http.StatusOK {
				t.Fatalf("%s over %s: status %d, %v", c.name, protocol, g.status, g.err)
			}
			b := settled(t, s.Farebox, e.trace)
			if b.Outcome != "served" || b.Source != "reported" || b.In != 1237 || b.Out != 97 || b.Cost != usd(1237, 97) {
				t.Errorf("%s over %s: the record says %+v", c.name, protocol, b)
			}
			if native := c.path == chatPath; native && h2 && g.trailer.Get("X-Farebox-Cost-Usd") != usd(1237, 97) {
				t.Errorf("%s over %s: the trailers say %v", c.name, protocol, g.trailer)
			}
		}
	}
}

// Both ways of metering stand in one chain of Envoy's; none may hold up a call of
// the other.
func TestWhatEnvoyCountsAndWhatFareboxCountsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	s := startNative(t, provider.Scenario{}, envoy.Auto)
	var all sync.WaitGroup
	for range 10 {
		for path, body := range map[string]string{
			chatPath: askingBody, "/v1/completions": `{"model":"replay","stream":true,"prompt":"Where?"}`, "/v1/embeddings": `{"model":"replay","input":"x"}`,
		} {
			all.Go(func() {
				e := ask(s, path, body)
				if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
					t.Errorf("%s: status %d, %v", path, g.status, g.err)
				}
				if b := settled(t, s.Farebox, e.trace); b.Source != "reported" || b.Outcome != "served" {
					t.Errorf("%s: the record says %+v", path, b)
				}
			})
		}
	}
	all.Wait()
}

// Where Envoy counts, nobody sees an answer that was cut, or that tells no usage:
// it is paid as calls of its kind are, and says that this is an estimate.
func TestWhatEnvoyDoesNotCountIsEstimated(t *testing.T) {
	t.Parallel()
	s := startNative(t, provider.Scenario{Chunks: 50, Pace: 20 * time.Millisecond}, envoy.Native)
	cut := ask(s, chatPath, askingBody)
	hangUpWhen(t, cut, func(sofar []byte) bool { return textEvents(sofar) >= 3 })
	untold := ask(s, chatPath, streamBody)
	if g := untold.run(t.Context()); g.err != nil || !g.done() {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	for _, e := range []errand{cut, untold} {
		if b := settled(t, s.Farebox, e.trace); b.Outcome != "cut" || b.Source != "estimated" || b.In == 0 || b.Out == 0 {
			t.Errorf("the record says %+v", b)
		}
	}
}
