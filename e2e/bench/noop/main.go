// Command noop is the yardstick of the benchmarks: the external processor that
// does nothing, as anybody would write it first.
//
// In come Envoy's ext_proc messages as grpc-go and the generated types decode
// them; out goes the answer "go on" to each. It refuses to know what is in them:
// it has no codec of its own, no tuned server, no state, no metrics.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	extproc "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9002", "address to serve ext_proc on")
	flag.Parse()
	if err := serve(*listen); err != nil {
		log.Fatalln("noop:", err)
	}
}

func serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := newServer().Serve(l); err != nil {
		return fmt.Errorf("serve ext_proc: %w", err)
	}
	return nil
}

// newServer returns grpc-go as it comes, but for the pings: with the default
// enforcement Envoy's connection_keepalive costs the connection.
func newServer() *grpc.Server {
	s := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
		MinTime: 500 * time.Millisecond, PermitWithoutStream: true,
	}))
	extproc.RegisterExternalProcessorServer(s, processor{})
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	return s
}

type processor struct {
	extproc.UnimplementedExternalProcessorServer
}

// Process answers every message of one exchange and ends with it.
func (processor) Process(s extproc.ExternalProcessor_ProcessServer) error {
	for {
		in, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(goOn(in)); err != nil {
			return err
		}
	}
}

// goOn is the answer of its kind to a message. It is empty for a kind that this
// build does not know.
func goOn(in *extproc.ProcessingRequest) *extproc.ProcessingResponse {
	out := &extproc.ProcessingResponse{}
	switch in.GetRequest().(type) {
	case *extproc.ProcessingRequest_RequestHeaders:
		out.Response = &extproc.ProcessingResponse_RequestHeaders{RequestHeaders: &extproc.HeadersResponse{}}
	case *extproc.ProcessingRequest_RequestBody:
		out.Response = &extproc.ProcessingResponse_RequestBody{RequestBody: &extproc.BodyResponse{}}
	case *extproc.ProcessingRequest_RequestTrailers:
		out.Response = &extproc.ProcessingResponse_RequestTrailers{RequestTrailers: &extproc.TrailersResponse{}}
	case *extproc.ProcessingRequest_ResponseHeaders:
		out.Response = &extproc.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extproc.HeadersResponse{}}
	case *extproc.ProcessingRequest_ResponseBody:
		out.Response = &extproc.ProcessingResponse_ResponseBody{ResponseBody: &extproc.BodyResponse{}}
	case *extproc.ProcessingRequest_ResponseTrailers:
		out.Response = &extproc.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extproc.TrailersResponse{}}
	}
	return out
}
