package extproc_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cohere"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func itoa(n int) string { return strconv.Itoa(n) }

const streamed = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"hi"}]}`

func TestEveryMessageGetsExactlyOneReply(t *testing.T) {
	kinds := []func(*rand.Rand) *extprocv3.ProcessingRequest{
		func(r *rand.Rand) *extprocv3.ProcessingRequest {
			return requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a")
		},
		func(r *rand.Rand) *extprocv3.ProcessingRequest { return requestBody(streamed) },
		func(r *rand.Rand) *extprocv3.ProcessingRequest {
			return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestTrailers{RequestTrailers: &extprocv3.HttpTrailers{}}}
		},
		func(r *rand.Rand) *extprocv3.ProcessingRequest {
			return responseHeaders(r.IntN(2) == 0, ":status", "200", "content-type", "text/event-stream")
		},
		func(r *rand.Rand) *extprocv3.ProcessingRequest { return responseBody("data: {}\n\n", r.IntN(2) == 0) },
		func(r *rand.Rand) *extprocv3.ProcessingRequest { return responseTrailers() },
		func(r *rand.Rand) *extprocv3.ProcessingRequest { return &extprocv3.ProcessingRequest{} },
	}
	s := newStand(t, nil)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		e := s.begin(t)
		sent := 0
		for range 12 {
			m := kinds[r.IntN(len(kinds))](r)
			got := e.send(m) // fails the test when no reply comes
			sent++
			if got.GetModeOverride().GetResponseHeaderMode() == modev3.ProcessingMode_SKIP && got.GetImmediateResponse() == nil && got.GetRequestHeaders() != nil {
				break // let go: the stream is closed
			}
		}
		if err := e.stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if r, err := e.stream.Recv(); err == nil {
			t.Fatalf("seed %d: a reply too many after %d messages: %v", seed, sent, r)
		}
	}
}

func TestWhatIsNoCallIsLetGoAtItsHeaders(t *testing.T) {
	for name, headers := range map[string][]string{
		"another path":  {":method", "POST", ":path", "/metrics"},
		"a GET":         {":method", "GET", ":path", "/v1/chat/completions"},
		"a HEAD":        {":method", "HEAD", ":path", "/v1/chat/completions"},
		"a WebSocket":   {":method", "POST", ":path", "/v1/responses", "upgrade", "websocket"},
		"gRPC":          {":method", "POST", ":path", "/v1/completions", "content-type", "application/grpc+proto"},
		"an empty body": {":method", "POST", ":path", "/v1/completions", "content-length", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			e := s.begin(t)
			r := e.send(requestHeaders(false, append(headers, ":authority", "api.openai.com")...))
			mode := r.GetModeOverride()
			if mode.GetRequestBodyMode() != modev3.ProcessingMode_NONE || mode.GetResponseHeaderMode() != modev3.ProcessingMode_SKIP {
				t.Errorf("mode = %v, want bodies NONE and response headers SKIP", mode)
			}
			if !e.closed() {
				t.Error("the gRPC stream was not closed")
			}
			if len(s.cashier.admitted) != 0 {
				t.Error("a request that is no call was admitted")
			}
		})
	}
}

const sse = "data: {\"id\":\"c1\",\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"Hello\"}}],\"usage\":null}\n\n" +
	"data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\n" +
	"data: [DONE]\n\n"

const direct = "data: {\"id\":\"c1\",\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n" +
	"data: [DONE]\n\n"

// passed is what the caller gets for a body message.
func passed(r *extprocv3.ProcessingResponse, sent string) string {
	m := r.GetResponseBody().GetResponse().GetBodyMutation()
	if m == nil {
		return sent
	}
	return string(m.GetBody())
}

func TestAStreamIsAskedForUsageAndTheCallerSeesNothingOfIt(t *testing.T) {
	for cut := range len(sse) + 1 {
		s := newStand(t, nil)
		e := s.begin(t)
		headers, body := e.chat(streamed)
		if drop := headers.GetRequestHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders(); !slices.Contains(drop, "x-team") || !slices.Contains(drop, "accept-encoding") {
			t.Fatalf("dropped headers = %v, want x-team and accept-encoding", drop)
		}
		upstream := body.GetRequestBody().GetResponse()
		var asked struct {
			StreamOptions struct {
				IncludeUsage bool `json:"include_usage"`
			} `json:"stream_options"`
		}
		if err := json.Unmarshal(upstream.GetBodyMutation().GetBody(), &asked); err != nil || !asked.StreamOptions.IncludeUsage {
			t.Fatalf("upstream body %q, %v: usage was not asked", upstream.GetBodyMutation().GetBody(), err)
		}
		if got := string(upstream.GetHeaderMutation().GetSetHeaders()[0].GetHeader().GetRawValue()); got != itoa(len(upstream.GetBodyMutation().GetBody())) {
			t.Fatalf("content-length %s for %d bytes", got, len(upstream.GetBodyMutation().GetBody()))
		}
		r := e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream; charset=utf-8", "content-length", itoa(len(sse))))
		if r.GetModeOverride().GetResponseBodyMode() != modev3.ProcessingMode_STREAMED || r.GetModeOverride().GetResponseTrailerMode() != modev3.ProcessingMode_SEND {
			t.Fatalf("mode = %v", r.GetModeOverride())
		}
		if !slices.Contains(r.GetResponseHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders(), "content-length") {
			t.Fatal("content-length was kept on a body whose length changes")
		}
		got := passed(e.send(responseBody(sse[:cut], false)), sse[:cut])
		got += passed(e.send(responseBody(sse[cut:], false)), sse[cut:])
		got += passed(e.send(responseBody("", true)), "")
		if got != direct {
			t.Fatalf("cut at %d: caller got %q, want %q", cut, got, direct)
		}
		o := s.cashier.settled(t)
		if in, _ := o.Reading.Usage[0].Count(tokenizer.Input); in != 9 || o.End != tokenizer.Complete {
			t.Fatalf("cut at %d: settled %v with %d input tokens", cut, o.End, in)
		}
	}
}

func TestAHangUpAfterTheTerminalEventIsComplete(t *testing.T) {
	s := newStand(t, nil)
	e := s.begin(t)
	e.chat(streamed)
	e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
	e.send(responseBody(sse, false))
	e.hangUp()
	if o := s.cashier.settled(t); o.End != tokenizer.Complete {
		t.Errorf("end = %v, want complete", o.End)
	}
}

func TestAHangUpBeforeItIsCutAndKeepsItsText(t *testing.T) {
	s := newStand(t, nil)
	e := s.begin(t)
	e.chat(streamed)
	e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
	e.send(responseBody(sse[:strings.Index(sse, "\n\n")+2], false))
	e.hangUp()
	if o := s.cashier.settled(t); o.End != tokenizer.Cut || string(o.Reading.Text) != "Hello" {
		t.Errorf("end = %v, text = %q, want cut and Hello", o.End, o.Reading.Text)
	}
}

func TestTrailersEndACallWhoseBodyHasNoEnd(t *testing.T) {
	s := newStand(t, nil)
	e := s.begin(t)
	e.chat(`{"model":"gpt-4o","messages":[]}`)
	e.send(responseHeaders(false, ":status", "200", "content-type", "application/json"))
	e.send(responseBody(`{"id":"x","usage":{"prompt_tokens":1,"completion_tokens":2`, false))
	e.send(responseTrailers())
	if o := s.cashier.settled(t); o.End != tokenizer.Complete {
		t.Errorf("end = %v, want complete", o.End)
	}
}

func TestJSONOfKnownSmallSizeCarriesItsCost(t *testing.T) {
	answer := `{"id":"x","model":"gpt-4o","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	for name, test := range map[string]struct {
		length string
		want   modev3.ProcessingMode_BodySendMode
	}{
		"small":   {itoa(len(answer)), modev3.ProcessingMode_BUFFERED},
		"large":   {"1200000", modev3.ProcessingMode_STREAMED},
		"unknown": {"", modev3.ProcessingMode_STREAMED},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			e := s.begin(t)
			e.chat(`{"model":"gpt-4o","messages":[]}`)
			headers := []string{":status", "200", "content-type", "application/json"}
			if test.length != "" {
				headers = append(headers, "content-length", test.length)
			}
			r := e.send(responseHeaders(false, headers...))
			if got := r.GetModeOverride().GetResponseBodyMode(); got != test.want {
				t.Fatalf("mode = %v, want %v", got, test.want)
			}
			set := e.send(responseBody(answer, true)).GetResponseBody().GetResponse().GetHeaderMutation().GetSetHeaders()
			var names []string
			for _, h := range set {
				names = append(names, h.GetHeader().GetKey())
			}
			if has := slices.Contains(names, "x-farebox-cost-usd"); has != (name == "small") {
				t.Errorf("headers set = %v", names)
			}
			s.cashier.settled(t)
		})
	}
}

// refusal checks an immediate answer in OpenAI's error shape.
func refusal(t *testing.T, r *extprocv3.ProcessingResponse, status int, code string) map[string]string {
	t.Helper()
	i := r.GetImmediateResponse()
	if int(i.GetStatus().GetCode()) != status {
		t.Fatalf("reply = %v, want status %d", r, status)
	}
	var body struct {
		Error struct{ Code, Message, Type string }
	}
	if err := json.Unmarshal(i.GetBody(), &body); err != nil || body.Error.Code != code || body.Error.Message == "" {
		t.Errorf("body = %s (%v), want code %s", i.GetBody(), err, code)
	}
	headers := map[string]string{}
	for _, h := range i.GetHeaders().GetSetHeaders() {
		headers[h.GetHeader().GetKey()] = string(h.GetHeader().GetRawValue())
	}
	if headers["content-type"] != "application/json" {
		t.Errorf("content-type = %q", headers["content-type"])
	}
	return headers
}

func TestBodiesOverTheLimitAreRefused(t *testing.T) {
	small := func(o *extproc.Options) { o.Rules.MaxRequestBody = 100 }
	t.Run("by content-length at the headers", func(t *testing.T) {
		s := newStand(t, small)
		e := s.begin(t)
		r := e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a", "content-length", "101"))
		if h := refusal(t, r, 413, "request_too_large"); h["x-should-retry"] != "false" {
			t.Errorf("headers = %v", h)
		}
		if len(s.cashier.refused) != 1 {
			t.Error("the refusal is not recorded")
		}
	})
	t.Run("by the body itself", func(t *testing.T) {
		s := newStand(t, small)
		e := s.begin(t)
		e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a"))
		refusal(t, e.send(requestBody(strings.Repeat(" ", 101))), 413, "request_too_large")
	})
	t.Run("by Envoy", func(t *testing.T) {
		s := newStand(t, nil)
		e := s.begin(t)
		e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a"))
		refusal(t, e.send(responseHeaders(false, ":status", "413", "content-type", "text/plain")), 413, "request_too_large")
	})
}

func TestBodiesHeldAtOnceAreBounded(t *testing.T) {
	s := newStand(t, func(o *extproc.Options) { o.Rules.InflightBytes = 64 })
	e := s.begin(t)
	e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a"))
	h := refusal(t, e.send(requestBody(streamed)), 503, "unavailable")
	if h["retry-after"] == "" {
		t.Error("no retry-after")
	}
	e = s.begin(t)
	e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a"))
	if r := e.send(requestBody(`{"model":"m"}`)); r.GetImmediateResponse() != nil {
		t.Errorf("a refused body still holds its place: %v", r)
	}
}

func TestMalformedJSONIsForwardedUntouchedAndCounted(t *testing.T) {
	s := newStand(t, nil)
	e := s.begin(t)
	_, r := e.chat(`{"model":"gpt-4o","stream":true,`)
	if r.GetRequestBody() == nil || r.GetRequestBody().GetResponse().GetBodyMutation() != nil {
		t.Errorf("reply = %v, want the body untouched", r)
	}
	if !s.cashier.admitted[0].Malformed {
		t.Error("the request is not marked malformed")
	}
	if got := gathered(t, s); !strings.Contains(got, `farebox_degraded_total{reason="malformed_request"} 1`) {
		t.Errorf("not counted:\n%s", got)
	}
}

func gathered(t *testing.T, s *stand) string {
	t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			b.WriteString(f.GetName())
			for _, l := range m.GetLabel() {
				b.WriteString("{" + l.GetName() + `="` + l.GetValue() + `"}`)
			}
			b.WriteString(" " + strconv.FormatFloat(m.GetCounter().GetValue(), 'f', -1, 64) + "\n")
		}
	}
	return b.String()
}

func TestAProviderThatRefusesTheOptionIsNotAskedAgain(t *testing.T) {
	s := newStand(t, nil)
	for try, want := range []bool{true, false} {
		e := s.begin(t)
		_, r := e.chat(streamed)
		if asked := r.GetRequestBody().GetResponse().GetBodyMutation() != nil; asked != want {
			t.Fatalf("try %d: asked = %v, want %v", try, asked, want)
		}
		e.send(responseHeaders(false, ":status", "400", "content-type", "application/json"))
		body := `{"error":{"message":"Unrecognized request argument supplied: stream_options"}}`
		if got := passed(e.send(responseBody(body, true)), body); got != body {
			t.Errorf("the caller got %q", got)
		}
	}
}

func TestARefusalIsAnsweredInTheCallersDialect(t *testing.T) {
	s := newStand(t, nil)
	s.cashier.refuse = &policy.Refusal{Code: "missing_metadata", Status: 400, Message: "who pays?"}
	_, r := s.begin(t).chat(streamed)
	refusal(t, r, 400, "missing_metadata")
}

// TestWhatLastsHasAStatusThatIsNotRetried where clients look at nothing else; the
// decision stays what it was.
func TestWhatLastsHasAStatusThatIsNotRetried(t *testing.T) {
	for _, c := range []struct {
		code  string
		retry time.Duration
		want  int
	}{
		{"budget_exhausted", 0, 403}, {"off_peak_only", 2 * time.Minute, 403}, {"off_peak_only", 30 * time.Second, 429},
		{"budget_exhausted", time.Second, 429}, {"rate_limited", 2 * time.Minute, 429},
	} {
		s := newStand(t, func(o *extproc.Options) { o.Dialects = []tokenizer.Dialect{cohere.New()} })
		s.cashier.refuse = &policy.Refusal{Code: c.code, Status: 429, Retry: c.retry, Message: "no"}
		e := s.begin(t)
		e.send(requestHeaders(false, ":method", "POST", ":path", "/v2/chat", ":authority", "api.cohere.com"))
		r := e.send(requestBody(`{"model":"m"}`)).GetImmediateResponse()
		var said struct{ Code string }
		if err := json.Unmarshal(r.GetBody(), &said); err != nil || said.Code != c.code || int(r.GetStatus().GetCode()) != c.want {
			t.Errorf("%s in %v: %d %s (%v), want %d", c.code, c.retry, r.GetStatus().GetCode(), r.GetBody(), err, c.want)
		}
	}
}

func TestMetricNames(t *testing.T) {
	s := newStand(t, nil)
	problems, err := testutil.GatherAndLint(s.reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestARefusalToBeAskedIsForgottenAfterAWhile(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := newStand(t, func(o *extproc.Options) { o.Now = func() time.Time { return now } })
	asked := func() bool {
		e := s.begin(t)
		_, r := e.chat(streamed)
		e.send(responseHeaders(false, ":status", "400", "content-type", "application/json"))
		e.send(responseBody(`{"error":{"message":"unknown stream_options"}}`, true))
		return r.GetRequestBody().GetResponse().GetBodyMutation() != nil
	}
	first, second := asked(), asked()
	now = now.Add(11 * time.Minute)
	if third := asked(); !first || second || !third {
		t.Errorf("asked = %v, %v, and after a while %v; want true, false, true", first, second, third)
	}
}
