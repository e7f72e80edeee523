package ledger_test

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

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
