package harness

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// farewell is what a processor says last in an answer that it stops.
const farewell = "data: {\"error\":{}}\n\n"

// way is one in which a processor may end an answer from its side.
type way struct {
	name     string
	open     bool // failure_mode_allow
	duplex   bool
	end      func(s extprocv3.ExternalProcessor_ProcessServer, piece []byte) error // err ends the gRPC stream
	goesOn   bool                                                                  // neither provider nor caller notice
	farewell bool                                                                  // the caller reads it
	clean    bool                                                                  // the caller sees an end, not a cut
}

func reply(piece []byte) *extprocv3.ProcessingResponse {
	return bodyReply(&extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_Body{Body: piece}})
}

func duplexReply(piece []byte, end bool) *extprocv3.ProcessingResponse {
	return bodyReply(&extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_StreamedResponse{
		StreamedResponse: &extprocv3.StreamedBodyResponse{Body: piece, EndOfStream: end},
	}})
}

func bodyReply(m *extprocv3.BodyMutation) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{
		ResponseBody: &extprocv3.BodyResponse{Response: &extprocv3.CommonResponse{BodyMutation: m}},
	}}
}

func immediate() *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode_TooManyRequests}, Body: []byte(farewell)},
	}}
}

func ways() []way {
	type server = extprocv3.ExternalProcessor_ProcessServer
	now := func(s server, _ []byte) error { return s.Send(immediate()) }
	fail := func(server, []byte) error { return status.Error(codes.Aborted, "stop") }
	sayThenStop := func(s server, piece []byte) error {
		if err := s.Send(reply(append(piece, farewell...))); err != nil {
			return err
		}
		return s.Send(immediate())
	}
	end := func(s server, piece []byte) error { return s.Send(duplexReply(append(piece, farewell...), true)) }
	return []way{
		{name: "an immediate response", end: now},
		{name: "an immediate response, failing open", open: true, end: now},
		{name: "a last piece and an immediate response", end: sayThenStop, farewell: true},
		{name: "a last piece and an immediate response, failing open", open: true, end: sayThenStop, farewell: true},
		{name: "an error of the processor", end: fail},
		{name: "an error of the processor, failing open", open: true, end: fail, goesOn: true},
		{name: "duplex, an immediate response", duplex: true, end: now},
		{name: "duplex, an error of the processor, failing open", duplex: true, open: true, end: fail},
		{name: "duplex, the end of the stream", duplex: true, end: end, farewell: true, clean: true},
	}
}

// TestAnAnswerThatTheProcessorStopsCancelsItsProvider holds what docs/budgets.md
// says of ending a stream midway: whichever way ends the caller's stream ends the
// provider's.
func TestAnAnswerThatTheProcessorStopsCancelsItsProvider(t *testing.T) {
	for _, w := range ways() {
		for _, h2 := range []bool{false, true} {
			s, p := through(t, provider.Scenario{Chunks: 200, Pace: 10 * time.Millisecond}, envoy.Options{FailOpen: w.open, UpstreamHTTP2: h2})
			p.stopAt(10, w)
			body, err := streamed(t, s.URL, h2)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			calls, gone := s.Provider.Await(ctx, func(c []provider.Call) bool { return c[0].Done || c[0].Gone })
			cancel()
			if gone != nil {
				t.Fatalf("%s, HTTP/2 %v: the provider never ends", w.name, h2)
			}
			c := calls[0]
			if c.Gone == w.goesOn || bytes.HasSuffix(body, []byte("[DONE]\n\n")) != w.goesOn {
				t.Errorf("%s, HTTP/2 %v: the provider was cancelled %v", w.name, h2, c.Gone)
			}
			if said := bytes.HasSuffix(body, []byte("\n\n"+farewell)); said != w.farewell || (err == nil) != (w.goesOn || w.clean) {
				t.Errorf("%s, HTTP/2 %v: the caller saw %v, and last %q", w.name, h2, err, body[max(0, len(body)-60):])
			}
		}
	}
}

// streamed reads an answer as far as it comes.
func streamed(t *testing.T, url string, h2 bool) (body []byte, err error) {
	t.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(!h2)
	protocols.SetUnencryptedHTTP2(h2)
	tr := &http.Transport{Protocols: &protocols}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// stopAt has the next answer ended at its nth piece.
func (p *processor) stopAt(n int, w way) {
	if w.duplex {
		p.mode = filterv3.ProcessingMode_FULL_DUPLEX_STREAMED
	}
	p.amid = func(s extprocv3.ExternalProcessor_ProcessServer, piece []byte, last bool) (answered bool, err error) {
		switch n--; {
		case n == 0:
			return true, w.end(s, piece)
		case w.duplex && n > 0:
			return true, s.Send(duplexReply(piece, last))
		}
		return w.duplex, nil
	}
}
