package e2e_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/money"
)

// budgets are how accounts stand, as the command tells it.
func budgets(t *testing.T, f *harness.Farebox, args ...string) []api.BudgetAccount {
	t.Helper()
	var a api.BudgetsAnswer
	out, err := f.Command(t.Context(), append(append([]string{"budgets"}, args...), "-o", "json")...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &a)
	}
	if err != nil {
		t.Fatalf("farebox budgets: %v: %s", err, out)
	}
	return a.Accounts
}

// TestAnOperatorSeesWhatIsLeftOfABudgetAndWhoSpentIt: as the ledger has it, also
// after a restart.
func TestAnOperatorSeesWhatIsLeftOfABudgetAndWhoSpentIt(t *testing.T) {
	t.Parallel()
	config := strings.Replace(thrifty("5"), "window: {every: month}", "window: {every: month}, note: agreed in spring, except: {research: {usd: \"7\"}}", 1)
	s := kit.Start(t, harness.StackOptions{Config: config + "rate_limits: [{name: burst, requests_per_minute: 1000}]\n"})
	plays(s)
	passed := round(t, s)
	spent := account(t, s.Farebox, "month")
	for range 2 {
		var all []api.BudgetAccount
		eventually(t, "the ledger has told all", func(context.Context) (bool, error) {
			all = budgets(t, s.Farebox, "month", "--who", "team")
			return len(all) == 2 && len(all[1].Who) > 0, nil
		})
		if all[0].Of != "research" || all[0].Limit != "7" || all[0].Spent != "0" {
			t.Fatalf("accounts %+v", all)
		}
		b := all[1]
		if b.Of != "support" || b.Limit != "5" || b.Held != "0" || b.Note != "agreed in spring" || b.WindowEnd == nil || b.WindowEnd.Day() != 1 {
			t.Errorf("it stands at %+v", b)
		}
		if got := nanoOf(t, b.Spent); got != spent || nanoOf(t, b.Left) != 5_000_000_000-spent {
			t.Errorf("spent %s, left %s, want %d nano-USD", b.Spent, b.Left, spent)
		}
		if len(b.Who) != 1 || b.Who[0].Name != "support" || nanoOf(t, b.Who[0].Spent) != spent {
			t.Errorf("spent by %+v", b.Who)
		}
		if err := s.Farebox.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if rates := budgets(t, s.Farebox, "burst"); len(rates) != 1 || rates[0].Budget != "burst.requests_per_minute" || rates[0].Refills != "1m0s" {
		t.Errorf("rate limits %+v", rates)
	}
	table, err := s.Farebox.Command(t.Context(), "budgets")
	if err != nil || !strings.Contains(table, "support") {
		t.Errorf("%v: %s", err, table)
	}
	t.Logf("%d calls:\n%s", passed, table)
}

func nanoOf(t *testing.T, usd string) int64 {
	t.Helper()
	a, err := money.ParseAmount(usd)
	if err != nil {
		t.Fatal(err)
	}
	return int64(a.Nano())
}
