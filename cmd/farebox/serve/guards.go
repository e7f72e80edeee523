package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/prometheus/client_golang/prometheus"
)

// guards are the certificates and tokens of the listeners.
type guards struct {
	extproc *certs // nil: no TLS
	admin   *certs // nil: no TLS
	keys    *keys  // of the admin listener

	log       *slog.Logger
	refusals  map[string]*refusals // by listener
	forbidden *prometheus.CounterVec
}

// lookFor is how long a new certificate or token waits to be seen.
const lookFor = time.Second

func newGuards(c *config.Config, reg prometheus.Registerer, log *slog.Logger) (*guards, error) {
	m, err := newTLSMetrics(reg)
	if err != nil {
		return nil, err
	}
	g := &guards{log: log, forbidden: m.forbidden, refusals: map[string]*refusals{}}
	for _, l := range []string{"extproc", "admin"} {
		g.refusals[l] = newRefusals(l, m, log)
	}
	var envoy *config.TLS
	if t := c.Listen.ExtProc.TLS; t != nil {
		envoy = &config.TLS{Cert: t.Cert, Key: t.Key, ClientCA: t.ClientCA}
	}
	if g.extproc, err = newCerts("extproc", envoy, m, log); err != nil {
		return nil, fmt.Errorf("listen.extproc.tls: %w", err)
	}
	if g.admin, err = newCerts("admin", c.Listen.Admin.TLS, m, log); err != nil {
		return nil, fmt.Errorf("listen.admin.tls: %w", err)
	}
	if g.keys, err = newKeys(&c.Listen.Admin, log); err != nil {
		return nil, fmt.Errorf("listen.admin.tokens: %w", err)
	}
	return g, nil
}

// watch looks at the files until the function that it returns is called.
func (g *guards) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(lookFor)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.look()
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (g *guards) look() {
	if g.extproc != nil {
		g.extproc.look()
	}
	if g.admin != nil {
		g.admin.look()
	}
	g.keys.look()
}

// listenExtProc listens for Envoys.
func (g *guards) listenExtProc(e *config.ExtProc) (net.Listener, error) {
	l, err := listen(string(e.Address))
	if err != nil {
		return nil, fmt.Errorf("listen.extproc: %w", err)
	}
	if g.extproc == nil {
		return l, nil
	}
	return tls.NewListener(l, g.extproc.server(allowOnly(e.TLS.Allow), g.refusals["extproc"].note, "h2")), nil
}

// counted counts the answers that refuse who asks.
func (g *guards) counted(next http.Handler) http.Handler {
	unauthenticated, forbidden := g.forbidden.WithLabelValues("unauthenticated"), g.forbidden.WithLabelValues("forbidden")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&statusWriter{w, func(status int) {
			switch status {
			case http.StatusUnauthorized:
				unauthenticated.Inc()
			case http.StatusForbidden:
				forbidden.Inc()
			}
		}}, r)
	})
}

// statusWriter tells the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	tell func(status int)
}

// Unwrap lets deadlines be set on the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	s.tell(status)
	s.ResponseWriter.WriteHeader(status)
}

// refusals counts the clients that a listener refuses, and logs one a second.
type refusals struct {
	log     *slog.Logger
	by      map[error]prometheus.Counter
	mu      sync.Mutex
	last    time.Time
	skipped int // since the last was logged
}

func newRefusals(listener string, m *tlsMetrics, log *slog.Logger) *refusals {
	r := &refusals{log: log.With("listener", listener), by: map[error]prometheus.Counter{}}
	for err, reason := range map[error]string{errNoCertificate: "no_certificate", errUntrusted: "untrusted", errNotAllowed: "not_allowed"} {
		r.by[err] = m.refused.WithLabelValues(listener, reason)
	}
	return r
}

func (r *refusals) note(err error) {
	for reason, counter := range r.by {
		if errors.Is(err, reason) {
			counter.Inc()
		}
	}
	if skipped, due := r.due(time.Now()); due {
		r.log.Warn("client refused", "err", err, "not_logged", skipped)
	}
}

// due reports whether a second has passed since the last log line, and how many
// refusals went by without one.
func (r *refusals) due(now time.Time) (skipped int, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.last) < time.Second {
		r.skipped++
		return 0, false
	}
	skipped, r.skipped, r.last = r.skipped, 0, now
	return skipped, true
}

// tlsMetrics are the metrics of both listeners.
type tlsMetrics struct {
	refused   *prometheus.CounterVec
	reloads   *prometheus.CounterVec
	expires   *prometheus.GaugeVec
	forbidden *prometheus.CounterVec
}

func newTLSMetrics(reg prometheus.Registerer) (*tlsMetrics, error) {
	m := &tlsMetrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_tls_clients_refused_total", Help: "Connections refused for the client's certificate: no_certificate, untrusted or not_allowed.",
		}, []string{"listener", "reason"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_tls_reloads_total", Help: "Changed certificate files by result: taken, or failed, when the ones before serve on.",
		}, []string{"listener", "result"}),
		expires: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "farebox_tls_certificate_expiry_timestamp_seconds", Help: "When the listener's own certificate ends.",
		}, []string{"listener"}),
		forbidden: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "farebox_admin_refused_total", Help: "Questions to the admin server refused for who asked: unauthenticated (401) or forbidden (403).",
		}, []string{"reason"}),
	}
	for _, c := range []prometheus.Collector{m.refused, m.reloads, m.expires, m.forbidden} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of listeners: %w", err)
		}
	}
	return m, nil
}
