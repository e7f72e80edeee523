package redisstore

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

func BenchmarkReserveAndSettle(b *testing.B) {
	s := ready(b, Options{Addresses: []string{startServer(b).address}, Org: newOrg()})
	accounts := make([]budget.Account, 5)
	for i := range accounts {
		accounts[i] = budget.Account{Rule: string(rune('a' + i)), Of: "team", Unit: budget.Unit(i % 4), Limit: 1 << 62, Start: time.Unix(0, 0), End: time.Now().Add(time.Hour)}
	}
	run := func(b *testing.B, n uint64) bool {
		h := budget.Hold{Accounts: accounts, Most: budget.Amounts{100, 100, 100, 1, 1}, Until: s.Now().Add(time.Hour)}
		binary.BigEndian.PutUint64(h.ID[:], n)
		if short, err := s.Reserve(b.Context(), h); err != nil || !short.OK() {
			b.Error(short, err)
			return false
		}
		if _, found, err := s.Settle(b.Context(), h.ID, 0, budget.Amounts{50, 50, 50, 1, 1}, []int{50, 75, 90, 100}); err != nil || !found {
			b.Error(found, err)
			return false
		}
		return true
	}
	var n atomic.Uint64
	b.Run("one at a time", func(b *testing.B) {
		for b.Loop() && run(b, n.Add(1)) {
		}
	})
	b.Run("many at once", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() && run(b, n.Add(1)) {
			}
		})
	})
}
