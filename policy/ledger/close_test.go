package ledger_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

func TestFullQueueDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Second))
		w, r := start(t, ledger.Options{Store: d, Durability: ledger.Async, MaxQueued: 3, MaxBatch: 2})
		for n := range 5 {
			w.Open(ledgertest.Opening(10 + n))
			err := w.Record(t.Context(), ledgertest.Record(n))
			if full := n >= 3; full != errors.Is(err, ledger.ErrFull) || !full && err != nil {
				t.Errorf("record %d: %v", n, err)
			}
		}
		wantValues(t, r, map[string]float64{"dropped_total record": 2, "dropped_total opening": 2, "queued": 6})
		time.Sleep(time.Minute) // there is room again
		if err := w.Record(t.Context(), ledgertest.Record(7)); err != nil {
			t.Error(err)
		}
		closeNow(t, w)
		if all := d.All(); len(all) != 4 {
			t.Errorf("%d records, want 4", len(all))
		}
		if open, _ := d.Open(t.Context()); len(open) != 3 {
			t.Errorf("%d openings, want 3", len(open))
		}
	})
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Second))
		w, r := start(t, ledger.Options{Store: d, MaxBatch: 10})
		var callers sync.WaitGroup
		for n := range 35 {
			callers.Go(func() {
				if err := w.Record(t.Context(), ledgertest.Record(n)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		closeNow(t, w)
		closeNow(t, w)
		callers.Wait()
		if all := d.All(); len(all) != 35 {
			t.Errorf("%d records, want 35", len(all))
		}
		if err := w.Record(t.Context(), ledgertest.Record(99)); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
		w.Open(ledgertest.Opening(99))
		wantValues(t, r, map[string]float64{"dropped_total record": 1, "dropped_total opening": 1, "queued": 0})
	})
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	full := errors.New("disk full")
	faults := map[string]func(context.Context, ledger.Batch) error{
		"failing": func(context.Context, ledger.Batch) error { return full },
		"hanging": func(ctx context.Context, b ledger.Batch) error { <-ctx.Done(); return full },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := start(t, ledger.Options{Store: newDisk(fault), MaxBatch: 2})
				var callers sync.WaitGroup
				for n := range 5 {
					w.Open(ledgertest.Opening(10 + n))
					callers.Go(func() {
						if err := w.Record(t.Context(), ledgertest.Record(n)); !errors.Is(err, ledger.ErrClosed) || !errors.Is(err, full) {
							t.Errorf("got %v, want ErrClosed and why", err)
						}
					})
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				err := w.Close(ctx)
				if err == nil || !errors.Is(err, full) || !strings.Contains(err.Error(), "5 records and 5 openings") {
					t.Errorf("got %v, want the counts and the cause", err)
				}
				if waited := time.Since(began); waited != 5*time.Second {
					t.Errorf("gave up after %s", waited)
				}
				if again := w.Close(t.Context()); !errors.Is(again, full) {
					t.Errorf("the second Close: %v", again)
				}
				callers.Wait()
				wantValues(t, r, map[string]float64{"dropped_total record": 5, "dropped_total opening": 5, "queued": 0})
			})
		})
	}
}

// TestHammer has many callers, a store that fails at random, and a Close in the
// middle: what was accepted is there, once; what was refused is not.
func TestHammer(t *testing.T) {
	var failures atomic.Int64
	d := newDisk(func(context.Context, ledger.Batch) error {
		if rand.IntN(4) == 0 {
			failures.Add(1)
			return errors.New("fault")
		}
		return nil
	})
	w, r := start(t, ledger.Options{Store: d, MaxBatch: 7, MaxQueued: 40})
	h := hammer{w: w}
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			for i := range 60 {
				h.record(t, c*1000+i)
			}
		})
	}
	callers.Wait()
	closeNow(t, w)
	written := map[policy.CallID]bool{}
	for _, rec := range d.All() {
		written[rec.ID] = true
	}
	if len(written) != len(h.accepted) || len(h.accepted)+len(h.refused) != 16*60 {
		t.Errorf("%d written, %d accepted, %d refused", len(written), len(h.accepted), len(h.refused))
	}
	for _, id := range h.accepted {
		if !written[id] {
			t.Errorf("%s was accepted and is not written", id)
		}
	}
	wantValues(t, r, map[string]float64{
		"dropped_total record": float64(len(h.refused)), "queued": 0, "write_errors_total": float64(failures.Load()),
	})
}

type hammer struct {
	w                 *ledger.Writer
	mu                sync.Mutex
	accepted, refused []policy.CallID
}

func (h *hammer) record(t *testing.T, n int) {
	h.w.Open(ledgertest.Opening(n))
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3_000_000)))
	defer cancel()
	err := h.w.Record(ctx, ledgertest.Record(n))
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil || errors.Is(err, ledger.ErrUncommitted): // written, or will be
		h.accepted = append(h.accepted, ledgertest.ID(n))
	case errors.Is(err, ledger.ErrFull) || errors.Is(err, ledger.ErrClosed):
		h.refused = append(h.refused, ledgertest.ID(n))
	default:
		t.Errorf("record %d: %v", n, err)
	}
	if len(h.accepted)+len(h.refused) == 700 {
		go h.w.Close(context.Background())
	}
}

// TestFlush waits for all that was queued, also when nobody waits for commits.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Second))
		w, _ := start(t, ledger.Options{Store: d, Durability: ledger.Async, MaxBatch: 2})
		if err := w.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		for round := range 2 { // the second meets a commit under way, or none
			for n := range 5 {
				if err := w.Record(t.Context(), ledgertest.Record(5*round+n)); err != nil {
					t.Fatal(err)
				}
			}
			soon, cancel := context.WithTimeout(t.Context(), time.Second/2)
			if err := w.Flush(soon); !errors.Is(err, ledger.ErrUncommitted) {
				t.Errorf("round %d, before it is committed: %v", round, err)
			}
			cancel()
			if err := w.Flush(t.Context()); err != nil || len(d.All()) != 5*(round+1) {
				t.Errorf("round %d: %d records, %v", round, len(d.All()), err)
			}
		}
		if err := w.Record(t.Context(), ledgertest.Record(20)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it is being written
		if err := w.Flush(t.Context()); err != nil || len(d.All()) != 11 {
			t.Errorf("of one that is being written: %d records, %v", len(d.All()), err)
		}
		closeNow(t, w)
		if err := w.Flush(t.Context()); err != nil {
			t.Errorf("of a closed one: %v", err)
		}
	})
}

// TestFlushOfWhatIsLost says so.
func TestFlushOfWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := start(t, ledger.Options{Store: newDisk(takes(time.Hour)), Durability: ledger.Async})
		if err := w.Record(t.Context(), ledgertest.Record(1)); err != nil {
			t.Fatal(err)
		}
		flushed := make(chan error)
		go func() { flushed <- w.Flush(t.Context()) }()
		synctest.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Close(ended); err == nil {
			t.Error("closed with a record that is not written")
		}
		if err := <-flushed; !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("Flush = %v", err)
		}
	})
}
