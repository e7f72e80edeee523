package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy"
)

// What Record may answer besides nil.
var (
	// ErrUncommitted: the context ended before the commit did. The record stays
	// queued and will be written.
	ErrUncommitted = errors.New("record is queued but not committed yet")
	// ErrFull: the record was not queued, and will never be written.
	ErrFull = errors.New("ledger queue is full")
	// ErrClosed: the ledger was closed before the record could be written.
	ErrClosed = errors.New("ledger is closed")
)

// Defaults of Options.
const (
	DefaultMaxQueued = 100_000
	DefaultMaxBatch  = 1_000
)

// A failed commit is tried again after firstPause, which doubles up to lastPause.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

// Options of NewWriter.
type Options struct {
	Store      Store                 // required; the Writer alone calls Write, and does not close it
	Durability Durability            // Async: Record does not wait
	Registerer prometheus.Registerer // required
	Logger     *slog.Logger          // nil discards
	// MaxQueued bounds the records that are not committed yet, and likewise the
	// openings. 0 is DefaultMaxQueued.
	MaxQueued int
	// MaxBatch bounds the records of one commit, and likewise the openings. 0 is
	// DefaultMaxBatch.
	MaxBatch int
}

// Writer queues openings and records, and commits them with one goroutine. It is
// safe for concurrent use.
type Writer struct {
	store     Store
	log       *slog.Logger
	metrics   *metrics
	async     bool
	maxQueued int
	maxBatch  int

	wake    chan struct{} // holds one: something was queued
	closing chan struct{} // closed by the first Close
	stopped chan struct{} // closed when the goroutine has ended
	abandon context.CancelFunc
	lost    error // what Close answers; set before stopped is closed

	mu       sync.Mutex
	queue    []*batch // oldest first; only the last has room
	spare    *batch   // an empty batch, or nil
	writing  *commit  // of the batch that is being written, or nil
	openings int      // not committed yet, those being committed included
	records  int
	closed   bool
}

// batch is what one commit will write, and who waits for it.
type batch struct {
	Batch
	commit *commit
}

// commit is shared by all who wait for one batch.
type commit struct {
	done chan struct{}
	err  error // read after done
}

func newCommit() *commit { return &commit{done: make(chan struct{})} }

// NewWriter starts a Writer; Close ends it.
func NewWriter(o Options) (*Writer, error) {
	switch {
	case o.Store == nil:
		return nil, errors.New("start ledger writer: no store")
	case o.Registerer == nil:
		return nil, errors.New("start ledger writer: no metrics registerer")
	case o.MaxQueued < 0 || o.MaxBatch < 0:
		return nil, fmt.Errorf("start ledger writer: bounds below zero: %d queued, %d a batch", o.MaxQueued, o.MaxBatch)
	}
	w := &Writer{
		store: o.Store, log: o.Logger, async: o.Durability == Async,
		maxQueued: o.MaxQueued, maxBatch: o.MaxBatch,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.maxQueued == 0 {
		w.maxQueued = DefaultMaxQueued
	}
	if w.maxBatch == 0 {
		w.maxBatch = DefaultMaxBatch
	}
	m, err := newMetrics(o.Registerer, w.queued)
	if err != nil {
		return nil, fmt.Errorf("start ledger writer: %w", err)
	}
	w.metrics = m
	ctx, cancel := context.WithCancel(context.Background())
	w.abandon = cancel
	go w.run(ctx)
	return w, nil
}

// Open queues the opening of an admitted call and never waits: when the queue is
// full or the Writer closed, the opening is dropped and counted. It does not keep
// the ticket's Identity.
func (w *Writer) Open(o policy.Opening) {
	o.Ticket.Identity = nil
	w.mu.Lock()
	ok := !w.closed && w.openings < w.maxQueued
	if ok {
		b := w.tail()
		b.Openings = append(b.Openings, o)
		w.openings++
	}
	w.mu.Unlock()
	if !ok {
		w.metrics.droppedOpenings.Inc()
		return
	}
	w.nudge()
}

// Record queues r and waits until it is committed, or only until it is queued
// when durability is Async. It answers ErrFull or ErrClosed when r was not
// written and will not be, and ErrUncommitted (with the cause) when ctx ended
// first. What r refers to (owner, lines) must not change afterwards.
func (w *Writer) Record(ctx context.Context, r policy.Record) error {
	c, err := w.enqueue(&r)
	if err != nil {
		w.metrics.droppedRecords.Inc()
		return err
	}
	w.nudge()
	if w.async {
		return nil
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUncommitted, context.Cause(ctx))
	}
}

// Flush waits until all that was queued before is committed, however it was
// queued. It answers ErrUncommitted (with the cause) when ctx ended first, and
// ErrClosed when the Writer gave up writing it.
func (w *Writer) Flush(ctx context.Context) error {
	w.mu.Lock()
	last := w.writing
	if n := len(w.queue); n > 0 {
		last = w.queue[n-1].commit // batches are committed in order
	}
	w.mu.Unlock()
	if last == nil {
		return nil
	}
	select {
	case <-last.done:
		return last.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUncommitted, context.Cause(ctx))
	}
}

func (w *Writer) enqueue(r *policy.Record) (*commit, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return nil, ErrClosed
	case w.records >= w.maxQueued:
		return nil, ErrFull
	}
	b := w.tail()
	b.Records = append(b.Records, *r)
	w.records++
	return b.commit, nil
}

// tail returns the batch that takes what comes next. w.mu is held. In the steady
// state it hands out the spare and allocates nothing.
func (w *Writer) tail() *batch {
	if n := len(w.queue); n > 0 {
		if b := w.queue[n-1]; len(b.Records) < w.maxBatch && len(b.Openings) < w.maxBatch {
			return b
		}
	}
	b := w.spare
	w.spare = nil
	if b == nil {
		b = &batch{commit: newCommit()}
	}
	w.queue = append(w.queue, b)
	return b
}

func (w *Writer) nudge() {
	select {
	case w.wake <- struct{}{}:
	default: // the goroutine will look anyway
	}
}

func (w *Writer) queued() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return float64(w.openings + w.records)
}

// Close stops accepting and waits until everything queued is committed. When ctx
// ends first, it gives up: the error counts what was not written, and those who
// wait in Record get ErrClosed. Later calls wait for, and answer, the same.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.closing)
	}
	w.mu.Unlock()
	select {
	case <-w.stopped:
	case <-ctx.Done():
		w.abandon()
		<-w.stopped
	}
	w.abandon()
	return w.lost
}
