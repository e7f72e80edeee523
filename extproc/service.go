package extproc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"

	"github.com/farebox/farebox/extproc/wire"
	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
)

// Service is a Server behind gRPC, with the health service that Envoy asks.
type Service struct {
	grpc   *grpc.Server
	health *health.Server
	server *Server
	failed chan error
	log    *slog.Logger
}

const (
	// pingEvery is half of connection_keepalive.interval in the shipped Envoy
	// configuration: grpc-go cuts connections that ping more often than MinTime,
	// and with them every stream.
	pingEvery = 2500 * time.Millisecond
	// slack is what a message holds besides a body: headers, attributes, framing.
	slack = 1 << 20
	// closeWithin bounds the end of streams that outlived their drain.
	closeWithin = 10 * time.Second
)

// bufferSizes are what grpc receives messages into. Its own go from 32 KiB to
// 1 MiB in one step, and each buffer is cleared before use.
var bufferSizes = []int{256, 1 << 10, 4 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 4 << 20}

// Serve serves s on l until Drain.
// The largest message and the number of streams follow the rules of now.
func (s *Server) Serve(l net.Listener) *Service {
	r := s.rules.Load()
	v := &Service{
		grpc: grpc.NewServer(
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery, PermitWithoutStream: true}),
			grpc.MaxRecvMsgSize(int(max(r.MaxRequestBody, r.BufferJSON))+slack),
			grpc.MaxConcurrentStreams(uint32(min(2*r.MaxStreams, 1<<31))), // room to refuse what is beyond MaxStreams
			experimental.BufferPool(mem.NewTieredBufferPool(bufferSizes...)),
			grpc.NumStreamWorkers(uint32(4*runtime.GOMAXPROCS(0))),
			wire.Codec(),
		),
		health: health.NewServer(), server: s, failed: make(chan error, 1), log: s.o.Logger,
	}
	wire.Register(v.grpc, s.Process)
	healthpb.RegisterHealthServer(v.grpc, v.health)
	go func() {
		if err := v.grpc.Serve(l); err != nil {
			v.failed <- fmt.Errorf("serve ext_proc: %w", err)
		}
	}()
	return v
}

// Failed gives the error that ended serving, if one does.
func (v *Service) Failed() <-chan error { return v.failed }

// Drain stops in order: NOT_SERVING, so that Envoy sends new calls elsewhere;
// wait; no new streams, and those under way may end; what still runs after
// timeout is settled as cut and let go, so that Envoy passes on the rest by
// itself.
func (v *Service) Drain(ctx context.Context, wait, timeout time.Duration) {
	v.health.Shutdown()
	v.log.InfoContext(ctx, "draining", "open", v.server.Open(), "wait", wait, "timeout", timeout)
	pause(ctx, wait)
	finished := make(chan struct{})
	go func() {
		v.grpc.GracefulStop()
		close(finished)
	}()
	select {
	case <-finished:
		return
	case <-time.After(timeout):
	}
	v.log.WarnContext(ctx, "calls are still open: settling what was seen of them", "open", v.server.Open())
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	if err := v.server.Close(ctx); err != nil {
		v.log.ErrorContext(ctx, "calls did not end", "open", v.server.Open(), "err", err)
	}
	select {
	case <-finished: // Envoy has every last reply, and the clean end behind it
	case <-ctx.Done():
	}
	v.grpc.Stop()
	<-finished
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
