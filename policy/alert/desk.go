package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/ledger"
)

// Store is the part of a ledger that alerts need.
type Store interface {
	Raise(ctx context.Context, a ledger.Alert) (kept ledger.Alert, fresh bool, err error)
	Tell(ctx context.Context, numbers []int64, d ledger.Delivery) error
	Untold(ctx context.Context, receiver string, limit int) ([]ledger.Alert, error)
	Alerts(ctx context.Context, s ledger.AlertSearch) ([]ledger.Alert, error)
}

var _ Store = ledger.Store(nil)

// Bounds of what a Desk remembers.
const (
	DefaultMaxQueued = 1024
	maxHeard         = 10_000
	hearAgain        = time.Minute // after which the ledger is asked about the same event once more
)

// What could not be kept or told is tried again after firstPause, which doubles.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// Options of New.
type Options struct {
	Store      Store                 // required; the Desk does not close it
	Registerer prometheus.Registerer // required
	Logger     *slog.Logger          // nil discards
	Now        func() time.Time      // nil is time.Now
	MaxQueued  int                   // events that are not kept yet; 0 is DefaultMaxQueued
	// Kept is told of each event's alert, once the ledger has it; nil: nobody is. Other
	// events wait for it.
	Kept func(ctx context.Context, a *ledger.Alert)
}

// Desk keeps what it is told in the ledger, and tells receivers.
type Desk struct {
	store   Store
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	kept    func(ctx context.Context, a *ledger.Alert)

	queue   chan Event
	closing chan struct{} // closed by the first Close
	stopped chan struct{} // closed when nothing is kept any more
	abandon context.CancelFunc
	once    sync.Once

	heardMu sync.Mutex // guards the two below
	heard   map[identity]time.Time
	deaf    bool // nothing is queued any more

	disowning sync.WaitGroup

	mu      sync.Mutex // guards what is below
	rules   Rules
	senders []*sender
	closed  bool
}

// identity is an event's key, in a form that costs nothing to make.
type identity struct {
	kind           Kind
	rule, of, unit string
	percent        int
	limit, since   int64
}

// New starts a Desk; Close ends it. What an earlier run has not told is told.
func New(o Options, r Rules) (*Desk, error) {
	if o.Store == nil || o.Registerer == nil {
		return nil, errors.New("start alerts: no store or no metrics registerer")
	}
	if o.MaxQueued < 0 {
		return nil, fmt.Errorf("start alerts: a queue of %d", o.MaxQueued)
	}
	d := &Desk{
		store: o.Store, log: o.Logger, now: o.Now, kept: o.Kept, heard: map[identity]time.Time{},
		queue: make(chan Event, max(o.MaxQueued, 1)), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	if o.MaxQueued == 0 {
		d.queue = make(chan Event, DefaultMaxQueued)
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.now == nil {
		d.now = time.Now
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	var err error
	if d.metrics, err = newMetrics(o.Registerer, d); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.abandon = cancel
	d.mu.Lock()
	d.start(r)
	d.mu.Unlock()
	go d.run(ctx)
	return d, nil
}

// Alert takes an event, and never waits: when the queue is full, or the Desk is
// closed, the event is dropped and counted. One that came within the last minute
// costs a look into a map.
func (d *Desk) Alert(e Event) {
	e.begin(d.now())
	id := identity{e.Kind, e.Rule, e.Of, e.Unit, e.Percent, e.Limit, e.since().Unix()}
	if !d.enqueue(id, e) {
		d.metrics.dropped.Inc()
	}
}

// enqueue reports false when the event was dropped; it may then come again.
func (d *Desk) enqueue(id identity, e Event) bool {
	d.heardMu.Lock()
	defer d.heardMu.Unlock()
	if last, ok := d.heard[id]; ok && e.At.Sub(last) < hearAgain {
		return true
	}
	if d.deaf {
		return false
	}
	select {
	case d.queue <- e:
	default:
		return false
	}
	if len(d.heard) >= maxHeard {
		clear(d.heard)
	}
	d.heard[id] = e.At
	return true
}

// Forget makes the Desk ask the ledger about each event anew: alerts were re-armed.
func (d *Desk) Forget() {
	d.heardMu.Lock()
	defer d.heardMu.Unlock()
	clear(d.heard)
}

// Configure takes new rules, or none of them. What those before had not told is
// told by these, where they have the receiver.
func (d *Desk) Configure(r Rules) error {
	if err := r.Check(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("configure alerts: they are closed")
	}
	d.stop()
	d.start(r)
	return nil
}

// start begins to tell; d.mu is held.
func (d *Desk) start(r Rules) {
	d.rules = r
	for _, to := range r.Receivers {
		d.metrics.expect(to.Name)
		d.senders = append(d.senders, startSender(d, to, &r))
	}
	d.disowning.Go(func() { d.disown(r.Receivers) })
}

// stop ends telling, and waits; d.mu is held.
func (d *Desk) stop() {
	for _, s := range d.senders {
		s.cancel()
	}
	for _, s := range d.senders {
		<-s.done
	}
	d.disowning.Wait()
	d.senders = nil
}

// run keeps events until the Desk is closed and its queue is empty.
func (d *Desk) run(ctx context.Context) {
	defer close(d.stopped)
	for {
		select {
		case e := <-d.queue:
			d.keep(ctx, e)
			continue
		default:
		}
		select {
		case e := <-d.queue:
			d.keep(ctx, e)
		case <-d.closing:
			if len(d.queue) == 0 {
				return
			}
		}
	}
}

// keep writes an event down, however often it takes, and has receivers told.
func (d *Desk) keep(ctx context.Context, e Event) {
	d.mu.Lock()
	rules := d.rules
	d.mu.Unlock()
	if !rules.complete(&e) {
		return
	}
	a := rules.alert(&e)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		kept, fresh, err := d.store.Raise(ctx, a)
		if err == nil {
			if fresh {
				d.raised(&kept)
			}
			if d.kept != nil {
				d.kept(ctx, &kept)
			}
			return
		}
		d.log.ErrorContext(ctx, "alert not kept, will be tried again", "err", err, "rule", e.Rule, "kind", string(e.Kind))
		if !sleep(ctx, pause) {
			d.metrics.dropped.Inc()
			return
		}
	}
}

func (d *Desk) raised(a *ledger.Alert) {
	d.metrics.raised.WithLabelValues(a.Kind, a.Severity, a.Rule).Inc()
	d.log.Info("alert", "number", a.Number, "severity", a.Severity, "kind", a.Kind, "rule", a.Rule, "of", a.Of, "state", a.State(), "text", a.Text)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.senders {
		if slices.ContainsFunc(a.Deliveries, func(to ledger.Delivery) bool { return to.Receiver == s.to.Name }) {
			s.nudge()
		}
	}
}

// sleep reports whether it slept the whole pause; false: ctx ended.
func sleep(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Close takes no more events, keeps those it has, and tells nobody any more: what
// is not told is told by the next run. When ctx ends first, events are lost, and
// counted.
func (d *Desk) Close(ctx context.Context) {
	d.heardMu.Lock()
	d.deaf = true
	d.heardMu.Unlock()
	d.once.Do(func() { close(d.closing) })
	d.mu.Lock()
	d.closed = true
	d.stop()
	d.mu.Unlock()
	select {
	case <-d.stopped:
	case <-ctx.Done():
		d.abandon()
		<-d.stopped
	}
	d.abandon()
}
