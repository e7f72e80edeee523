package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/provider"
)

// TestARollingRestartLosesNoCallAndNoMoney: each replica in turn is stopped in order
// and started again under load. Less than half of the budget is spent, so each call
// is answered whole, and none is refused.
func TestARollingRestartLosesNoCallAndNoMoney(t *testing.T) {
	t.Parallel()
	const limit = 100_000_000_000
	c := startChainWith(t, thrifty("100")+inTurn, "")
	c.Provider.PlayFor("slow", provider.Scenario{Usage: &provider.Usage{Prompt: 30, Completion: 100}, Chunks: 40, Pace: 30 * time.Millisecond})
	stop, passed := c.load(t, 32)
	for i, f := range c.Replicas {
		c.serves(t, i)
		if err := f.Restart(t.Context()); err != nil {
			t.Fatalf("restart replica %d: %v", i, err)
		}
		c.serves(t, i)
	}
	stop()
	spent := c.agrees(t)
	if spent == 0 || spent > limit/2 {
		t.Errorf("spent %d of %d nano-USD, want some and less than half", spent, int64(limit))
	}
	n := passed.Load()
	if kept := c.kept(t); kept != n {
		t.Errorf("the ledgers have %d calls, of which %d were answered", kept, n)
	}
	t.Logf("%d calls passed and spent %d nano-USD", n, spent)
}

// load has callers make one call after the other, of all kinds, until stop, which
// waits for the last answers. Each is to be answered whole.
func (c *chain) load(t *testing.T, callers int) (stop func(), passed *atomic.Int64) {
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
				if !c.whole(t, n) {
					return
				}
				passed.Add(1)
			}
		})
	}
	stop = sync.OnceFunc(func() { close(over); wait.Wait() })
	t.Cleanup(stop)
	return stop, passed
}

// whole makes the nth call: JSON, a stream, or a stream that takes a second. It
// tells when the answer is anything but whole.
func (c *chain) whole(t *testing.T, n int) bool {
	choices, stream := 1+n%3, n%2 == 0
	e := ask(c.Stack, chatPath, modest(choices, stream))
	e.header.Set(provider.ScenarioHeader, fmt.Sprint("choices ", choices))
	if n%6 == 0 { // of one choice, and streamed
		e.header.Set(provider.ScenarioHeader, "slow")
	}
	g := e.run(t.Context())
	complete := json.Valid(g.body)
	if stream {
		complete = bytes.HasSuffix(g.body, []byte(doneEvent))
	}
	if g.status != http.StatusOK || g.err != nil || !complete {
		t.Errorf("call %d, streamed %v: status %d, %v, %d bytes that begin %.300q", n, stream, g.status, g.err, len(g.body), g.body)
		return false
	}
	return true
}

// serves waits until a replica has had calls since it was started.
func (c *chain) serves(t *testing.T, replica int) {
	t.Helper()
	eventually(t, fmt.Sprintf("replica %d serves calls", replica), func(ctx context.Context) (bool, error) {
		m, err := c.Replicas[replica].Metrics(ctx)
		return err == nil && m.Sum("farebox_requests_total", `outcome="served"`) > 0, err
	})
}

// kept is how many calls the ledgers have.
func (c *chain) kept(t *testing.T) (calls int64) {
	t.Helper()
	for _, f := range c.Replicas {
		u, err := f.Usage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		calls += u.Total.Calls
	}
	return calls
}
