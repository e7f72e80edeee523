package budget_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	budgettest.Run(t, func(*testing.T) budgettest.Harness {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		return budgettest.Harness{Store: budget.NewMemory(now), Advance: func(d time.Duration) { ahead.Add(int64(d)) }}
	})
}

func TestMemoryRenewsHolds(t *testing.T) {
	budgettest.RunRenewals(t, func(*testing.T) budgettest.Harness {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		return budgettest.Harness{Store: budget.NewMemory(now), Advance: func(d time.Duration) { ahead.Add(int64(d)) }}
	})
}

func TestMemoryTells(t *testing.T) {
	budgettest.RunTelling(t, func(*testing.T) budgettest.Harness {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		return budgettest.Harness{Store: budget.NewMemory(now), Advance: func(d time.Duration) { ahead.Add(int64(d)) }}
	})
}
