package lease_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
	"github.com/farebox/farebox/policy/budget/lease"
)

// eager has shares from the first call on, and counts each that is settled.
var eager = lease.Options{From: 1, Every: -1}

func TestStoreKeepsTheContract(t *testing.T) {
	budgettest.Run(t, func(*testing.T) budgettest.Harness {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		return budgettest.Harness{
			Store: lease.New(budget.NewMemory(now), eager), Batches: true, Advance: func(d time.Duration) { ahead.Add(int64(d)) },
		}
	})
}
