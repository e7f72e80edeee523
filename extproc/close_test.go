package extproc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/tokenizer"
)

func TestCloseSettlesASilentStreamAndLetsItGo(t *testing.T) {
	s := newStand(t, func(o *extproc.Options) { o.Rules.InjectUsage = false })
	e := s.begin(t)
	e.chat(streamed)
	e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
	e.send(responseBody(sse[:20], false))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.server.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if !e.closed() {
		t.Error("the gRPC stream was not closed cleanly")
	}
	if o := s.cashier.settled(t); o.End != tokenizer.Cut {
		t.Errorf("end = %v, want cut", o.End)
	}
	if s.server.Open() != 0 {
		t.Errorf("%d streams are still open", s.server.Open())
	}
}

// TestCloseWaitsForTheEndOfAnEvent where usage is hidden: its first half would
// otherwise be lost.
func TestCloseWaitsForTheEndOfAnEvent(t *testing.T) {
	whole := strings.Index(sse, "\n\n") + 2
	for _, amid := range []int{0, 20} {
		s := newStand(t, nil)
		e := s.begin(t)
		e.chat(streamed)
		e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
		got := passed(e.send(responseBody(sse[:whole+amid], false)), sse[:whole+amid])
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		closed := make(chan error, 1)
		go func() { closed <- s.server.Close(ctx) }()
		if amid > 0 {
			got += passed(e.send(responseBody(sse[whole+amid:], false)), sse[whole+amid:])
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if !e.closed() {
			t.Error("the gRPC stream was not closed cleanly")
		}
		want := direct
		if amid == 0 {
			want = direct[:strings.Index(direct, "\n\n")+2]
		}
		if got != want {
			t.Errorf("closed %d bytes into an event: %q, want %q", amid, got, want)
		}
	}
}

// TestNothingIsServedAfterClose, nor taken for a call that may pass.
func TestNothingIsServedAfterClose(t *testing.T) {
	s := newStand(t, nil)
	if err := s.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.begin(t).stream.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v, want an error", err)
	}
	if s.server.Open() != 0 {
		t.Errorf("%d streams are open", s.server.Open())
	}
}

func TestTheProvidersAccountIsRemembered(t *testing.T) {
	s := newStand(t, nil)
	e := s.begin(t)
	e.chat(`{"model":"gpt-4o","messages":[]}`)
	e.send(responseHeaders(false, ":status", "200", "content-type", "application/json", "openai-organization", "acme", "openai-project", "proj_1", "x-ms-region", "East US"))
	e.send(responseBody(`{"id":"x","usage":{"prompt_tokens":1,"completion_tokens":2,"cost":0.00014}}`, true))
	o := s.cashier.settled(t)
	if o.AccountTold != "organization=acme project=proj_1 region=East US" || o.Region != "East US" || o.Reading.Cost != "0.00014" {
		t.Errorf("account %q, region %q, cost %q", o.AccountTold, o.Region, o.Reading.Cost)
	}
}
