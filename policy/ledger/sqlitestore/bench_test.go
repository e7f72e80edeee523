package sqlitestore_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// BenchmarkWrite counts one record with two lines as one operation; a row is a
// record or a line.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "l.db"), ledger.Process)
			batch := ledger.Batch{Records: make([]policy.Record, size)}
			random := rand.New(rand.NewPCG(1, 2))
			for i := range batch.Records {
				batch.Records[i] = ledgertest.Record(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += size {
				for i := range batch.Records {
					r := &batch.Records[i]
					binary.BigEndian.PutUint64(r.ID[:], uint64(n+i))
					var id [16]byte
					binary.BigEndian.PutUint64(id[:], random.Uint64())
					r.RequestID, r.TraceID, r.ResponseID = fmt.Sprintf("%x", id), fmt.Sprintf("%x", id), fmt.Sprintf("%x", id)
				}
				if err := s.Write(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(3*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkUsage(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "l.db"), ledger.Async)
	if err := s.Write(b.Context(), ledger.Batch{Records: ledgertest.Varied(1, 50_000)}); err != nil {
		b.Fatal(err)
	}
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.AddDate(0, 1, 0), By: []string{"team", "model", "day"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Usage(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInteractions sums a month of 50,000 calls, three to an interaction.
func BenchmarkInteractions(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "l.db"), ledger.Async)
	if err := s.Write(b.Context(), ledger.Batch{Records: ledgertest.Varied(1, 50_000)}); err != nil {
		b.Fatal(err)
	}
	for name, from := range map[string]int{"month": 0, "hour": 49} {
		b.Run(name, func(b *testing.B) {
			q := ledger.Query{From: ledgertest.Start.Add(time.Duration(from) * time.Hour), To: ledgertest.Start.AddDate(0, 1, 0), By: []string{"team", "project"}}
			for b.Loop() {
				if _, err := s.Interactions(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
