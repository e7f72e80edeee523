package main

import (
	"context"
	"net"
	"testing"

	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// Envoy takes an answer only of the kind of its message, with nothing in it that
// would change the exchange.
func TestEveryMessageGoesOn(t *testing.T) {
	l := bufconn.Listen(1 << 16)
	s := newServer()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }
	conn, err := grpc.NewClient("passthrough:noop", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := extproc.NewExternalProcessorClient(conn).Process(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		in   *extproc.ProcessingRequest
		is   func(*extproc.ProcessingResponse) bool
	}{
		{"request headers", &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_RequestHeaders{RequestHeaders: &extproc.HttpHeaders{}}},
			func(r *extproc.ProcessingResponse) bool {
				return r.GetRequestHeaders() != nil && r.GetRequestHeaders().GetResponse() == nil
			}},
		{"request body", &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_RequestBody{RequestBody: &extproc.HttpBody{Body: []byte("{}"), EndOfStream: true}}},
			func(r *extproc.ProcessingResponse) bool {
				return r.GetRequestBody() != nil && r.GetRequestBody().GetResponse() == nil
			}},
		{"request trailers", &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_RequestTrailers{RequestTrailers: &extproc.HttpTrailers{}}},
			func(r *extproc.ProcessingResponse) bool {
				return r.GetRequestTrailers() != nil && r.GetRequestTrailers().GetHeaderMutation() == nil
			}},
		{"response headers", &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extproc.HttpHeaders{}}},
			func(r *extproc.ProcessingResponse) bool {
				return r.GetResponseHeaders() != nil && r.GetResponseHeaders().GetResponse() == nil
			}},
		{"response body", &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_ResponseBody{ResponseBody: &extproc.HttpBody{Body: []byte("data: {}\n\n")}}},
			func(r *extproc.ProcessingResponse) bool {
				return r.GetResponseBody() != nil && r.GetResponseBody().GetResponse() == nil
			}},
		{"response trailers", &extproc.ProcessingRequest{Request: &extproc.ProcessingRequest_ResponseTrailers{ResponseTrailers: &extproc.HttpTrailers{}}},
			func(r *extproc.ProcessingResponse) bool {
				return r.GetResponseTrailers() != nil && r.GetResponseTrailers().GetHeaderMutation() == nil
			}},
	} {
		if err := stream.Send(c.in); err != nil {
			t.Fatalf("%s: Send = %v", c.name, err)
		}
		out, err := stream.Recv()
		if err != nil {
			t.Fatalf("%s: Recv = %v", c.name, err)
		}
		if !c.is(out) || out.GetModeOverride() != nil {
			t.Errorf("%s: answer = %v, want the empty answer of its kind", c.name, out)
		}
	}
}
