package harness

import (
	"maps"
	"net"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// processor says "go on" to everything and remembers what the shipped
// configuration made Envoy send.
type processor struct {
	addr   string
	health *health.Server

	// Of event streams: how their pieces come, and what may answer one in the place of
	// "go on". nil: nothing does.
	mode filterv3.ProcessingMode_BodySendMode
	amid func(s extprocv3.ExternalProcessor_ProcessServer, piece []byte, last bool) (answered bool, err error)

	mu    sync.Mutex
	seen  []string // kinds of messages
	attrs map[string]string
	body  int // bytes of the last request body
}

func startProcessor(t *testing.T) *processor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &processor{addr: l.Addr().String(), health: health.NewServer(), mode: filterv3.ProcessingMode_STREAMED, attrs: map[string]string{}}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	extprocv3.RegisterExternalProcessorServer(s, p)
	healthv1.RegisterHealthServer(s, p.health)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return p
}

// Process answers one call's messages. A head that asks for an upgrade is let
// through without its body, a head of an event stream asks for chunks.
func (p *processor) Process(s extprocv3.ExternalProcessor_ProcessServer) error {
	for {
		m, err := s.Recv()
		if err != nil {
			return nil
		}
		if b := m.GetResponseBody(); b != nil && p.amid != nil {
			answered, err := p.amid(s, b.Body, b.EndOfStream)
			switch {
			case err != nil:
				return err
			case answered:
				continue
			}
		}
		if err := s.Send(p.answer(m)); err != nil {
			return nil
		}
	}
}

func (p *processor) answer(m *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, v := range m.GetAttributes()["envoy.filters.http.ext_proc"].GetFields() {
		p.attrs[name] = v.String()
	}
	out := &extprocv3.ProcessingResponse{}
	switch r := m.Request.(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		p.seen = append(p.seen, "request headers")
		out.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}
		if header(r.RequestHeaders.Headers, "upgrade") != "" {
			out.ModeOverride = &filterv3.ProcessingMode{ResponseHeaderMode: filterv3.ProcessingMode_SKIP}
		}
	case *extprocv3.ProcessingRequest_RequestBody:
		p.seen, p.body = append(p.seen, "request body"), len(r.RequestBody.Body)
		out.Response = &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{}}
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		p.seen = append(p.seen, "response headers")
		out.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}
		if header(r.ResponseHeaders.Headers, "content-type") == "text/event-stream; charset=utf-8" {
			out.ModeOverride = &filterv3.ProcessingMode{ResponseBodyMode: p.mode, ResponseTrailerMode: filterv3.ProcessingMode_SEND}
		}
	case *extprocv3.ProcessingRequest_ResponseBody:
		p.seen = append(p.seen, "response body")
		out.Response = &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{}}
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		p.seen = append(p.seen, "response trailers")
		out.Response = &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}
	}
	return out
}

func header(h *corev3.HeaderMap, name string) string {
	for _, v := range h.GetHeaders() {
		if v.Key == name {
			return string(v.RawValue)
		}
	}
	return ""
}

// take returns what was seen since the last time, and forgets it.
func (p *processor) take() (seen []string, attrs map[string]string, body int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, attrs, body = p.seen, maps.Clone(p.attrs), p.body
	p.seen, p.body = nil, 0
	clear(p.attrs)
	return seen, attrs, body
}
