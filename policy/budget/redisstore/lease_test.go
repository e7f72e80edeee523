package redisstore

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
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

// A server that lost all has lost shares, too: what calls spent of them is in the
// ledger, and is not counted again; calls under way are held and settled in the store.
func TestSharesOfAStoreThatLostAllAreDropped(t *testing.T) {
	at := startServer(t)
	s := ledgerOf(t, at, newOrg(), "one")
	r := lease.NewReplica(s, lease.Options{From: 1, Every: time.Hour})
	month := budget.Account{Rule: "month", Unit: budget.Charged, Limit: 1e6, Start: time.Unix(1e9, 0), End: time.Now().Add(24 * time.Hour)}
	fill := func(spent int64, under ...budget.Hold) {
		t.Helper()
		if missing, open, err := r.Missing(t.Context(), []string{""}); err != nil || open || len(missing) != 1 {
			t.Fatalf("missing %q, open %v, %v", missing, open, err)
		}
		if err := r.Add(t.Context(), []string{""}, []budget.State{{Account: month, Spent: spent}}); err != nil {
			t.Fatal(err)
		}
		for i := range under {
			if err := r.Hold(t.Context(), under[i]); err != nil {
				t.Fatal(err)
			}
		}
		ahead(t, s, othersHave)
		if open, err := r.Open(t.Context()); err != nil || !open {
			t.Fatalf("open %v, %v", open, err)
		}
	}
	settle := func(n int) {
		t.Helper()
		if _, found, err := r.Settle(t.Context(), budgettest.ID(n), 0, budget.Amounts{7}, nil); err != nil || !found {
			t.Fatalf("settle call %d: found %v, %v", n, found, err)
		}
	}
	fill(0)
	var holds []budget.Hold
	for n := range 20 {
		holds = append(holds, holdOf(s, n, 10, month))
		if short, err := r.Reserve(t.Context(), holds[n]); err != nil || !short.OK() {
			t.Fatal(short, err)
		}
	}
	for n := range 5 {
		settle(n)
	}
	if was := state(t, s, month); was.Spent != 0 || was.Held <= 200 {
		t.Fatalf("%d spent, %d held: there is no share", was.Spent, was.Held)
	}
	at.command("FLUSHALL")
	fill(5*7, holds[5:]...)
	if short, err := r.Extend(t.Context(), budgettest.ID(6), 0, budget.Amounts{30}); err != nil || !short.OK() {
		t.Fatal(short, err)
	}
	if held := state(t, s, month).Held; held != 15*10+20 {
		t.Errorf("%d held for calls under way, want 170", held)
	}
	for n := 5; n < 20; n++ {
		settle(n)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := state(t, s, month); is.Spent != 20*7 || is.Held != 0 {
		t.Errorf("%d spent, %d held, want 140 and none", is.Spent, is.Held)
	}
}
