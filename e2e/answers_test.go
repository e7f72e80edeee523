package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// TestLargeAnswersArriveWhole, whatever fits into the buffers on their way: none waits
// for what nobody sends, as long as Envoy waits for farebox. Its farebox is the one that
// ships.
func TestLargeAnswersArriveWhole(t *testing.T) {
	t.Parallel()
	const each, patience = 20, 15 * time.Second
	shipped, err := harness.Open(harness.Options{Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{32 << 10, 1 << 20} {
		s := shipped.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{BufferLimit: limit}}})
		via := connections(t, false)
		calls := int64(0)
		for name, play := range map[string]provider.Scenario{
			"small":               {Size: 20_000},
			"larger than a limit": {Size: 60_000},
			"1.2 MB":              {Size: 1_200_000},
			"8 MB":                {Size: 8_000_000},
			"small, chunked":      {Size: 20_000, Framing: provider.Chunked},
			"1.2 MB, chunked":     {Size: 1_200_000, Framing: provider.Chunked},
		} {
			s.Provider.Play(play)
			e := ask(s, chatPath, plainBody)
			want := direct(t, s, e)
			// The same bytes again: to make them anew for each call takes longer.
			play.Status, play.Body = http.StatusOK, string(want.body)
			s.Provider.Play(play)
			e.via = via
			for i := range each {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				g := e.run(ctx)
				cancel()
				if g.err != nil || g.status != http.StatusOK || !bytes.Equal(g.body, want.body) {
					t.Fatalf("limit %d, %s, call %d: status %d, %v, %d bytes", limit, name, i, g.status, g.err, len(g.body))
				}
			}
			calls += each
		}
		allReported(t, s, calls, usd(11*calls, 8*calls))
	}
}

func TestASmallAnswerTellsItsCost(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{
				Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2, BufferLimit: 32 << 10}},
				Play: provider.Scenario{Usage: &provider.Usage{Prompt: 100, Cached: 40, Completion: 30, Reasoning: 20}},
			})
			e := ask(s, chatPath, plainBody)
			want := direct(t, s, e)
			e.via = connections(t, h2)
			g := e.run(t.Context())
			same(t, name, g, want)
			for header, want := range map[string]string{
				"X-Farebox-Cost-Usd": usd(100, 30), "X-Farebox-Tokens-In": "100", "X-Farebox-Tokens-Out": "30", "Content-Length": strconv.Itoa(len(g.body)),
			} {
				if got := g.header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			reported(t, settled(t, s.Farebox, e.trace), 100, 30)
		})
	}
}

// unzip undoes gzip.
func unzip(t *testing.T, body []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestCompressedAnswersArePriced has a provider that compresses whatever the
// caller accepts.
func TestCompressedAnswersArePriced(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}}})
			via := connections(t, h2)
			for _, c := range []struct {
				name, body string
				play       provider.Scenario
				plain      bool // the caller gets it uncompressed
			}{
				{"JSON", plainBody, provider.Scenario{}, false},
				{"JSON, chunked", plainBody, provider.Scenario{Framing: provider.Chunked}, false},
				{"JSON, 1.2 MB", plainBody, provider.Scenario{Size: 1_200_000}, false},
				{"a stream that asked", askingBody, provider.Scenario{}, false},
				{"a stream", streamBody, provider.Scenario{}, true},
				{"a stream, byte by byte", streamBody, provider.Scenario{CutEvery: 1}, true},
				{"a stream with a length", streamBody, provider.Scenario{Framing: provider.Length, CutEvery: 7}, true},
				{"a stream with trailers", streamBody, provider.Scenario{Trailers: http.Header{"X-Sum": {"7"}}}, true},
			} {
				c.play.Gzip = true
				s.Provider.Play(c.play)
				e := ask(s, chatPath, c.body)
				e.via = via
				e.header.Set("TE", "trailers")
				want := direct(t, s, e)
				g := e.run(t.Context())
				if c.plain != (g.header.Get("Content-Encoding") == "") {
					t.Errorf("%s: content-encoding %q", c.name, g.header.Get("Content-Encoding"))
				}
				want.body = unzip(t, want.body)
				if !c.plain {
					g.body = unzip(t, g.body)
				}
				same(t, c.name, g, want)
				reported(t, settled(t, s.Farebox, e.trace), 11, 8)
			}
		})
	}
}

// TestAProviderThatRefusesToBeAskedForUsageIsAskedOnce: the one call that found
// it out is answered 400, all that follow pass as their callers sent them.
func TestAProviderThatRefusesToBeAskedForUsageIsAskedOnce(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{RefuseStreamOptions: true}})
	e := ask(s, chatPath, streamBody)
	if g := e.run(t.Context()); g.status != http.StatusBadRequest || !strings.Contains(string(g.body), "stream_options") {
		t.Errorf("the first call: status %d, %v, %q", g.status, g.err, g.body)
	}
	if b := settled(t, s.Farebox, e.trace); b.Outcome != "failed" || b.Cost != "0" {
		t.Errorf("the first call: the record says %+v", b)
	}
	for i := range 3 {
		e := ask(s, chatPath, streamBody)
		same(t, fmt.Sprintf("call %d", i+2), e.run(t.Context()), direct(t, s, e))
		b := settled(t, s.Farebox, e.trace)
		if b.Outcome != "served" || b.Source != "estimated" || b.Out < 1 || !b.Priced || b.Cost != usd(b.In, b.Out) {
			t.Errorf("call %d: the record says %+v", i+2, b)
		}
	}
	asked := 0
	for _, c := range s.Provider.Calls() {
		if bytes.Contains(c.Body, []byte("stream_options")) {
			asked++
		}
	}
	if refused := metric(t, s, "farebox_degraded_total", `reason="usage_refused"`); asked != 1 || refused != 1 {
		t.Errorf("the provider was asked %d times, and %v refusals were counted; want one", asked, refused)
	}
}

func TestAnErrorOfTheProviderPassesUntouchedAndCostsNothing(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	calls := 0.0
	for _, status := range []int{500, 429, 503, 401} {
		for name, body := range map[string]string{"JSON": plainBody, "a stream": streamBody} {
			for kind, play := range map[string]provider.Scenario{
				"":                 {},
				" in compressed":   {Gzip: true},
				" in chunked":      {Framing: provider.Chunked},
				" as a web page":   {Body: "<h1>no</h1>", Header: http.Header{"Content-Type": {"text/html"}}},
				" without content": {Body: " ", Header: http.Header{"Content-Type": {"application/json"}}},
			} {
				play.Status = status
				if play.Header == nil {
					play.Header = http.Header{}
				}
				play.Header.Set("Retry-After", "7")
				s.Provider.Play(play)
				s.Provider.Forget()
				e := ask(s, chatPath, body)
				want := direct(t, s, e)
				g := e.run(t.Context())
				calls++
				name := fmt.Sprintf("%d for %s%s", status, name, kind)
				same(t, name, g, want)
				for _, header := range []string{"Retry-After", "Content-Type", "Content-Encoding"} {
					if g.header.Get(header) != want.header.Get(header) {
						t.Errorf("%s: %s %q, want %q", name, header, g.header.Get(header), want.header.Get(header))
					}
				}
				b := settled(t, s.Farebox, e.trace)
				if b.Outcome != "failed" || b.Status != status || b.Cost != "0" || b.In != 0 || b.Out != 0 {
					t.Errorf("%s: the record says %+v", name, b)
				}
				if n := len(s.Provider.Calls()); n != 2 {
					t.Errorf("%s: the provider saw %d calls, want ours and the direct one", name, n)
				}
			}
		}
	}
	if got := metric(t, s, "farebox_requests_total", `outcome="failed"`); got != calls {
		t.Errorf("%v failures are counted, want %v", got, calls)
	}
	if got := metric(t, s, "farebox_cost_usd_total"); got != 0 {
		t.Errorf("they cost %v USD", got)
	}
}

func TestAStreamThatTheProviderResetsIsPaidInPart(t *testing.T) {
	t.Parallel()
	for name, h2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{UpstreamHTTP2: h2}}})
			plain := direct(t, s, ask(s, chatPath, cutStream)).body
			whole := direct(t, s, ask(s, chatPath, cutAsking)).body
			at := bytes.Index(whole, []byte(`"content":"noon "`))
			at += bytes.Index(whole[at:], []byte("\n\n")) + 2
			s.Provider.Play(provider.Scenario{Pace: 2 * time.Millisecond, Fault: provider.Fault{Kind: provider.Reset, After: at}})
			e := ask(s, chatPath, cutStream)
			e.via = connections(t, h2)
			g := e.run(t.Context())
			if g.err == nil || g.status != http.StatusOK || !strings.HasPrefix(unnamed(plain), unnamed(g.body)) {
				t.Errorf("status %d, %v, %q", g.status, g.err, g.body)
			}
			b := settled(t, s.Farebox, e.trace)
			most := countedIn(t, s, textEvents(whole[:at]))
			if b.Outcome != "cut" || b.Source != "partial" || b.In < 1 || b.Out < 1 || b.Out > most || b.Cost != usd(b.In, b.Out) {
				t.Errorf("the record says %+v, want a partial one of 1 to %d tokens", b, most)
			}
		})
	}
}

// cutAsking is cutStream as the provider gets it.
const cutAsking = `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Where is the ferry?"}]}`

// TestAStreamThatNeverBeganCostsNothing: the provider took the call and broke
// the connection.
func TestAStreamThatNeverBeganCostsNothing(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{Fault: provider.Fault{Kind: provider.Reset}}})
	for _, body := range []string{streamBody, plainBody} {
		e := ask(s, chatPath, body)
		if g := e.run(t.Context()); g.err != nil || g.status < 500 {
			t.Errorf("status %d, %v, %q", g.status, g.err, g.body)
		}
		if b := settled(t, s.Farebox, e.trace); b.Outcome != "failed" || b.Cost != "0" || b.In != 0 || b.Out != 0 {
			t.Errorf("the record says %+v", b)
		}
	}
}

func TestEveryOperationIsPriced(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{Usage: &provider.Usage{Prompt: 50, Cached: 10, Completion: 21, Reasoning: 5}}})
	for _, c := range []struct {
		name, path, body, operation string
		out                         int64
	}{
		{"completions", "/v1/completions", `{"model":"replay","prompt":"Where is the ferry?"}`, "completions", 21},
		{"a stream of completions", "/v1/completions", `{"model":"replay","stream":true,"prompt":"Where is the ferry?"}`, "completions", 21},
		{"responses", "/v1/responses", `{"model":"replay","input":"Where is the ferry?"}`, "responses", 21},
		{"a stream of responses", "/v1/responses", `{"model":"replay","stream":true,"input":"Where is the ferry?"}`, "responses", 21},
		{"embeddings", "/v1/embeddings", `{"model":"replay","input":["Where is","the ferry?"]}`, "embeddings", 0},
	} {
		e := ask(s, c.path, c.body)
		same(t, c.name, e.run(t.Context()), direct(t, s, e))
		b := settled(t, s.Farebox, e.trace)
		reported(t, b, 50, c.out)
		if b.Operation != c.operation || b.Model != "replay" {
			t.Errorf("%s: the record says %+v", c.name, b)
		}
	}
}

// incomplete is a Responses stream that ends at the limit its caller set.
const incomplete = `event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_000001","object":"response","status":"in_progress","model":"replay","output":[],"usage":null}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"at noon"}

event: response.incomplete
data: {"type":"response.incomplete","sequence_number":2,"response":{"id":"resp_000001","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"replay","output":[],"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":14}}}

`

func TestAResponseThatEndsAtItsLimitIsPriced(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: provider.Scenario{
		Status: http.StatusOK, Body: incomplete, Header: http.Header{"Content-Type": {"text/event-stream"}}, CutEvery: 11,
	}})
	e := ask(s, "/v1/responses", `{"model":"replay","stream":true,"max_output_tokens":2,"input":"Where is the ferry?"}`)
	same(t, "incomplete", e.run(t.Context()), direct(t, s, e))
	reported(t, settled(t, s.Farebox, e.trace), 12, 2)
}
