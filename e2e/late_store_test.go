package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// restartAll ends all replicas in order and runs them again.
func (c *chain) restartAll(t *testing.T) {
	t.Helper()
	var wait sync.WaitGroup
	for _, f := range c.Replicas {
		wait.Go(func() {
			if err := f.Restart(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	eventually(t, "Envoy has found them again", func(ctx context.Context) (bool, error) {
		g := ask(c.Stack, chatPath, modest(1, false)).run(ctx)
		return g.status == http.StatusOK, g.err
	})
}

// TestReplicasThatStartWhileTheStoreIsAwayPassTheAllowance, where the operator has it
// so, and the store has all of it when it comes.
func TestReplicasThatStartWhileTheStoreIsAwayPassTheAllowance(t *testing.T) {
	t.Parallel()
	c := startChain(t, "1", ", on_error: open, allowance_percent: 4")
	roundOf(t, c.Stack)
	before := c.agrees(t)
	if err := c.redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	c.restartAll(t)
	passed := c.passingAway(t)
	if err := c.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const allowed = 3 * 40_000_000
	after := c.agrees(t)
	if took := after - before; passed == 0 || took <= 0 || took > allowed {
		t.Errorf("%d calls took %d nano-USD while the store was away, of %d", passed, took, allowed)
	}
	c.restartAll(t)
	if more := c.agrees(t); more <= after {
		t.Errorf("spent %d nano-USD, then %d", after, more)
	}
}

// TestAReplicaDoesNotStartWithoutTheStoreWhereNothingPassesWithoutIt, and says which
// store it misses.
func TestAReplicaDoesNotStartWithoutTheStoreWhereNothingPassesWithoutIt(t *testing.T) {
	t.Parallel()
	c := startChain(t, "1", "")
	f := c.Farebox
	if err := f.Process.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := c.redis.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(t.Context()); err == nil {
		t.Error("it started without its store")
	}
	if log := f.Log(); !strings.Contains(log, c.redis.Addr()) || !strings.Contains(log, "see that it runs") {
		t.Errorf("it wrote:\n%s", log)
	}
	if err := c.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(t.Context()); err != nil {
		t.Error(err)
	}
}
