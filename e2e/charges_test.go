package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
)

// withCharges is thrifty, and has a budget of 5 USD a team that includes charges.
func withCharges() string {
	return strings.Replace(thrifty("100"), "budgets: [", `budgets: [{name: all, per: [team], include: [calls, charges], limit: {usd: "5"}, window: {every: month}}, `, 1)
}

// answersWith holds the next call to a status.
func answersWith(t *testing.T, s *harness.Stack, want int, says string) {
	t.Helper()
	if g := ask(s, chatPath, modest(1, false)).run(t.Context()); g.status != want || !strings.Contains(string(g.body), says) {
		t.Errorf("status %d, want %d and %q: %s", g.status, want, says, g.body)
	}
}

// TestAChargeExhaustsABudgetUntilItIsReversed: booked once, counted once, also after
// a kill and where a budget comes to include charges later; other teams pass.
func TestAChargeExhaustsABudgetUntilItIsReversed(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: thrifty("100")})
	plays(s)
	charges := func(want string, args ...string) {
		t.Helper()
		if out, err := s.Farebox.Command(t.Context(), args...); err != nil || !strings.Contains(out, want) {
			t.Errorf("farebox %q says %q, %v, want %q", args, out, err, want)
		}
	}
	seats := []string{"charges", "add", "seats", "--usd", "5", "--team", "support", "--provider", "azure", "--id", "seats-1"}
	charges("seats-1  5.00  team=support  azure", seats...)
	answersWith(t, s, http.StatusOK, "")
	if err := s.Farebox.Reconfigure(withCharges()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the budget counts what was booked before", func(ctx context.Context) (bool, error) {
		g := ask(s, chatPath, modest(1, false)).run(ctx)
		return g.status == http.StatusTooManyRequests && strings.Contains(string(g.body), `Budget \"all\"`), g.err
	})
	charges("seats-1  5.00", seats...)
	if err := s.Farebox.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := s.Farebox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	answersWith(t, s, http.StatusTooManyRequests, "budget_exhausted")
	charges("calls,charges", "budgets", "all")
	charges("reverses  ", "charges", "reverse", "seats-1", "reverses  seats")
	answersWith(t, s, http.StatusOK, "")
	charges("-5.00", "charges")
	charges("charge.reverse", "audit")
	if u, err := s.Farebox.Usage(t.Context()); err != nil || u.Total.Charged.Micro >= 1_000_000 {
		t.Errorf("usage is of calls alone: %+v, %v", u.Total, err)
	}
}

// TestAChargeCountsForAllReplicas: it is booked at one, once whoever is told of it, and
// is there again when their store has lost it, and when that replica has started again.
func TestAChargeCountsForAllReplicas(t *testing.T) {
	t.Parallel()
	c := startChainWith(t, withCharges(), "")
	book := func(args ...string) {
		t.Helper()
		if out, err := c.Replicas[1].Command(t.Context(), append([]string{"charges"}, args...)...); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	refused := func(when string) {
		t.Helper()
		n := 0
		eventually(t, "calls are refused "+when, func(ctx context.Context) (bool, error) {
			g := ask(c.Stack, chatPath, modest(1, false)).run(ctx)
			if g.status == http.StatusOK {
				t.Errorf("a call passed %s: %s", when, g.body)
			}
			if g.status == http.StatusTooManyRequests {
				n++
			}
			return n == 6, g.err
		})
	}
	passes := func() {
		t.Helper()
		eventually(t, "calls pass", func(ctx context.Context) (bool, error) {
			g := ask(c.Stack, chatPath, modest(1, false)).run(ctx)
			return g.status == http.StatusOK, g.err
		})
	}
	passes()
	book("add", "throughput", "--usd", "5", "--team", "support", "--id", "ptu")
	book("add", "throughput", "--usd", "5", "--team", "support", "--id", "ptu")
	told := func(want string, args ...string) {
		t.Helper()
		if out, err := c.Replicas[0].Command(t.Context(), append([]string{"charges"}, args...)...); !strings.Contains(fmt.Sprint(out, err), want) {
			t.Errorf("another replica, told %q, says %q, %v, want %q", args, out, err, want)
		}
	}
	told("ptu  5.00  team=support", "add", "throughput", "--usd", "5", "--team", "support", "--id", "ptu")
	told("another charge ptu is in the ledger of replica", "add", "throughput", "--usd", "4", "--team", "support", "--id", "ptu")
	told("charge ptu is in the ledger of replica", "reverse", "ptu", "billed to the wrong team")
	refused("once it is booked")
	if err := c.redis.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("after the store lost it")
	if err := c.Replicas[1].Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := c.Replicas[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("after it was killed")
	book("reverse", "ptu", "billed to the wrong team")
	passes()
	book("add", "fee", "--usd", "4.9", "--team", "support")
	passes()
}
