package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/money"
)

// spread has two users call until every replica has calls in its ledger, and returns
// what each spent, in nano-USD.
func (c *chain) spread(t *testing.T) map[string]int64 {
	t.Helper()
	const each = (2*30 + 8*100) * 1000 // what a call of one choice costs
	spent := map[string]int64{}
	for n := 0; ; n++ {
		user := []string{"ann", "bob", "ann"}[n%3]
		e := ask(c.Stack, chatPath, modest(1, false))
		e.header.Set(provider.ScenarioHeader, "choices 1")
		e.header.Set("X-User", user)
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Fatalf("status %d, %v: %.200s", g.status, g.err, g.body)
		}
		spent[user] += each
		all := n%3 == 2 // so that who spends more is no matter of luck
		for _, f := range c.Replicas {
			all = all && inLedger(t, f) > 0
		}
		if all {
			return spent
		}
	}
}

// whoSpent waits until a replica tells what each user spent of the month, of all.
func (c *chain) whoSpent(t *testing.T, replica int, want map[string]int64) {
	t.Helper()
	eventually(t, fmt.Sprint("replica ", replica, " tells who spent"), func(ctx context.Context) (bool, error) {
		var a api.BudgetsAnswer
		out, err := c.Replicas[replica].Command(ctx, "budgets", "month", "--who", "user", "-o", "json")
		if err == nil {
			err = json.Unmarshal([]byte(out), &a)
		}
		if err != nil || len(a.Accounts) != 1 || a.Accounts[0].WhoAtLeast || len(a.Accounts[0].Who) != len(want) {
			return false, fmt.Errorf("%w: it tells %s", err, out)
		}
		for i, w := range a.Accounts[0].Who {
			if nanoOf(t, w.Spent) != want[w.Name] || w.Name != []string{"ann", "bob"}[i] {
				return false, fmt.Errorf("want %v: it tells %s", want, out)
			}
		}
		return true, nil
	})
}

// TestWhoSpentAndWhatWatchesSeeIsOfAllReplicas, whichever is asked, also when one of
// them was killed: no ledger has more than a part.
func TestWhoSpentAndWhatWatchesSeeIsOfAllReplicas(t *testing.T) {
	t.Parallel()
	c := startChain(t, "5", "")
	began := time.Now()
	spent := c.spread(t)
	total := c.agrees(t)
	c.whoSpent(t, 0, spent)
	c.whoSpent(t, 2, spent)
	if err := c.Replicas[1].Kill9(); err != nil {
		t.Fatal(err)
	}
	c.whoSpent(t, 0, spent)
	c.whoSpent(t, 2, spent)
	if err := c.Replicas[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.whoSpent(t, 1, spent)
	c.watched(t, began, total)
}

// watched makes all calls since a moment those of the hour before, and wants every
// replica to know one spike, of all of them. Watches look when hours have ended: around
// that moment it looks for none.
func (c *chain) watched(t *testing.T, began time.Time, total int64) {
	t.Helper()
	now := time.Now()
	if minute := now.Minute(); minute < 4 || minute >= 50 || !began.Truncate(time.Hour).Equal(now.Truncate(time.Hour)) {
		t.Logf("no hour is looked at, as it is minute %d of one, and calls began at %v", minute, began)
		return
	}
	floor := money.Nano(total).Amount()
	for _, f := range c.Replicas {
		if err := f.Process.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := kit.Age(t.Context(), f, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range c.Replicas {
		config := thrifty("5") + c.state("") + fmt.Sprintf("alerts: {watch: {every: 10s, spend_spike: {floor: %q}}}\n", floor)
		if err := f.Reconfigure(config); err != nil {
			t.Fatal(err)
		}
		if err := f.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range c.Replicas {
		eventually(t, fmt.Sprint("replica ", i, " knows of one spike"), func(ctx context.Context) (bool, error) {
			out, err := f.Command(ctx, "alerts", "list", "-o", "json")
			if err != nil {
				return false, err
			}
			if n := strings.Count(out, "team support was charged "); n != 1 {
				return false, fmt.Errorf("it knows of %d: %s", n, out)
			}
			return true, nil
		})
	}
}
