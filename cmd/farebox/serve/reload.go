package serve

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/prometheus/client_golang/prometheus"
)

// reloader reads the configuration again on SIGHUP and when a file of it changes.
// It takes a new one whole or not at all: while the new one is wrong, the old one
// serves on.
//
// Changes are found by content, looked at every lookEvery: that also sees the
// symlink swaps by which Kubernetes updates a mounted ConfigMap, which watching a
// file does not.
type reloader struct {
	path    string
	call    *callPath
	log     *slog.Logger
	current atomic.Pointer[config.Config]
	first   *config.Config // what listens and stores follows it until a restart
	seen    [sha256.Size]byte

	hash    prometheus.Gauge
	success prometheus.Gauge
	at      prometheus.Gauge
}

const lookEvery = 2 * time.Second

func newReloader(from Source, p *callPath, reg prometheus.Registerer, log *slog.Logger) (*reloader, error) {
	r := &reloader{
		path: from.Path, call: p, log: log, first: from.Config,
		hash: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "farebox_config_hash", Help: "First 48 bits of the SHA-256 of the configuration in use: equal on replicas that use the same.",
		}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "farebox_config_last_reload_successful", Help: "1 when the last attempt to read the configuration was taken, else 0.",
		}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "farebox_config_last_reload_success_timestamp_seconds", Help: "When the configuration in use was taken.",
		}),
	}
	for _, c := range []prometheus.Collector{r.hash, r.success, r.at} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register reload metrics: %w", err)
		}
	}
	if r.path != "" {
		sum, err := sumOf(append([]string{r.path}, from.Config.Files()...))
		if err != nil {
			return nil, err
		}
		r.seen = sum
	}
	r.taken(from.Config)
	return r, nil
}

// now returns the configuration in use.
func (r *reloader) now() *config.Config { return r.current.Load() }

func (r *reloader) taken(c *config.Config) {
	r.current.Store(c)
	r.hash.Set(float64(binary.BigEndian.Uint64(r.seen[:8]) >> 16))
	r.success.Set(1)
	r.at.SetToCurrentTime()
}

// watcher is a running reloader.
type watcher struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (w *watcher) stop() {
	w.cancel()
	<-w.done
}

// start watches until stop.
func (r *reloader) start(ctx context.Context) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{cancel: cancel, done: make(chan struct{})}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		defer close(w.done)
		defer signal.Stop(hup)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
				r.look(ctx, true)
			case <-tick.C:
				r.look(ctx, false)
			}
		}
	}()
	return w
}

// look reloads when the files changed since they were last looked at, or when
// asked to.
func (r *reloader) look(ctx context.Context, asked bool) {
	if r.path == "" {
		if asked {
			r.log.WarnContext(ctx, "asked to read the configuration again, but there is no file: farebox was started without --config")
		}
		return
	}
	sum, err := sumOf(append([]string{r.path}, r.now().Files()...))
	if err == nil && sum == r.seen && !asked {
		return
	}
	before := r.seen
	r.seen = sum
	if err == nil {
		err = r.reload(ctx)
	}
	switch {
	case err == nil:
		r.log.InfoContext(ctx, "configuration reloaded", "file", r.path)
	case asked || sum != before:
		r.success.Set(0)
		r.log.ErrorContext(ctx, "configuration not reloaded: the one before serves on", "file", r.path, "err", err)
	}
}

// reload takes the files as they are now, or nothing of them.
func (r *reloader) reload(ctx context.Context) error {
	c, sum, err := loadStill(r.path)
	if err != nil {
		return err
	}
	if err := sound(c); err != nil {
		return err
	}
	if keys := needRestart(r.first, c); len(keys) > 0 {
		return fmt.Errorf("%s changed, which needs a restart", strings.Join(keys, ", "))
	}
	rules, err := r.call.rulesOf(ctx, c)
	if err != nil {
		return err
	}
	if err := r.call.fill(ctx, rules.engine.Budgets); err != nil {
		return err
	}
	told, err := alertRules(c)
	if err != nil {
		return err
	}
	if err := r.call.server.Configure(rules.extproc); err != nil {
		return err
	}
	if err := r.call.engine.Configure(rules.engine); err != nil {
		return err // which rulesOf has made impossible
	}
	r.call.terms = rules.engine.Terms
	r.call.over.SetIdle(c.Interactions.Idle.Std())
	if err := r.call.alerts.configure(c, told); err != nil {
		return err // which alertRules has made impossible
	}
	r.call.limitsChanged(ctx)
	r.seen = sum
	r.taken(c)
	return nil
}

// loadStill loads a configuration of whose files none changed meanwhile.
func loadStill(path string) (*config.Config, [sha256.Size]byte, error) {
	var before [sha256.Size]byte
	for range 5 {
		c, err := config.Load(path)
		if err != nil {
			return nil, before, err
		}
		sum, err := sumOf(append([]string{path}, c.Files()...))
		if err != nil || sum == before {
			return c, sum, err
		}
		before = sum
	}
	return nil, before, errors.New("the files change faster than they can be read")
}

// sound returns what Check finds that must not be served.
func sound(c *config.Config) error {
	var alarms []error
	for _, f := range config.Check(c) {
		if f.Severity == config.Alarm {
			alarms = append(alarms, fmt.Errorf("%s: %s; %s", f.Key, f.Message, f.Hint))
		}
	}
	return errors.Join(alarms...)
}

// needRestart names the keys that differ and are read only at the start.
func needRestart(was, is *config.Config) (keys []string) {
	for _, k := range []struct {
		key     string
		was, is any
	}{{"listen", was.Listen, is.Listen}, {"ledger", was.Ledger, is.Ledger}, {"state", stateOf(was), stateOf(is)}} {
		if !reflect.DeepEqual(k.was, k.is) {
			keys = append(keys, k.key)
		}
	}
	if is.Metering.MaxRequestBody > was.Metering.MaxRequestBody {
		keys = append(keys, "metering.max_request_body (to more than at the start)")
	}
	if is.Limits.Streams > was.Limits.Streams {
		keys = append(keys, "limits.streams (to more than at the start)")
	}
	return keys
}

// stateOf is what is read of state at the start.
func stateOf(c *config.Config) config.State {
	s := c.State
	s.OnError, s.Allowance = "", 0
	return s
}

// sumOf is the SHA-256 of the files' contents, each behind its length.
func sumOf(files []string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, name := range files {
		data, err := readBounded(name)
		if err != nil {
			return sum, fmt.Errorf("read configuration: %w", err)
		}
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(data))))
		h.Write(data)
	}
	h.Sum(sum[:0])
	return sum, nil
}

// maxWatched bounds a file that a configuration names.
const maxWatched = 64 << 20

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxWatched))
}
