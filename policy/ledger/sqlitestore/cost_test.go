//go:build unix

package sqlitestore_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// BenchmarkCall counts one call as one operation: its opening in one batch, its
// record in the next, with two lines and ids as random as those of real calls. A
// lone call (batch=1) is two writes. What counts is cpu-µs/call: the time of a
// commit depends on the disk.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{1, 3, 10, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "l.db"), ledger.Process)
			calls := calls{random: rand.New(rand.NewPCG(1, 2)), now: ledgertest.Start}
			settled, opened := calls.next(size), calls.next(size)
			if err := s.Write(b.Context(), ledger.Batch{Openings: settled.Openings}); err != nil {
				b.Fatal(err)
			}
			var spent time.Duration
			b.ReportAllocs()
			for n := 0; n < b.N; n += size {
				batches := []ledger.Batch{{Openings: opened.Openings, Records: settled.Records}}
				if size == 1 {
					batches = []ledger.Batch{{Openings: opened.Openings}, {Records: settled.Records}}
				}
				before := cpu(b)
				for _, batch := range batches {
					if err := s.Write(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				spent += cpu(b) - before
				settled, opened = opened, calls.next(size)
			}
			b.ReportMetric(float64(spent.Nanoseconds())/1e3/float64(b.N), "cpu-µs/call")
		})
	}
}

// calls makes calls half a millisecond apart.
type calls struct {
	random *rand.Rand
	now    time.Time
}

func (c *calls) next(n int) (b ledger.Batch) {
	for i := range n {
		c.now = c.now.Add(500 * time.Microsecond)
		r, o := ledgertest.Record(i), ledgertest.Opening(i)
		r.ID = c.id()
		binary.BigEndian.PutUint64(r.ID[:], uint64(c.now.UnixMilli())<<16|0x7000|c.random.Uint64()&0xfff)
		request, trace, response := c.id(), c.id(), c.id()
		r.RequestID, r.TraceID, r.ResponseID = request.String(), hex.EncodeToString(trace[:]), "chatcmpl-"+hex.EncodeToString(response[:12])
		r.Admitted, r.FirstToken, r.Completed = c.now, c.now, c.now.Add(time.Millisecond)
		o.Ticket.ID, o.Ticket.RequestID, o.Ticket.TraceID, o.Ticket.At = r.ID, r.RequestID, r.TraceID, c.now
		b.Openings, b.Records = append(b.Openings, o), append(b.Records, r)
	}
	return b
}

func (c *calls) id() (id policy.CallID) {
	binary.BigEndian.PutUint64(id[:], c.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], c.random.Uint64())
	return id
}

// cpu is what this process has used so far.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
