package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy/api"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// admin is the HTTP server for people and Prometheus.
type admin struct {
	http   *http.Server
	failed chan error
	ready  atomic.Bool
}

func listenAdmin(c *config.Config, p *callPath, reg *prometheus.Registry, g *guards) (*admin, error) {
	l, err := listen(string(c.Listen.Admin.Address))
	if err != nil {
		return nil, fmt.Errorf("listen.admin: %w", err)
	}
	if g.admin != nil {
		optional := func(*x509.Certificate) error { return nil } // a token will do
		l = tls.NewListener(l, g.admin.server(optional, g.refusals["admin"].note, "h2", "http/1.1"))
	}
	a := &admin{failed: make(chan error, 1)}
	metrics := promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	if c.Listen.Admin.Metrics == config.MetricsToken {
		metrics = g.keys.seesAll(metrics)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", g.counted(api.NewHandler(api.Options{Ledger: approving{p.decisions, p}, Rater: p.engine, Budgets: p.engine, Rearmed: p.alerts.desk.Forget, Identify: g.keys.identify, Logger: g.log})))
	mux.Handle("GET /metrics", g.counted(metrics))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !a.ready.Load() {
			say(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	a.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: log.New(serverLog{g.log}, "", 0)}
	go func() {
		if err := a.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("admin server: %w", err)
		}
	}()
	return a, nil
}

// serverLog takes what net/http has to say. Anyone who reaches the port can fail a
// handshake, as often as they like.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelWarn
	if strings.HasPrefix(text, "http: TLS handshake error") {
		level = slog.LevelDebug
	}
	s.log.Log(context.Background(), level, "admin server", "message", text)
	return len(line), nil
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("content-type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a caller that has gone is no concern
}

func (a *admin) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if a.http.Shutdown(ctx) != nil {
		_ = a.http.Close() // what still runs after five seconds is cut
	}
}

// listen opens a TCP address or a unix socket, whose stale file it removes.
func listen(address string) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, "unix://")
	if !unix {
		return net.Listen("tcp", address)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if other, err := net.Dial("unix", path); err == nil {
			_ = other.Close()
			return nil, fmt.Errorf("listen on %s: another process is listening there", address)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove stale socket: %w", err)
		}
	}
	return net.Listen("unix", path)
}
