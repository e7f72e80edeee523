package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/farebox/farebox/e2e/provider"
)

// sharing is a chain whose replicas count out of shares, with holds of what callers
// allow. What is appended to state here ends it.
func sharing(t *testing.T, limit string) *chain {
	t.Helper()
	return startChain(t, limit, ", leases: true}\nholds: {output_bound: cap")
}

// rounds are run while at least nine tenths of the budget are free: nobody is
// refused, and most calls ask the store nothing.
func (c *chain) rounds(t *testing.T, n int) {
	t.Helper()
	before, err := c.redis.Scripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if passed, unseen := roundOf(t, c.Stack); passed != callers || unseen != 0 {
			t.Errorf("%d of %d calls passed", passed, callers)
		}
	}
	after, err := c.redis.Scripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if calls := int64(n * callers); after-before >= calls {
		t.Errorf("%d calls ran %d scripts: they do not count out of shares", calls, after-before)
	} else {
		t.Logf("%d calls ran %d scripts", calls, after-before)
	}
}

// dear has providers answer with all that is allowed, for some rounds.
func (c *chain) dear(t *testing.T, rounds int) {
	t.Helper()
	for choices := 1; choices <= 3; choices++ {
		c.Provider.PlayFor(fmt.Sprint("choices ", choices), provider.Scenario{Usage: &provider.Usage{Prompt: 30, Completion: 1000 * choices}})
	}
	for range rounds {
		roundOf(t, c.Stack)
	}
	plays(c.Stack)
}

// TestReplicasCountOutOfShares: nobody is refused while there is plenty, no limit is
// passed, nearly all of it is used, and in the end less than one call is left. When
// the replicas have drained, the store has what their ledgers have.
func TestReplicasCountOutOfShares(t *testing.T) {
	t.Parallel()
	const limit, leastCall = 16_000_000_000, 8_500_000
	c := sharing(t, "16")
	c.rounds(t, 6)
	c.dear(t, 12)
	passed := c.exhaust(t)
	spent := c.agrees(t)
	if spent > limit || spent < limit*95/100 {
		t.Errorf("%d calls spent %d of %d nano-USD when nobody passed", passed, spent, limit)
	}
	for n := int64(1); n > 0 && !t.Failed(); { // with what other replicas did not use
		n = c.exhaust(t)
		spent = c.agrees(t)
		passed += n
	}
	if spent > limit || limit-spent >= leastCall {
		t.Errorf("spent %d of %d nano-USD when nobody passes any more", spent, limit)
	}
	c.toldOnce(t)
	for _, f := range c.Replicas {
		if err := f.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ask(c.Stack, chatPath, modest(1, false)).run(t.Context()) // is refused
	if after := c.agrees(t); after != spent {
		t.Errorf("spent %d nano-USD, after all have drained %d", spent, after)
	}
	t.Logf("at last %d calls passed; spent %d of %d nano-USD", passed, spent, limit)
}

// toldOnce holds that one replica alone told of a threshold.
func (c *chain) toldOnce(t *testing.T) {
	t.Helper()
	eventually(t, "one replica has told that half of the budget is spent", func(ctx context.Context) (bool, error) {
		told := 0.0
		for _, f := range c.Replicas {
			m, err := f.Metrics(ctx)
			if err != nil {
				return false, err
			}
			told += m.Sum("farebox_budget_threshold_total", `budget="month"`, `percent="50"`)
		}
		return told == 1, nil
	})
}
