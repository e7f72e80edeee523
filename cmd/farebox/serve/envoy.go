package serve

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/extproc/wire"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// envoySide is the gRPC server that Envoy calls.
type envoySide struct {
	grpc      *grpc.Server
	health    *health.Server
	processor *extproc.Server
	failed    chan error
	log       *slog.Logger
}

const (
	// pingEvery is half of connection_keepalive.interval in the shipped Envoy
	// configuration: grpc-go cuts connections that ping more often than MinTime,
	// and with them every stream.
	pingEvery = 2500 * time.Millisecond
	// slack is what a message holds besides a body: headers, attributes, framing.
	slack = 1 << 20
)

func listenExtProc(c *config.Config, p *extproc.Server, log *slog.Logger) (*envoySide, error) {
	l, err := listen(string(c.Listen.ExtProc.Address))
	if err != nil {
		return nil, fmt.Errorf("listen.extproc: %w", err)
	}
	e := &envoySide{
		grpc: grpc.NewServer(
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery, PermitWithoutStream: true}),
			grpc.MaxRecvMsgSize(int(c.Metering.MaxRequestBody)+int(c.Metering.BufferJSON)+slack),
			grpc.MaxConcurrentStreams(uint32(2*c.Limits.Streams)), // room for the refusals beyond limits.streams
			grpc.NumStreamWorkers(uint32(4*runtime.GOMAXPROCS(0))),
			grpc.SharedWriteBuffer(true),
		),
		health: health.NewServer(), processor: p, failed: make(chan error, 1), log: log,
	}
	wire.Register(e.grpc, p.Process)
	healthpb.RegisterHealthServer(e.grpc, e.health)
	go func() {
		if err := e.grpc.Serve(l); err != nil {
			e.failed <- fmt.Errorf("ext_proc server: %w", err)
		}
	}()
	return e, nil
}

// drain stops in order: NOT_SERVING, so that Envoy sends new calls elsewhere;
// wait; no new streams, and those under way may end; what still runs after
// timeout is settled and let go, so that Envoy passes on the rest by itself.
func (e *envoySide) drain(ctx context.Context, wait, timeout time.Duration) {
	e.health.Shutdown()
	e.log.InfoContext(ctx, "draining", "open", e.processor.Open(), "wait", wait, "timeout", timeout)
	sleep(ctx, wait)
	finished := make(chan struct{})
	go func() {
		e.grpc.GracefulStop()
		close(finished)
	}()
	select {
	case <-finished:
		return
	case <-time.After(timeout):
	}
	e.log.WarnContext(ctx, "calls are still open: settling them as partial", "open", e.processor.Open())
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	if err := e.processor.Close(ctx); err != nil {
		e.log.ErrorContext(ctx, "calls did not end", "open", e.processor.Open(), "err", err)
	}
	e.grpc.Stop()
	<-finished
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
