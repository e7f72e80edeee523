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

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

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
		d := newDisk(func(context.Context, ledger.Batch) error {
			at = append(at, time.Since(began))
			if len(at) <= 10 {
				return errors.New("disk full")
			}
			return nil
		})
		w, r := start(t, ledger.Options{Store: d})
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
		for _, b := range d.commits {
			if !cmp.Equal(b, d.commits[0]) {
				t.Errorf("tried %v, then %v", d.commits[0], b)
			}
		}
		closeNow(t, w)
		wantValues(t, r, map[string]float64{"write_errors_total": 10, "commits_total": 1, "dropped_total record": 0, "queued": 0})
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
// middle: what was acknowledged is there, once; what was refused is not.
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
	var acknowledged, refused sync.Map
	var done atomic.Int64
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			for i := range 60 {
				n := c*1000 + i
				w.Open(ledgertest.Opening(n))
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3_000_000)))
				err := w.Record(ctx, ledgertest.Record(n))
				cancel()
				switch {
				case err == nil || errors.Is(err, ledger.ErrUncommitted): // written, or will be
					acknowledged.Store(ledgertest.ID(n), true)
				case errors.Is(err, ledger.ErrFull) || errors.Is(err, ledger.ErrClosed):
					refused.Store(ledgertest.ID(n), true)
				default:
					t.Errorf("record %d: %v", n, err)
				}
				if done.Add(1) == 700 {
					go w.Close(context.Background())
				}
			}
		})
	}
	callers.Wait()
	closeNow(t, w)
	seen := map[policy.CallID]bool{}
	for _, rec := range d.All() {
		seen[rec.ID] = true
	}
	count := func(m *sync.Map, want bool) (n float64) {
		for id := range m.Range {
			n++
			if seen[id.(policy.CallID)] != want {
				t.Errorf("%s: written is %t", id, !want)
			}
		}
		return n
	}
	n := count(&acknowledged, true)
	if int(n) != len(seen) {
		t.Errorf("%v accepted, %d written", n, len(seen))
	}
	wantValues(t, r, map[string]float64{
		"dropped_total record": count(&refused, false), "queued": 0, "write_errors_total": float64(failures.Load()),
	})
}

func TestMetricNames(t *testing.T) {
	w, r := start(t, ledger.Options{Store: newDisk(noFault)})
	closeNow(t, w)
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	names := []string{
		"farebox_ledger_commits_total", "farebox_ledger_commit_seconds", "farebox_ledger_batch_records",
		"farebox_ledger_queued", "farebox_ledger_write_errors_total", "farebox_ledger_dropped_total",
	}
	if n, err := testutil.GatherAndCount(r, names...); err != nil || n != len(names)+1 { // dropped has two kinds
		t.Errorf("%d series, %v", n, err)
	}
	if all, err := testutil.GatherAndCount(r); err != nil || all != len(names)+1 {
		t.Errorf("%d series in all, %v", all, err)
	}
}

func TestNewWriterRefuses(t *testing.T) {
	taken := prometheus.NewRegistry()
	w, err := ledger.NewWriter(ledger.Options{Store: newDisk(noFault), Registerer: taken})
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, w)
	for name, o := range map[string]ledger.Options{
		"no store":      {Registerer: prometheus.NewRegistry()},
		"no registerer": {Store: newDisk(noFault)},
		"names taken":   {Store: newDisk(noFault), Registerer: taken},
		"below zero":    {Store: newDisk(noFault), Registerer: prometheus.NewRegistry(), MaxBatch: -1},
	} {
		if _, err := ledger.NewWriter(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDurability(t *testing.T) {
	for _, d := range []ledger.Durability{ledger.Process, ledger.Power, ledger.Async} {
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back ledger.Durability
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Errorf("%s comes back as %s, %v", d, back, err)
		}
	}
	for _, name := range []string{"", "Process", "none", "durability(9)"} {
		if d, err := ledger.ParseDurability(name); err == nil {
			t.Errorf("%q is read as %s", name, d)
		}
	}
	if s := ledger.Durability(9).String(); s != "durability(9)" {
		t.Errorf("an unknown one says %q", s)
	}
}

// BenchmarkRecord is the cost of queueing beside a store that costs nothing.
func BenchmarkRecord(b *testing.B) {
	for _, d := range []ledger.Durability{ledger.Process, ledger.Async} {
		b.Run(d.String(), func(b *testing.B) {
			w, err := ledger.NewWriter(ledger.Options{
				Store: nowhere{}, Durability: d, Registerer: prometheus.NewRegistry(), MaxQueued: 1 << 30,
			})
			if err != nil {
				b.Fatal(err)
			}
			r := ledgertest.Record(1)
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := w.Record(context.Background(), r); err != nil {
						b.Error(err)
					}
				}
			})
			if err := w.Close(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
}

// nowhere keeps nothing.
type nowhere struct{ ledger.Store }

func (nowhere) Write(context.Context, ledger.Batch) error { return nil }
