package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
	"github.com/farebox/farebox/policy/api"
)

// answerID is what differs between two answers to the same request.
var answerID = regexp.MustCompile(`"(chatcmpl|cmpl|resp)(-|_)[0-9]{6}"`)

// unnamed is an answer without its id, so that two can be compared.
func unnamed(body []byte) string { return string(answerID.ReplaceAll(body, []byte(`"$1"`))) }

// direct does the same errand at the provider itself, in the same protocol.
func direct(t *testing.T, s *harness.Stack, e errand) got {
	t.Helper()
	e.url = s.Provider.URL() + e.url[len(s.URL):]
	g := e.run(t.Context())
	if g.err != nil {
		t.Fatal(g.err)
	}
	return g
}

// protocols are what callers and providers speak: HTTP/1.1 or HTTP/2 on both
// sides of Envoy.
var protocols = map[string]bool{"HTTP/1.1": false, "HTTP/2": true}

// connections keeps connections for many errands.
func connections(t *testing.T, h2 bool) http.RoundTripper {
	var p http.Protocols
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	tr := &http.Transport{Protocols: &p, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestAStreamedCallOfATeamIsPricedToTheLastDigit(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{
		Config: `
providers: [{name: local, dialect: openai, match: {host: "*"}}]
prices: {rates: [{provider: local, model: replay, input: "0.15", cache_read: "0.075", output: "0.6"}]}
`,
		Play: provider.Scenario{Usage: &provider.Usage{Prompt: 1237, Cached: 401, Completion: 97, Reasoning: 31}},
	})
	const cost = "0.000213675" // (836 × 0.15 + 401 × 0.075 + 97 × 0.6) / 1 000 000
	e := ask(s, chatPath, streamBody)
	e.header.Set("X-Project", "returns")
	if g := e.run(t.Context()); !g.done() || g.status != http.StatusOK {
		t.Fatalf("status %d, %v, %q", g.status, g.err, g.body)
	}
	b := settled(t, s.Farebox, e.trace)
	want := bill{
		ID: b.ID, ResponseID: b.ResponseID, Team: "support", Operation: "chat", Model: "replay", Outcome: "served", Source: "reported",
		Status: 200, In: 1237, Out: 97, Priced: true, Cost: cost,
	}
	if b != want {
		t.Errorf("the record says %+v, want %+v", b, want)
	}
	u, err := s.Farebox.Usage(t.Context(), "team", "project", "model")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"team": "support", "project": "returns", "model": "replay"}
	if len(u.Rows) != 1 || !maps.Equal(u.Rows[0].Keys, keys) || u.Rows[0].Charged.String() != cost || u.Total.Charged.String() != cost {
		t.Errorf("usage %+v, total %+v, want %s USD for %v", u.Rows, u.Total, cost, keys)
	}
	labels := []string{`team="support"`, `project="returns"`, `provider="local"`, `model="replay"`, `request_type="interactive"`}
	if got := metric(t, s, "farebox_cost_usd_total", labels...); got != 0.000213675 {
		t.Errorf("the metric says %v USD, want %s", got, cost)
	}
	for meter, want := range map[string]float64{"input": 836, "cache_read": 401, "output": 66, "reasoning": 31} {
		if got := metric(t, s, "farebox_tokens_total", append(labels, `meter="`+meter+`"`)...); got != want {
			t.Errorf("the metric says %v tokens of %s, want %v", got, meter, want)
		}
	}
}

// shape is a scenario and the cuts of it to play.
type shape struct {
	name string
	play provider.Scenario
	via  http.RoundTripper
}

// TestAStreamThatDidNotAskForUsageIsPricedAndByteEqualAtEveryCut cuts what the
// provider sends at every place of its last two events, in every framing.
func TestAStreamThatDidNotAskForUsageIsPricedAndByteEqualAtEveryCut(t *testing.T) {
	t.Parallel()
	sum := http.Header{"X-Sum": {"7"}}
	for name, h2 := range protocols {
		shapes := []shape{
			{name: "without a length", play: provider.Scenario{Chunks: 2}},
			{name: "with a length", play: provider.Scenario{Chunks: 2, Framing: provider.Length}},
			{name: "with trailers", play: provider.Scenario{Chunks: 2, Trailers: sum}},
		}
		if h2 {
			shapes = append(shapes, shape{name: "with both", play: provider.Scenario{Chunks: 2, Framing: provider.Length, Trailers: sum}})
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}}})
			via := connections(t, h2)
			calls := int64(0)
			for i := range shapes {
				shapes[i].via = via
				cuts := lastTwoEvents(t, s, shapes[i])
				alike(t, s, shapes[i], cuts)
				calls += int64(len(cuts))
			}
			allReported(t, s, calls, usd(11*calls, 2*calls))
		})
	}
}

// allReported waits until so many calls are in the ledger, and holds that all are
// served at the provider's own count, for so much together.
func allReported(t *testing.T, s *harness.Stack, calls int64, cost string) {
	t.Helper()
	var u *api.UsageAnswer
	eventually(t, "all calls are in the ledger", func(ctx context.Context) (bool, error) {
		var err error
		u, err = s.Farebox.Usage(ctx, "outcome", "source")
		return err == nil && u.Total.Calls >= calls, err
	})
	if len(u.Rows) != 1 || u.Rows[0].Keys["outcome"] != "served" || u.Rows[0].Keys["source"] != "reported" ||
		u.Total.Calls != calls || u.Total.Charged.String() != cost {
		t.Errorf("usage %+v, want %d calls served and reported for %s USD", u.Rows, calls, cost)
	}
}

// lastTwoEvents returns every cut of the usage event and [DONE] as the provider
// sends them when asked.
func lastTwoEvents(t *testing.T, s *harness.Stack, sh shape) (cuts []int) {
	t.Helper()
	sent := directly(t, s, sh, askingBody).body
	at := bytes.LastIndex(sent, []byte(`data: {`))
	if at < 0 || !bytes.Contains(sent[at:], []byte(`"choices":[],"usage":{"prompt_tokens":11`)) {
		t.Fatalf("the provider was asked for usage and sent %q", sent)
	}
	for cut := at; cut < len(sent); cut++ {
		cuts = append(cuts, cut)
	}
	return cuts
}

// directly plays a shape to a caller at the provider.
func directly(t *testing.T, s *harness.Stack, sh shape, body string) got {
	t.Helper()
	s.Provider.PlayFor(sh.name, sh.play)
	e := ask(s, chatPath, body)
	e.via = sh.via
	e.header.Set(provider.ScenarioHeader, sh.name)
	return direct(t, s, e)
}

// alike plays a shape at each of the cuts, several at once, and compares what
// comes through Envoy with what comes directly.
func alike(t *testing.T, s *harness.Stack, sh shape, cuts []int) {
	t.Helper()
	want := directly(t, s, sh, streamBody)
	if bytes.Contains(want.body, []byte("usage")) {
		t.Fatalf("%s: usage without being asked: %q", sh.name, want.body)
	}
	var callers sync.WaitGroup
	for part := range slices.Chunk(cuts, len(cuts)/4+1) {
		callers.Go(func() {
			for _, cut := range part {
				if name := fmt.Sprintf("%s, cut at %d", sh.name, cut); !same(t, name, cutAt(t, s, sh, cut, len(want.body)-len(doneEvent)), want) {
					return // the others of this part would say the same
				}
			}
		})
	}
	callers.Wait()
}

// cutAt plays a shape in two pieces. The second is sent when the caller has seen
// so many bytes of the first, which farebox has no reason to hold back: the cut
// is one to farebox too, and what came before it came at once.
func cutAt(t *testing.T, s *harness.Stack, sh shape, cut, seen int) got {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storyWaits)
	defer cancel()
	goOn := make(chan struct{})
	play := sh.play
	play.Cuts, play.Hold = []int{cut}, goOn
	e := ask(s, chatPath, streamBody)
	s.Provider.PlayFor(e.trace, play)
	e.via = sh.via
	e.header.Set(provider.ScenarioHeader, e.trace)
	e.header.Set("TE", "trailers")
	e.watch = func(sofar []byte) {
		if goOn != nil && len(sofar) >= seen {
			close(goOn)
			goOn = nil
		}
	}
	return e.run(ctx)
}

// same compares an answer through Envoy with the direct one.
func same(t *testing.T, name string, g, want got) bool {
	t.Helper()
	switch {
	case g.err != nil || g.status != want.status:
		t.Errorf("%s: status %d, %v, %q", name, g.status, g.err, g.body)
	case unnamed(g.body) != unnamed(want.body):
		t.Errorf("%s:\n got %q\nwant %q", name, g.body, want.body)
	case g.trailer.Get("X-Sum") != want.trailer.Get("X-Sum"):
		t.Errorf("%s: trailers %v, want %v", name, g.trailer, want.trailer)
	default:
		return true
	}
	return false
}

// TestStreamsOfEveryMannerAreByteEqual takes the manners of other servers, in
// pieces of a few bytes.
func TestStreamsOfEveryMannerAreByteEqual(t *testing.T) {
	t.Parallel()
	manners := map[string]provider.Scenario{
		"lines that end in CRLF":           {CRLF: true},
		"no [DONE]":                        {NoDone: true},
		"no last blank line":               {NoFinalBlank: true},
		"usage beside the finish reason":   {Report: provider.WithFinish},
		"usage in every chunk":             {Report: provider.InEveryChunk},
		"usage beside the last content":    {Report: provider.BesideContent},
		"[DONE] by itself, later":          {Last: 5 * time.Millisecond},
		"long content":                     {Text: 9000},
		"long content with a length, CRLF": {Text: 9000, Framing: provider.Length, CRLF: true},
	}
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}}})
			via := connections(t, h2)
			for manner, play := range manners {
				for _, every := range []int{0, 1, 7} {
					if play.Text > 0 && every > 0 {
						every *= 1000
					}
					play.CutEvery = every
					s.Provider.PlayFor(manner, play)
					e := ask(s, chatPath, streamBody)
					e.header.Set(provider.ScenarioHeader, manner)
					want := direct(t, s, e)
					e.via = via
					same(t, fmt.Sprintf("%s, every %d bytes", manner, every), e.run(t.Context()), want)
					reported(t, settled(t, s.Farebox, e.trace), 11, 8)
				}
			}
		})
	}
}

func TestAStreamWhoseUsageNeverComesIsPricedByItsText(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{Report: provider.Never, Chunks: 40}})
	e := ask(s, chatPath, streamBody)
	same(t, "never", e.run(t.Context()), direct(t, s, e))
	b := settled(t, s.Farebox, e.trace)
	if b.Outcome != "served" || b.Source != "estimated" || b.In < 1 || b.Out < 20 || b.Out > 80 || b.Cost != usd(b.In, b.Out) {
		t.Errorf("40 words came and the record says %+v", b)
	}
}

func TestAStreamThatAskedForUsageKeepsIt(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}}})
			for framing, play := range map[string]provider.Scenario{"natural": {}, "length": {Framing: provider.Length}, "pieces": {CutEvery: 1}} {
				s.Provider.Play(play)
				e := ask(s, chatPath, askingBody)
				want := direct(t, s, e)
				e.via = connections(t, h2)
				g := e.run(t.Context())
				same(t, framing, g, want)
				if !bytes.Contains(g.body, []byte(`"usage":{"prompt_tokens":11`)) || !bytes.Contains(g.body, []byte(`"usage":null`)) {
					t.Errorf("%s: the usage that was asked for is not in %q", framing, g.body)
				}
				reported(t, settled(t, s.Farebox, e.trace), 11, 8)
			}
		})
	}
}

// TestFiveCallsWithOneRequestIDAreFiveRecords holds that an id which callers
// choose finds records and never merges them.
func TestFiveCallsWithOneRequestIDAreFiveRecords(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	const id = "7b1f9f52-6f0c-4d0a-9d35-2f1d8a3c5e11"
	for i := range 5 {
		e := ask(s, chatPath, streamBody)
		if i%2 == 1 {
			e = ask(s, chatPath, plainBody)
		}
		e.header.Set("X-Request-Id", id)
		if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
			t.Fatalf("status %d, %v", g.status, g.err)
		}
	}
	var found []bill
	eventually(t, "five records are there", func(ctx context.Context) (bool, error) {
		var err error
		found, err = bills(ctx, s.Farebox, id)
		return len(found) >= 5, err
	})
	ids := map[string]bool{}
	for _, b := range found {
		reported(t, b, 11, 8)
		ids[b.ID] = true
	}
	allReported(t, s, 5, usd(55, 40))
	if len(found) != 5 || len(ids) != 5 {
		t.Errorf("%d records of %d calls, want five of five", len(found), len(ids))
	}
}
