package extproc_test

import (
	"context"
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cohere"
	"github.com/farebox/farebox/tokenizer/ollama"
)

// miser is a cashier that has every answer stopped that may be, as soon as it has
// text.
type miser struct {
	*cashier
	asked []bool // mayStop, each time
}

func (m *miser) Extend(_ context.Context, t *policy.Ticket, mayStop bool) *policy.Refusal {
	m.asked = append(m.asked, mayStop)
	if t.Hold.Reach = 0; !mayStop {
		return nil
	}
	return &policy.Refusal{Code: "budget_exhausted", Status: 429, Message: "no more", Rule: "budget month"}
}

// withMiser makes the decider of a stand one.
func withMiser(t testing.TB, dialects ...tokenizer.Dialect) (*stand, *miser) {
	t.Helper()
	m := &miser{}
	s := newStand(t, func(o *extproc.Options) {
		m.cashier = o.Decider.(*cashier)
		m.change.Hold.Reach = 1
		o.Decider = m
		if len(dialects) > 0 {
			o.Dialects = dialects
		}
	})
	return s, m
}

// watched feeds an answer in pieces until it is stopped, and returns what the caller
// got of it; cut says that the rest is cut off.
func (e *exchange) watched(pieces ...string) (got string, cut bool) {
	e.t.Helper()
	for _, piece := range pieces {
		r := e.send(responseBody(piece, false))
		got += passed(r, piece)
		if m := r.GetResponseBody().GetResponse().GetBodyMutation(); m == nil || !strings.HasSuffix(got, lastWord) && !e.mute {
			continue
		}
		next, err := e.stream.Recv()
		if err != nil {
			e.t.Fatal(err)
		}
		return got, next.GetImmediateResponse().GetStatus().GetCode() == 429
	}
	return got, false
}

const lastWord = `data: {"error":{"message":"no more","type":"insufficient_quota","param":null,"code":"budget_exhausted"}}` + "\n\n"

// TestAStoppedAnswerEndsWithAWholeEvent wherever Envoy cuts it: what the caller got is
// whole events, and behind them the reason.
func TestAStoppedAnswerEndsWithAWholeEvent(t *testing.T) {
	const first, second = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n", "data: {\"choices\":[{\"delta\":{\"content\":\"ahoy!\"}}]}\n\n"
	const stream = first + second + second + second
	for cut := 1; cut < len(first)+len(second)+5; cut++ {
		s, _ := withMiser(t)
		e := s.begin(t)
		e.chat(streamed)
		e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
		got, stopped := e.watched(stream[:cut], stream[cut:len(stream)-len(second)-3], stream[len(stream)-len(second)-3:])
		before, said := strings.CutSuffix(got, lastWord)
		if !stopped || !said || !strings.HasPrefix(stream, before) || len(before)%len(first) != 0 || before == "" {
			t.Fatalf("cut at %d: cut off %v, the caller got %q", cut, stopped, got)
		}
		// What Envoy should not send is answered all the same.
		if r := e.send(responseBody(second, false)); r.GetImmediateResponse() == nil {
			t.Fatalf("cut at %d: it goes on with %v", cut, r)
		}
		e.hangUp()
		if o := s.cashier.settled(t); o.End != tokenizer.Cut || o.Reason != "stopped: budget month had too little left" || o.Reading.TextBytes == 0 {
			t.Fatalf("cut at %d: settled as %v, %q", cut, o.End, o.Reason)
		}
	}
}

func TestWhatACallerIsToldLastFitsItsStream(t *testing.T) {
	const lines = `{"model":"m","message":{"role":"assistant","content":"Hello"},"done":false}` + "\n"
	const events = "data: {\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"Hello\"}}}}\n\n"
	for _, c := range []struct {
		name, path, kind string
		dialect          tokenizer.Dialect
		piece, want      string
	}{
		{"lines of JSON", "/api/chat", "application/x-ndjson", ollama.New(), lines + lines[:20], lines + `{"code":"budget_exhausted","error":"no more"}` + "\n"},
		{"a stream that knows no errors", "/v2/chat", "text/event-stream", cohere.New(), events + events[:20], events + events[:20]},
	} {
		s, _ := withMiser(t, c.dialect)
		e := s.begin(t)
		e.mute = true
		e.send(requestHeaders(false, ":method", "POST", ":path", c.path, ":authority", "a", "content-length", "2"))
		e.send(requestBody(`{"model":"m","stream":true}`))
		e.send(responseHeaders(false, ":status", "200", "content-type", c.kind))
		if got, cut := e.watched(c.piece); got != c.want || !cut {
			t.Errorf("%s: cut off %v, the caller got %q", c.name, cut, got)
		}
	}
}

// TestAnEventWithoutEndIsCut: nobody waits for its end for ever.
func TestAnEventWithoutEndIsCut(t *testing.T) {
	s, _ := withMiser(t)
	e := s.begin(t)
	e.chat(strings.Replace(streamed, `"stream"`, `"stream_options":{"include_usage":true},"stream"`, 1))
	e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
	const begin = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n"
	e.send(responseBody(begin, false))
	passedOn := 0
	for range 100 {
		r := e.send(responseBody("data: "+strings.Repeat("x", 1<<10), false))
		if r.GetResponseBody().GetResponse().GetBodyMutation() != nil {
			if next, err := e.stream.Recv(); err != nil || next.GetImmediateResponse() == nil {
				t.Errorf("it is not cut off: %v, %v", next, err)
			}
			return
		}
		passedOn++
	}
	t.Errorf("%d KiB passed", passedOn)
}

func TestWhatCannotBeStoppedIsLetToItsEnd(t *testing.T) {
	const answer = `{"choices":[{"message":{"content":"Hello"}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}`
	s, m := withMiser(t)
	e := s.begin(t)
	e.chat(streamed)
	e.send(responseHeaders(false, ":status", "200", "content-type", "application/json"))
	e.send(responseBody(answer[:60], false))
	if r := e.send(responseBody(answer[60:], true)); r.GetResponseBody() == nil {
		t.Errorf("the end of the answer is answered with %v", r)
	}
	if o := s.cashier.settled(t); o.End != tokenizer.Complete || len(m.asked) != 0 && m.asked[0] {
		t.Errorf("settled as %v, asked %v", o.End, m.asked)
	}

	// The provider ends while the end of an event is waited for.
	s, _ = withMiser(t)
	e = s.begin(t)
	e.chat(strings.Replace(streamed, `"stream"`, `"stream_options":{"include_usage":true},"stream"`, 1))
	e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
	for _, last := range []*extprocv3.ProcessingRequest{responseBody("data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n", false), responseBody("", true)} {
		if r := e.send(last); r.GetResponseBody().GetResponse().GetBodyMutation() != nil {
			t.Errorf("it is changed: %v", r)
		}
	}
	if o := s.cashier.settled(t); o.End == tokenizer.Failed {
		t.Errorf("settled as %v", o.End)
	}
}
