package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy/api"
)

// saving is a shop one of whose teams may make so many calls a month, and those that
// it did not make in the month before.
func saving(calls int) string {
	return shop + fmt.Sprintf("mode: enforce\nbudgets: [{name: month, per: [team], limit: {requests: 1}, except: {support: {requests: %d}}, window: {every: month}, rollover: {percent: 100}}]\n", calls)
}

// status is what a call of the team is answered with.
func status(t *testing.T, s *harness.Stack) int {
	t.Helper()
	g := ask(s, chatPath, modest(1, false)).run(t.Context())
	if g.status == http.StatusTooManyRequests {
		outOfBudget(t, g)
	}
	return g.status
}

// lastMonth makes all calls so far those of the last day of the month before, at
// fareboxes that are stopped meanwhile.
func lastMonth(t *testing.T, s *harness.Stack, meanwhile func() error) {
	t.Helper()
	for _, f := range s.Replicas {
		if err := f.Process.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := kit.Age(t.Context(), f, time.Duration(time.Now().UTC().Day())*24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := meanwhile(); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Replicas {
		if err := f.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// carries waits until each replica shows what the month before left, and what the
// limit is with it.
func carries(t *testing.T, s *harness.Stack, carried, limit int) {
	t.Helper()
	eventually(t, fmt.Sprint("all show that ", carried, " is carried"), func(context.Context) (bool, error) {
		for _, f := range s.Replicas {
			var a api.BudgetsAnswer
			out, err := f.Command(t.Context(), "budgets", "month", "-o", "json")
			if err == nil {
				err = json.Unmarshal([]byte(out), &a)
			}
			if err != nil {
				return false, err
			}
			if all := a.Accounts; len(all) != 1 || all[0].Carried != fmt.Sprint(carried) || all[0].Limit != fmt.Sprint(limit) {
				return false, fmt.Errorf("it shows %s", out)
			}
		}
		return true, nil
	})
}

// passes makes so many calls, and one that is refused.
func passes(t *testing.T, s *harness.Stack, calls int) {
	t.Helper()
	for i := range calls {
		if got := status(t, s); got != http.StatusOK {
			t.Fatalf("call %d of %d: status %d", i+1, calls, got)
		}
	}
	if got := status(t, s); got != http.StatusTooManyRequests {
		t.Fatalf("a call beyond %d: status %d", calls, got)
	}
}

// TestWhatAMonthLeavesPaysForCallsOfTheNext, and for no more.
func TestWhatAMonthLeavesPaysForCallsOfTheNext(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: saving(3)})
	plays(s)
	for range 2 {
		if got := status(t, s); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	lastMonth(t, s, func() error { return nil })
	carries(t, s, 1, 4)
	passes(t, s, 4)
	table, err := s.Farebox.Command(t.Context(), "budgets")
	if err != nil || !strings.Contains(table, "month") {
		t.Errorf("%v: %s", err, table)
	}
	t.Logf("\n%s", table)
}

// TestReplicasCarryWhatAllOfThemLeft: each ledger has a part of the last month, and
// their store loses all twice.
func TestReplicasCarryWhatAllOfThemLeft(t *testing.T) {
	t.Parallel()
	const limit = 30
	redis := kit.StartRedis(t)
	s := kit.Start(t, harness.StackOptions{Config: saving(limit) + fmt.Sprintf("state: {store: \"redis://%s/0\", timeout: 5s}\n", redis.Addr()), Replicas: 2})
	plays(s)
	calls := 0
	for both := false; !both; calls++ {
		if got := status(t, s); got != http.StatusOK {
			t.Fatalf("call %d: status %d", calls+1, got)
		}
		both = kept(t, s.Replicas[0]) > 0 && kept(t, s.Replicas[1]) > 0
	}
	forget := func() error { return redis.Forget(t.Context()) }
	lastMonth(t, s, forget)
	carries(t, s, limit-calls, 2*limit-calls)
	for range limit {
		if got := status(t, s); got != http.StatusOK {
			t.Fatalf("status %d within the limit of a month", got)
		}
	}
	if err := s.Replicas[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := forget(); err != nil {
		t.Fatal(err)
	}
	carries(t, s, limit-calls, 2*limit-calls)
	eventually(t, "a call that is paid by what was carried is answered", func(context.Context) (bool, error) {
		return status(t, s) == http.StatusOK, nil
	})
	passes(t, s, limit-calls-1)
	for _, f := range s.Replicas {
		all := budgets(t, f, "month")
		if len(all) != 1 || all[0].Left != "0" {
			t.Errorf("it shows %+v", all)
		}
	}
}

// kept is how many calls a ledger has.
func kept(t *testing.T, f *harness.Farebox) int64 {
	t.Helper()
	u, err := f.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u.Total.Calls
}
