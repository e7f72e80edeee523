package redisstore

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
	"github.com/farebox/farebox/policy/budget/lease"
)

// BenchmarkReserveAndSettle is a call that counts against five accounts: the time it
// takes, and the processor's time that it takes of the server.
func BenchmarkReserveAndSettle(b *testing.B) {
	at := startServer(b)
	s := ready(b, Options{Addresses: []string{at.address}, Org: newOrg()})
	var n atomic.Uint64
	for _, kind := range []budget.Account{
		{Rule: "window", Start: time.Unix(0, 0), End: time.Now().Add(time.Hour)}, {Rule: "moving", Rolling: time.Minute}, {Rule: "rate", Rate: time.Minute},
	} {
		accounts := make([]budget.Account, 5)
		for i := range accounts {
			accounts[i] = kind
			accounts[i].Of, accounts[i].Unit, accounts[i].Limit = strconv.Itoa(i), budget.Unit(i%4), 1<<62
		}
		call := func(b *testing.B) bool {
			h := budget.Hold{Accounts: accounts, Most: budget.Amounts{100, 100, 100, 1, 1}, Until: s.Now().Add(time.Hour)}
			binary.BigEndian.PutUint64(h.ID[:], n.Add(1))
			short, err := s.Reserve(b.Context(), h)
			if err != nil || !short.OK() {
				b.Error(short, err)
				return false
			}
			_, found, err := s.Settle(b.Context(), h.ID, 0, budget.Amounts{50, 50, 50, 1, 1}, []int{50, 75, 90, 100})
			if err != nil || !found {
				b.Error(found, err)
			}
			return err == nil && found
		}
		b.Run(kind.Rule+"/one at a time", func(b *testing.B) {
			for b.Loop() && call(b) {
			}
		})
		b.Run(kind.Rule+"/many at once", func(b *testing.B) {
			before := at.processor()
			b.SetParallelism(32)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() && call(b) {
				}
			})
			b.ReportMetric(float64((at.processor()-before).Microseconds())/float64(b.N), "server-µs/op")
		})
	}
}

// processor is how long the server has computed.
func (s *server) processor() (sum time.Duration) {
	s.t.Helper()
	for line := range strings.Lines(s.command("INFO", "cpu")) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "used_cpu_sys" && name != "used_cpu_user" {
			continue
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		sum += time.Duration(seconds * 1e9)
	}
	return sum
}

// BenchmarkLeases is a call that counts against five accounts in windows: by one
// replica that takes shares of them, and by one that does not.
func BenchmarkLeases(b *testing.B) {
	at := startServer(b)
	s := ready(b, Options{Addresses: []string{at.address}, Org: newOrg()})
	accounts := make([]budget.Account, 5)
	for i := range accounts {
		accounts[i] = budget.Account{Rule: "window", Of: strconv.Itoa(i), Unit: budget.Unit(i % 4), Limit: 1 << 62, Start: time.Unix(0, 0), End: time.Now().Add(time.Hour)}
	}
	var n atomic.Uint64
	for name, store := range map[string]budget.Store{"without": s, "with": lease.New(s, lease.Options{})} {
		b.Run(name, func(b *testing.B) {
			before := at.processor()
			b.SetParallelism(32)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					h := budget.Hold{Accounts: accounts, Most: budget.Amounts{100, 100, 100, 1, 1}, Until: store.Now().Add(time.Hour)}
					binary.BigEndian.PutUint64(h.ID[:], n.Add(1))
					if short, err := store.Reserve(b.Context(), h); err != nil || !short.OK() {
						b.Error(short, err)
					}
					if _, found, err := store.Settle(b.Context(), h.ID, 0, budget.Amounts{50, 50, 50, 1}, []int{50, 75, 90, 100}); err != nil || !found {
						b.Error(found, err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64((at.processor()-before).Nanoseconds())/float64(b.N), "server-ns/op")
		})
	}
}

// BenchmarkRefused is a call that an account of five has too little left for: asked
// of the store each time, and by one who remembers for a second that it was refused.
func BenchmarkRefused(b *testing.B) {
	at := startServer(b)
	s := ready(b, Options{Addresses: []string{at.address}, Org: newOrg()})
	accounts := make([]budget.Account, 5)
	for i := range accounts {
		accounts[i] = budget.Account{Rule: "window", Of: strconv.Itoa(i), Unit: budget.Unit(i % 4), Limit: 1000, Start: time.Unix(0, 0), End: time.Now().Add(time.Hour)}
	}
	if _, err := s.Spend(b.Context(), budgettest.Spending(s.Now(), budget.Amounts{1000}, accounts[4:]...), nil); err != nil {
		b.Fatal(err)
	}
	var n atomic.Uint64
	for name, known := range map[string]*budget.Known{"asking": nil, "remembering": budget.NewKnown(nil)} {
		b.Run(name, func(b *testing.B) {
			before := at.processor()
			for b.Loop() {
				h := budget.Hold{Accounts: accounts, Most: budget.Amounts{100, 100, 100, 1, 1}, Until: s.Now().Add(time.Hour)}
				binary.BigEndian.PutUint64(h.ID[:], n.Add(1))
				short := known.Short(&h)
				if short.OK() {
					var err error
					if short, err = s.Reserve(b.Context(), h); err != nil {
						b.Fatal(err)
					}
					known.Note(&accounts[4], short, known.Epoch())
				}
				if short.At != 4 {
					b.Fatal(short)
				}
			}
			b.ReportMetric(float64((at.processor()-before).Nanoseconds())/float64(b.N), "server-ns/op")
		})
	}
}
