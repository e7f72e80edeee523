package e2e_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

// sharing is a chain whose replicas count out of shares, with holds of what callers
// allow. What is appended to state here ends it.
func sharing(t *testing.T, limit string) *chain {
	t.Helper()
	return startChainWith(t, thrifty(limit)+inTurn, ", leases: true}\nholds: {output_bound: cap")
}

// rounds are run while at least nine tenths of the budget are free: nobody is
// refused, and most calls ask the store nothing. To reserve and settle each would be
// two scripts a call.
func (c *chain) rounds(t *testing.T, n int) {
	t.Helper()
	before, err := c.redis.Scripts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if passed, unseen := roundOf(t, c.Stack); passed+unseen != callers {
			t.Errorf("%d of %d calls passed, and the budget of %d could not be seen in time", passed, callers, unseen)
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

// dear has providers answer with all that is allowed, until so many nano-USD are
// spent.
func (c *chain) dear(t *testing.T, until int64) {
	t.Helper()
	for choices := 1; choices <= 3; choices++ {
		c.Provider.PlayFor(fmt.Sprint("choices ", choices), provider.Scenario{Usage: &provider.Usage{Prompt: 30, Completion: 1000 * choices}})
	}
	for range 100 {
		roundOf(t, c.Stack)
		if spent, _ := stands(t, c.Replicas[0]); spent >= until {
			break
		}
	}
	plays(c.Stack)
}

// stands is what a replica tells of the budget, in nano-USD.
func stands(t *testing.T, f *harness.Farebox) (spent, held int64) {
	t.Helper()
	m, err := f.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nano := func(name string) int64 { return int64(math.Round(m.Sum(name, `budget="month"`) * 1e9)) }
	return nano("farebox_budget_spent_usd"), nano("farebox_budget_held_usd")
}

// busy has callers make one call after the other until stop, which waits for the
// last answers. It counts those that pass; others may fail.
func (c *chain) busy(t *testing.T, callers int, scenario func(n int) (name string, choices int)) (stop func(), passed *atomic.Int64) {
	t.Helper()
	passed = &atomic.Int64{}
	over := make(chan struct{})
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			for n := i; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				name, choices := scenario(n)
				e := ask(c.Stack, chatPath, modest(choices, name == "slow"))
				e.header.Set(provider.ScenarioHeader, name)
				if g := e.run(t.Context()); g.status == http.StatusOK && g.err == nil {
					passed.Add(1)
				}
			}
		})
	}
	stop = sync.OnceFunc(func() { close(over); wait.Wait() })
	t.Cleanup(stop)
	return stop, passed
}

// restart restarts all replicas, one after the other, while streams of a second go
// on.
func (c *chain) restart(t *testing.T) {
	t.Helper()
	c.Provider.PlayFor("slow", provider.Scenario{Usage: &provider.Usage{Prompt: 30, Completion: 100}, Chunks: 40, Pace: 30 * time.Millisecond})
	stop, passed := c.busy(t, 40, func(int) (string, int) { return "slow", 1 })
	for i, f := range c.Replicas {
		c.serves(t, i)
		if err := f.Restart(t.Context()); err != nil {
			t.Fatalf("restart replica %d: %v", i, err)
		}
		c.serves(t, i)
	}
	stop()
	t.Logf("%d calls passed while the replicas restarted", passed.Load())
}

// TestReplicasCountOutOfShares: nobody is refused while there is plenty, no limit is
// passed, nearly all of it is used, and in the end less than one call is left. When
// replicas drain, the store has what their ledgers have.
func TestReplicasCountOutOfShares(t *testing.T) {
	t.Parallel()
	const limit, leastCall = 20_000_000_000, 8_500_000
	c := sharing(t, "20")
	c.rounds(t, 6)
	c.restart(t)
	if before := c.agrees(t); before == 0 || before > limit/2 {
		t.Fatalf("spent %d of %d nano-USD, want some and less than half", before, int64(limit))
	}
	c.dear(t, limit*9/10)
	passed := c.exhaust(t)
	spent := c.agrees(t)
	if spent > limit || spent < limit*95/100 {
		t.Errorf("spent %d of %d nano-USD when nobody passed", spent, int64(limit))
	}
	for n := int64(1); n > 0 && !t.Failed(); passed += n { // with what other replicas did not use
		n = c.exhaust(t)
		spent = c.agrees(t)
	}
	if spent > limit || limit-spent >= leastCall {
		t.Errorf("spent %d of %d nano-USD when nobody passes any more", spent, int64(limit))
	}
	c.toldOnce(t)
	for i, f := range c.Replicas {
		b := budgets(t, f, "month")
		if len(b) != 1 || nanoOf(t, b[0].Spent) != spent || b[0].Held != "0" {
			t.Errorf("replica %d tells %+v, want %d nano-USD spent", i, b, spent)
		}
	}
	t.Logf("at last %d calls passed; spent %d of %d nano-USD", passed, spent, int64(limit))
}

// toldOnce holds that one replica alone told of a threshold.
func (c *chain) toldOnce(t *testing.T) {
	t.Helper()
	told := 0.0
	for _, f := range c.Replicas {
		m, err := f.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		told += m.Sum("farebox_budget_threshold_total", `budget="month"`, `percent="50"`)
	}
	if told != 1 {
		t.Errorf("half of the budget was told %v times", told)
	}
}

// killed kills a replica while calls are under way on all, also out of its shares,
// sees that the others go on, and starts it again.
func (c *chain) killed(t *testing.T, replica int) {
	t.Helper()
	end := c.begin(t, 12)
	stop, passed := c.busy(t, 16, func(n int) (string, int) { return fmt.Sprint("choices ", 1+n%3), 1 + n%3 })
	more := func(what string) {
		was := passed.Load()
		eventually(t, what, func(context.Context) (bool, error) { return passed.Load() >= was+200, nil })
	}
	more("calls pass")
	if err := c.Replicas[replica].Kill9(); err != nil {
		t.Fatal(err)
	}
	more("the others go on")
	if err := c.Replicas[replica].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.serves(t, replica)
	stop()
	end()
}

// left waits until no more is held than most, which is what a replica left that was
// killed, and returns what it is. What all ledgers have is spent, or held.
func (c *chain) left(t *testing.T, limit, most int64) (held int64) {
	t.Helper()
	eventually(t, "all tell the same, of which the ledgers have what is spent and no more than is held", func(context.Context) (bool, error) {
		var spent, kept int64
		for i, f := range c.Replicas {
			s, h := stands(t, f)
			if i > 0 && (s != spent || h != held) {
				return false, fmt.Errorf("replica %d tells %d nano-USD spent and %d held, another %d and %d", i, s, h, spent, held)
			}
			spent, held = s, h
			kept += inLedger(t, f)
		}
		if held > most || spent+held > limit || spent > kept || kept > spent+held {
			return false, fmt.Errorf("%d are spent and %d held of %d nano-USD, the ledgers have %d", spent, held, limit, kept)
		}
		return true, nil
	})
	if held == 0 {
		t.Error("nothing is held: it was killed without a share")
	}
	return held
}

// TestAReplicaThatIsKilledLeavesItsShares: they stay held, the others go on, and no
// limit is passed. A store that is made to forget has what the ledgers have.
func TestAReplicaThatIsKilledLeavesItsShares(t *testing.T) {
	t.Parallel()
	const limit = 16_000_000_000
	c := sharing(t, "16")
	c.killed(t, 1)
	const underway = 12*8_500_000 + 16*25_000_000 // at most: those of one choice, and others of three
	held := c.left(t, limit, limit/32+underway)
	c.dear(t, limit*3/4)
	c.exhaust(t)
	held = c.left(t, limit, held)
	if err := c.redis.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	spent := c.agrees(t)
	if spent > limit || spent < limit*9/10 {
		t.Errorf("spent %d of %d nano-USD", spent, int64(limit))
	}
	t.Logf("%d nano-USD were held; spent %d of %d", held, spent, int64(limit))
}
