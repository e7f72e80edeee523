package e2e_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// chain is three fareboxes that share their budgets, each with its own ledger.
type chain struct {
	*harness.Stack
	redis *harness.Redis
}

// inTurn has Envoy see that a replica drains before it stops listening, and calls under
// way end before it does.
const inTurn = "drain: {wait: 5s, timeout: 45s}\n"

// startChain starts one with a limit for the team; more follows the store in
// state.
func startChain(t *testing.T, limit, more string) *chain {
	t.Helper()
	return startChainWith(t, thrifty(limit), more)
}

// startChainWith starts one with another configuration.
func startChainWith(t *testing.T, config, more string) *chain {
	t.Helper()
	c := &chain{redis: kit.StartRedis(t)}
	c.Stack = kit.Start(t, harness.StackOptions{Config: config + c.state(more), Replicas: 3})
	plays(c.Stack)
	return c
}

// state is the section of a configuration that says where the store is.
func (c *chain) state(more string) string {
	return fmt.Sprintf("state: {store: \"redis://%s/0\", timeout: 5s%s}\n", c.redis.Addr(), more)
}

// spent is how the account of the month stands in the store, as every replica
// tells it, when no call is under way.
func (c *chain) spent(t *testing.T) (spent int64) {
	t.Helper()
	eventually(t, "nothing is held, and all tell the same", func(ctx context.Context) (bool, error) {
		told := map[int64]bool{}
		for _, f := range c.Replicas {
			m, err := f.Metrics(ctx)
			if err != nil {
				return false, err
			}
			if m.Sum("farebox_budget_limit_usd", `budget="month"`) == 0 {
				continue // it has seen no call
			}
			if held := m.Sum("farebox_budget_held_usd", `budget="month"`); held != 0 {
				return false, fmt.Errorf("%v USD are held", held)
			}
			spent = int64(math.Round(m.Sum("farebox_budget_spent_usd", `budget="month"`) * 1e9))
			told[spent] = true
		}
		if len(told) != 1 {
			return false, fmt.Errorf("they tell %v nano-USD", told)
		}
		return true, nil
	})
	return spent
}

// agrees holds what was spent in the store against the sum of ledgers, to the
// nano-USD, and returns it.
func (c *chain) agrees(t *testing.T) (spent int64) {
	t.Helper()
	var kept int64
	eventually(t, "the budget has spent what the ledgers have", func(context.Context) (bool, error) {
		spent, kept = c.spent(t), 0
		for _, f := range c.Replicas {
			kept += inLedger(t, f)
		}
		if kept != spent {
			return false, fmt.Errorf("the ledgers have %d nano-USD, the budget %d", kept, spent)
		}
		return true, nil
	})
	return spent
}

// exhaust runs rounds until in one of them nobody passes, and all see why.
func (c *chain) exhaust(t *testing.T) (passed int64) {
	t.Helper()
	for range 100 {
		n, unseen := roundOf(t, c.Stack)
		if passed += n; n+unseen == 0 || t.Failed() {
			return passed
		}
	}
	t.Fatal("the budget is never exhausted")
	return passed
}

func TestReplicasThatShareABudgetNeverOverspend(t *testing.T) {
	t.Parallel()
	c := startChain(t, "0.4", "")
	passed := c.exhaust(t)
	const limit = 400_000_000
	spent := c.agrees(t)
	if spent > limit || spent < limit*95/100 {
		t.Errorf("%d calls spent %d of %d nano-USD", passed, spent, limit)
	}
	if n := int64(len(c.Provider.Calls())); n != passed {
		t.Errorf("the provider saw %d calls, of which %d passed", n, passed)
	}
	for i, f := range c.Replicas {
		if kept := inLedger(t, f); kept == 0 || kept == spent {
			t.Errorf("replica %d has %d of %d nano-USD in its ledger", i, kept, spent)
		}
	}
	t.Logf("%d calls passed and spent %d of %d nano-USD", passed, spent, limit)
}

// begin starts streams and waits until all have begun. They go on for a while, and to
// their ends only with end, which waits for them.
func (c *chain) begin(t *testing.T, n int) (end func()) {
	t.Helper()
	hold := make(chan struct{})
	c.Provider.PlayFor("slow", provider.Scenario{Chunks: 100, Pace: 30 * time.Millisecond, Cuts: []int{10_000}, Hold: hold})
	var wait sync.WaitGroup
	end = sync.OnceFunc(func() { close(hold); wait.Wait() })
	t.Cleanup(end)
	var begun atomic.Int64
	for range n {
		e := ask(c.Stack, chatPath, modest(1, true))
		e.header.Set(provider.ScenarioHeader, "slow")
		var once sync.Once
		e.watch = func([]byte) { once.Do(func() { begun.Add(1) }) }
		wait.Go(func() { e.run(t.Context()) })
	}
	eventually(t, "the streams have begun", func(context.Context) (bool, error) { return begun.Load() == int64(n), nil })
	return end
}

// TestAReplicaThatWasKilledSettlesWhatItHeld: what it held stays held until it
// starts again, and is then spent as its ledger has it.
func TestAReplicaThatWasKilledSettlesWhatItHeld(t *testing.T) {
	t.Parallel()
	c := startChain(t, "5", "")
	roundOf(t, c.Stack)
	before := c.agrees(t)
	end := c.begin(t, 12)
	if err := c.Replicas[1].Kill9(); err != nil {
		t.Fatal(err)
	}
	end()
	if err := c.Replicas[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := c.agrees(t); after <= before {
		t.Errorf("spent %d nano-USD before, %d after", before, after)
	}
	m, err := c.Replicas[1].Metrics(t.Context())
	if err != nil || m.Sum("farebox_recovered_calls_total") == 0 {
		t.Errorf("it had no call under way: %v", err)
	}
}

// TestBudgetsAreWholeAgainAfterTheirStoreLostThem, calls under way included: each
// replica adds what its ledger has, and nobody passes before.
func TestBudgetsAreWholeAgainAfterTheirStoreLostThem(t *testing.T) {
	t.Parallel()
	c := startChain(t, "0.3", "")
	roundOf(t, c.Stack)
	before := c.agrees(t)
	filled := c.filled(t)
	end := c.begin(t, 12)
	if err := c.redis.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "calls pass again", func(ctx context.Context) (bool, error) {
		g := ask(c.Stack, chatPath, modest(1, false)).run(ctx)
		if g.status == http.StatusServiceUnavailable && !strings.Contains(string(g.body), "unavailable") {
			t.Errorf("a call is told %s", g.body)
		}
		return g.status == http.StatusOK, g.err
	})
	eventually(t, "each has added what its ledger has", func(context.Context) (bool, error) {
		for i, n := range c.filled(t) {
			if n == filled[i] {
				return false, fmt.Errorf("replica %d has not", i)
			}
		}
		return true, nil
	})
	end()
	if after := c.agrees(t); after <= before {
		t.Errorf("spent %d nano-USD before, %d after", before, after)
	}
	c.exhaust(t)
	if spent := c.agrees(t); spent > 300_000_000 {
		t.Errorf("spent %d nano-USD", spent)
	}
}

// filled is how often each replica added to the store what its ledger has.
func (c *chain) filled(t *testing.T) (times []float64) {
	t.Helper()
	for _, f := range c.Replicas {
		m, err := f.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, m.Sum("farebox_budget_store_filled_total"))
	}
	return times
}

// TestAStoreThatComesBackHasSpentWhatEndedMeanwhile: calls that were under way end
// while it is away, and new ones are refused until it is back.
func TestAStoreThatComesBackHasSpentWhatEndedMeanwhile(t *testing.T) {
	t.Parallel()
	c := startChain(t, "0.3", "")
	roundOf(t, c.Stack)
	before := c.agrees(t)
	end := c.begin(t, 12)
	if err := c.redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	if passed, unseen := roundOf(t, c.Stack); passed != 0 || unseen != callers {
		t.Errorf("%d calls passed while the store was away, %d were refused", passed, unseen)
	}
	end()
	if err := c.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := c.agrees(t); after <= before {
		t.Errorf("spent %d nano-USD before, %d after", before, after)
	}
	c.exhaust(t)
	if spent := c.agrees(t); spent > 300_000_000 {
		t.Errorf("spent %d nano-USD", spent)
	}
}

// passingAway runs rounds while the store is away, until in one of them nobody
// passes; the others are told why.
func (c *chain) passingAway(t *testing.T) (passed int) {
	t.Helper()
	for range 100 {
		n := 0
		for range 12 {
			e := ask(c.Stack, chatPath, modest(3, false))
			e.header.Set(provider.ScenarioHeader, "choices 3")
			g := e.run(t.Context())
			switch {
			case g.status == http.StatusOK && g.err == nil:
				n++
			case g.status != http.StatusTooManyRequests || !strings.Contains(string(g.body), "is away") || g.header.Get("Retry-After") != "1":
				t.Fatalf("status %d, %v: %.200s", g.status, g.err, g.body)
			}
		}
		if passed += n; n == 0 {
			return passed
		}
	}
	t.Fatal("the allowance is never used up")
	return passed
}

// TestWhileTheStoreIsAwayCallsPassWithinTheAllowance of each replica, and are counted
// when it is back.
func TestWhileTheStoreIsAwayCallsPassWithinTheAllowance(t *testing.T) {
	t.Parallel()
	c := startChain(t, "1", ", on_error: open, allowance_percent: 4")
	roundOf(t, c.Stack)
	before := c.agrees(t)
	if err := c.redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	passed := c.passingAway(t)
	if err := c.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const allowed = 3 * 40_000_000
	after := c.agrees(t)
	if took := after - before; passed == 0 || took <= 0 || took > allowed {
		t.Errorf("%d calls took %d nano-USD while the store was away, of %d", passed, took, allowed)
	}
	t.Logf("%d calls took %d of %d nano-USD", passed, after-before, allowed)
	eventually(t, "calls are counted again as they pass", func(ctx context.Context) (bool, error) {
		g := ask(c.Stack, chatPath, modest(1, false)).run(ctx)
		return g.status == http.StatusOK, g.err
	})
	if more := c.agrees(t); more <= after {
		t.Errorf("spent %d nano-USD, then %d", after, more)
	}
}
