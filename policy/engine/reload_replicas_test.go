package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/redisstore"
)

// replicas are processes that share a store, each with a ledger of its own.
func replicas(t *testing.T, n int, random *rand.Rand, address string, rules ...budget.Rule) (all []*office) {
	t.Helper()
	org := fmt.Sprint("reload-", random.Uint64())
	for i := range n {
		store, err := redisstore.New(redisstore.Options{Addresses: []string{address}, Org: org, Part: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		all = append(all, newOffice(t, random, store, time.Now, rules...))
	}
	opened(t, all)
	return all
}

// opened fills the store of processes that share it until it is open to all of them.
func opened(t *testing.T, all []*office) {
	t.Helper()
	for open := 0; open < len(all); {
		open = 0
		for _, f := range all {
			switch err := f.e.Fill(t.Context(), f.o.Rules.Budgets); {
			case err == nil:
				open++
			case !errors.Is(err, budget.ErrFresh):
				t.Fatal(err)
			}
		}
	}
}

// Replicas that share a store take the same reloads each at its own time, under load:
// what accounts have spent is what all ledgers have together.
func TestReplicasThatReloadAtTheirOwnTimeCountEachCallOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	month := budget.Rule{Name: "month", Per: []string{"team"}, Limit: plenty, Window: budget.Window{Every: budget.Month}}
	changed := month
	changed.Match = map[string][]string{"team": {"a"}}
	files := [][]budget.Rule{
		{month}, {month, variants[1][0]}, {changed, variants[1][0], variants[2][0]}, {changed, variants[3][0], lastRule},
	}
	address, _ := startRedis(t)
	all := replicas(t, 3, random, address, files[0]...)
	at := make([]int, len(all))
	steps := func(of *office) func() {
		return func() {
			for range random.IntN(8) {
				if other := all[random.IntN(len(all))]; other.pages.during == nil || other == of {
					other.step()
				}
			}
		}
	}
	for reloads := 0; reloads < len(all)*(len(files)-1); {
		i := random.IntN(len(all))
		f := all[i]
		for range 10 {
			steps(nil)()
		}
		if at[i] == len(files)-1 {
			continue
		}
		abandon := random.IntN(4) == 0
		if f.reload(abandon, steps(f), files[at[i]+1]...); !abandon {
			at[i]++
			reloads++
		}
	}
	var ledgers []*pages
	for _, f := range all {
		f.end()
		ledgers = append(ledgers, f.pages)
	}
	all[0].check("with all replicas", ledgers...)
}
