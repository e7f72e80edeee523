package redisstore

import (
	"testing"

	"github.com/farebox/farebox/policy/budget/budgettest"
	"github.com/farebox/farebox/policy/budget/lease"
)

func TestLeasesKeepTheContract(t *testing.T) {
	address := startServer(t).address
	budgettest.Run(t, func(t *testing.T) budgettest.Harness {
		h := harness(t, address)
		shared, ok := h.Store.(*Store)
		if !ok {
			t.Fatal("the store is another")
		}
		h.Store, h.Another, h.Batches = lease.New(shared, lease.Options{From: 1, Every: -1}), nil, true
		return h
	})
}
