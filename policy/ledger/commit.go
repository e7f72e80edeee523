package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
)

// run is the one goroutine that writes. It ends when the Writer is closed and
// the queue empty, or when ctx ends.
func (w *Writer) run(ctx context.Context) {
	defer close(w.stopped)
	settled := make(map[policy.CallID]struct{})
	for {
		b := w.take()
		if b == nil {
			select {
			case <-w.wake:
				continue
			case <-w.closing:
			}
			if b = w.take(); b == nil { // nothing can be queued any more
				return
			}
		}
		openings, records := len(b.Openings), len(b.Records)
		b.dropSettled(settled)
		if err := w.write(ctx, b.Batch); err != nil {
			w.giveUp(b, err)
			return
		}
		close(b.commit.done)
		w.recycle(b, openings, records)
	}
}

// take removes the oldest batch; nil when nothing is queued.
func (w *Writer) take() *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return nil
	}
	b := w.queue[0]
	last := len(w.queue) - 1
	copy(w.queue, w.queue[1:])
	w.queue[last] = nil
	w.queue, w.writing = w.queue[:last], b.commit
	return b
}

// dropSettled removes the openings that a record of the same batch closes: they
// would be written only to be deleted. settled is scratch.
func (b *batch) dropSettled(settled map[policy.CallID]struct{}) {
	if len(b.Openings) == 0 || len(b.Records) == 0 {
		return
	}
	clear(settled)
	for i := range b.Records {
		settled[b.Records[i].ID] = struct{}{}
	}
	kept := b.Openings[:0]
	for i := range b.Openings {
		if _, over := settled[b.Openings[i].Ticket.ID]; !over {
			kept = append(kept, b.Openings[i])
		}
	}
	clear(b.Openings[len(kept):])
	b.Openings = kept
}

// write commits b, however often it takes. It fails only when ctx has ended.
func (w *Writer) write(ctx context.Context, b Batch) error {
	var last error
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		start := time.Now()
		err := w.store.Write(ctx, b)
		if err == nil {
			w.metrics.commits.Inc()
			w.metrics.seconds.Observe(time.Since(start).Seconds())
			w.metrics.records.Observe(float64(len(b.Records)))
			return nil
		}
		w.metrics.errors.Inc()
		if last == nil || ctx.Err() == nil {
			last = err
		}
		w.log.Warn("ledger commit failed, will be tried again", "error", err,
			"records", len(b.Records), "openings", len(b.Openings), "pause", pause)
		if !sleep(ctx, pause) {
			return last
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

// recycle counts a committed batch off and keeps it, emptied, as the spare.
func (w *Writer) recycle(b *batch, openings, records int) {
	clear(b.Openings)
	clear(b.Records)
	b.Openings, b.Records, b.commit = b.Openings[:0], b.Records[:0], newCommit()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = nil
	w.openings -= openings
	w.records -= records
	if w.spare == nil {
		w.spare = b
	}
}

// giveUp releases everyone who still waits and says what was lost. The Writer is
// closed, so nothing is queued any more.
func (w *Writer) giveUp(b *batch, cause error) {
	w.mu.Lock()
	rest := append([]*batch{b}, w.queue...)
	records := w.records
	w.queue, w.records, w.openings = nil, 0, 0
	w.mu.Unlock()
	openings := 0 // those whose records are lost too are not counted twice
	for _, b := range rest {
		openings += len(b.Openings)
		b.commit.err = errors.Join(ErrClosed, cause)
		close(b.commit.done)
	}
	w.metrics.droppedRecords.Add(float64(records))
	w.metrics.droppedOpenings.Add(float64(openings))
	w.lost = fmt.Errorf("close ledger: %d records and %d openings not written: %w", records, openings, cause)
}
