package ledger_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// disk is a store whose commits wait for permission, take time or fail.
type disk struct {
	ledgertest.Memory
	commits []ledger.Batch // as Write got them
}

func newDisk(fault func(ctx context.Context, b ledger.Batch) error) *disk {
	d := &disk{}
	d.Fault = func(ctx context.Context, b ledger.Batch) error {
		d.commits = append(d.commits, ledger.Batch{
			Openings: append([]policy.Opening(nil), b.Openings...), Records: append([]policy.Record(nil), b.Records...),
		})
		return fault(ctx, b)
	}
	return d
}

func noFault(context.Context, ledger.Batch) error { return nil }

// takes makes a commit last d.
func takes(d time.Duration) func(context.Context, ledger.Batch) error {
	return func(ctx context.Context, _ ledger.Batch) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func start(t *testing.T, o ledger.Options) (*ledger.Writer, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewRegistry()
	o.Registerer = r
	w, err := ledger.NewWriter(o)
	if err != nil {
		t.Fatal(err)
	}
	return w, r
}

func closeNow(t *testing.T, w *ledger.Writer) {
	t.Helper()
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// value is one series, "name" or "name kind", as a scrape sees it: the number of
// a counter or gauge, or the count of a histogram.
func value(t *testing.T, r *prometheus.Registry, series string) float64 {
	t.Helper()
	name, kind, _ := strings.Cut(series, " ")
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != "farebox_ledger_"+name || kind != "" && m.GetLabel()[0].GetValue() != kind {
				continue
			}
			if h := m.GetHistogram(); h != nil {
				return float64(h.GetSampleCount())
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no series %s", series)
	return 0
}

func wantValues(t *testing.T, r *prometheus.Registry, want map[string]float64) {
	t.Helper()
	got := map[string]float64{}
	for series := range want {
		got[series] = value(t, r, series)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestRecordIsCommittedWhenItReturns(t *testing.T) {
	d := newDisk(noFault)
	w, r := start(t, ledger.Options{Store: d})
	defer closeNow(t, w)
	for n := range 5 {
		w.Open(ledgertest.Opening(n))
		if err := w.Record(t.Context(), ledgertest.Record(n)); err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Find(t.Context(), ledgertest.ID(n).String(), 2); !cmp.Equal(got, []policy.Record{ledgertest.Record(n)}) {
			t.Fatalf("record %d acknowledged, found %v", n, got)
		}
	}
	if open, _ := d.Open(t.Context()); len(open) != 0 {
		t.Errorf("open: %v", open)
	}
	if got := value(t, r, "commits_total"); got < 5 {
		t.Errorf("%v commits for five records, one after the other", got)
	}
}

// What queues while a commit runs shares the next one.
func TestQueuedShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Second))
		w, r := start(t, ledger.Options{Store: d, MaxBatch: 6})
		var callers sync.WaitGroup
		record := func(n int) {
			callers.Go(func() {
				if err := w.Record(t.Context(), ledgertest.Record(n)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // it is queued
		}
		record(0)
		for n := 1; n < 9; n++ {
			record(n)
		}
		wantValues(t, r, map[string]float64{"queued": 9, "commits_total": 0})
		start := time.Now()
		callers.Wait()
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("three commits took %s", took)
		}
		var sizes []int
		for _, b := range d.commits {
			sizes = append(sizes, len(b.Records))
		}
		if !cmp.Equal(sizes, []int{1, 6, 2}) {
			t.Errorf("batches of %v records, want 1, 6 and 2", sizes)
		}
		synctest.Wait() // the last batch is counted off
		wantValues(t, r, map[string]float64{"queued": 0, "commits_total": 3, "commit_seconds": 3, "batch_records": 3})
		closeNow(t, w)
	})
}

// An opening that is settled in the same batch is never written.
func TestSettledOpeningsAreNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Second))
		w, r := start(t, ledger.Options{Store: d, Durability: ledger.Async})
		w.Open(ledgertest.Opening(0)) // occupies the first commit
		synctest.Wait()
		w.Open(ledgertest.Opening(1))
		w.Open(ledgertest.Opening(2))
		for _, n := range []int{2, 0} {
			if err := w.Record(t.Context(), ledgertest.Record(n)); err != nil {
				t.Error(err)
			}
		}
		closeNow(t, w)
		want := []ledger.Batch{
			{Openings: []policy.Opening{ledgertest.Opening(0)}},
			{Openings: []policy.Opening{ledgertest.Opening(1)}, Records: []policy.Record{ledgertest.Record(2), ledgertest.Record(0)}},
		}
		if diff := cmp.Diff(want, d.commits); diff != "" {
			t.Errorf("commits (-want +got):\n%s", diff)
		}
		wantValues(t, r, map[string]float64{"queued": 0, "dropped_total opening": 0})
	})
}

type identity struct{}

func (identity) Header(string) string    { return "" }
func (identity) Attribute(string) string { return "" }
func (identity) Body(string) string      { return "" }
func (identity) Claim(string, string) (string, bool) {
	return "", true
}
func (identity) Part(string) string { return "" }

func TestOpenKeepsNoIdentity(t *testing.T) {
	d := newDisk(noFault)
	w, _ := start(t, ledger.Options{Store: d})
	o := ledgertest.Opening(1)
	o.Ticket.Identity = identity{}
	w.Open(o)
	closeNow(t, w)
	if len(d.commits) != 1 || d.commits[0].Openings[0].Ticket.Identity != nil {
		t.Errorf("committed %v", d.commits)
	}
}

func TestFailedCommitsAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		d := newDisk(func(_ context.Context, b ledger.Batch) error {
			if len(b.Records) == 0 { // what comes meanwhile shares the next commit
				time.Sleep(time.Second)
				return nil
			}
			at = append(at, time.Since(began)-time.Second)
			if len(at) <= 10 {
				return errors.New("disk full")
			}
			return nil
		})
		w, r := start(t, ledger.Options{Store: d})
		w.Open(ledgertest.Opening(8))
		synctest.Wait() // it is being written
		w.Open(ledgertest.Opening(9))
		if err := w.Record(t.Context(), ledgertest.Record(1)); err != nil {
			t.Error(err)
		}
		want := []time.Duration{0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3270, 4270} // doubling, up to a second
		for i := range want {
			want[i] *= time.Millisecond
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
		for _, b := range d.commits[1:] {
			if !cmp.Equal(b, d.commits[1]) || len(b.Openings) != 1 {
				t.Errorf("tried %v, then %v", d.commits[1], b)
			}
		}
		closeNow(t, w)
		wantValues(t, r, map[string]float64{"write_errors_total": 10, "commits_total": 2, "dropped_total record": 0, "queued": 0})
	})
}

func TestContextEndsTheWaitOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Minute))
		w, r := start(t, ledger.Options{Store: d})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := w.Record(ctx, ledgertest.Record(1))
		if !errors.Is(err, ledger.ErrUncommitted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want ErrUncommitted for the deadline", err)
		}
		if waited := time.Since(began); waited != 100*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
		err = w.Record(ctx, ledgertest.Record(2)) // ended before it began
		if !errors.Is(err, ledger.ErrUncommitted) {
			t.Errorf("got %v, want ErrUncommitted", err)
		}
		closeNow(t, w)
		if all := d.All(); len(all) != 2 {
			t.Errorf("%d records in the end, want both", len(all))
		}
		wantValues(t, r, map[string]float64{"dropped_total record": 0})
	})
}

func TestAsyncDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(takes(time.Minute))
		w, _ := start(t, ledger.Options{Store: d, Durability: ledger.Async})
		began := time.Now()
		for n := range 3 {
			if err := w.Record(t.Context(), ledgertest.Record(n)); err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %s", waited)
		}
		closeNow(t, w)
		if all := d.All(); len(all) != 3 {
			t.Errorf("%d records in the end, want 3", len(all))
		}
	})
}
