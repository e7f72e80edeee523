package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/api"
	"github.com/farebox/farebox/policy/budget"
)

// purses are accounts that stand still.
type purses struct {
	rules     map[string]*budget.Rule
	standings []budget.Standing
	name, who string
}

func (p *purses) Standings(_ context.Context, name, who string) ([]budget.Standing, error) {
	p.name, p.who = name, who
	return p.standings, nil
}

func (p *purses) Account(rule, of string) (budget.Account, bool) {
	for _, s := range p.standings {
		if s.Rule == rule && s.Of == of {
			return s.Account, true
		}
	}
	return budget.Account{}, false
}

func (p *purses) Raise(context.Context) error { return nil }

func (p *purses) Rule(name string) *budget.Rule { return p.rules[name] }

const nano = 1_000_000_000 // of a dollar

func somePurses() *purses {
	month := &budget.Rule{Name: "month", Per: []string{"team"}, Thresholds: []int{50, 75, 90}, Note: "agreed in spring", ReviewBy: noon.AddDate(0, 1, 0)}
	burst := &budget.Rule{Name: "burst.tokens_per_minute"}
	pool := &budget.Rule{Name: "pool", Include: budget.CallsAndCharges, OnExhausted: budget.Allow}
	of := func(team string) budget.Account {
		return budget.Account{Rule: "month", Of: team, Limit: 500 * nano, Start: noon.AddDate(0, 0, -19), End: noon.AddDate(0, 0, 12)}
	}
	return &purses{
		rules: map[string]*budget.Rule{"month": month, burst.Name: burst, "pool": pool},
		standings: []budget.Standing{
			{
				State: budget.State{Account: of("support"), Spent: 400_000_000_001, Held: nano / 8}, Now: noon, Burnt: 36 * nano, Over: 24 * time.Hour,
				Who: []budget.Spender{{Name: "ann\x1b[2J", Spent: 300 * nano}, {Spent: 100 * nano}},
			},
			{
				State: budget.State{Account: of("=1+1"), Spent: 510 * nano}, Now: noon, Over: 24 * time.Hour, Carried: 25 * nano,
				Who: []budget.Spender{{Name: "bob", Spent: 7 * nano}}, WhoAtLeast: true,
			},
			{State: budget.State{Account: budget.Account{Rule: burst.Name, Unit: budget.Tokens, Limit: 20_000, Rate: time.Minute}, Spent: 1200}, Now: noon},
			{State: budget.State{Account: budget.Account{Rule: "pool", Limit: 5, Rolling: 24 * time.Hour}}, Now: noon},
		},
	}
}

func askBudgets(t *testing.T, p api.Budgets, args ...string) (status int, out, errOut string) {
	t.Helper()
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: &books{}, Budgets: p, Now: func() time.Time { return noon }}))
	defer s.Close()
	return try(append(append([]string{"budgets"}, args...), "--admin", s.URL)...)
}

func TestBudgets(t *testing.T) {
	for _, form := range []string{"table", "json", "csv"} {
		p := somePurses()
		status, out, errOut := askBudgets(t, p, "month", "--who", "user", "-o", form)
		if status != 0 || p.name != "month" || p.who != "user" {
			t.Fatalf("status %d, asked %q by %q: %s", status, p.name, p.who, errOut)
		}
		golden(t, "budgets."+form, out)
	}
}

func TestNoBudgets(t *testing.T) {
	for _, p := range []api.Budgets{nil, &purses{}} {
		if _, out, _ := askBudgets(t, p); !strings.HasSuffix(out, "\n\nNone.\n") {
			t.Errorf("it shows %q", out)
		}
	}
}

func TestBudgetsOfATeam(t *testing.T) {
	if _, out, _ := askBudgets(t, somePurses(), "--team", "support"); !strings.Contains(out, "support") || strings.Contains(out, "=1+1") || strings.Contains(out, "pool") {
		t.Errorf("it shows %q", out)
	}
}

// TestTopups: what is asked for on one line is on the other.
func TestTopups(t *testing.T) {
	b := &books{}
	s := httptest.NewServer(api.NewHandler(api.Options{Ledger: b, Budgets: somePurses(), Now: func() time.Time { return noon }}))
	defer s.Close()
	run := func(args ...string) (out, errOut string) {
		_, out, errOut = try(append(append([]string{"budgets"}, args...), "--admin", s.URL)...)
		return out, errOut
	}
	if out, _ := run("topups"); out != "None.\n" {
		t.Errorf("nothing shows as %q", out)
	}
	out, errOut := run("topup", "month", "--of", "support", "--usd", "500", "--reason", "the\x1b fair", "--until", "2026-08-25", "--tz", "Europe/Berlin")
	if errOut != "" {
		t.Fatal(errOut)
	}
	golden(t, "topups.table", out)
	if again, _ := run("topups"); again != out {
		t.Errorf("the list is %q", again)
	}
	for want, args := range map[string][]string{
		"say how much":                 {"topup", "month", "--reason", "x"},
		"say how much with one":        {"topup", "month", "--usd", "1", "--tokens", "2", "--reason", "x"},
		"say with --reason why":        {"topup", "month", "--usd", "1"},
		"is no number of a top-up":     {"approve", "x"},
		"no top-up 9 that is not over": {"approve", "9"},
		"it is decided already":        {"approve", "1"},
		"revoke it":                    {"refuse", "1", "--reason", "x"},
		"refuse top-up: say":           {"refuse", "1"},
		"revoke top-up: say":           {"revoke", "1"},
		"no number of a top-up":        {"revoke", "one", "--reason", "x"},
		`no account of the budget`:     {"topup", "month", "--of", "nobody", "--usd", "1", "--reason", "x"},
		"the budget \"month\" counts":  {"topup", "month", "--of", "support", "--tokens", "1", "--reason", "x"},
	} {
		if _, errOut := run(args...); !strings.Contains(errOut, want) {
			t.Errorf("%q says %q, want %q", args, errOut, want)
		}
	}
	if out, errOut := run("revoke", "1", "--reason", "the fair is off"); errOut != "" || !strings.Contains(out, "anyone      the fair is off") {
		t.Errorf("revoking says %q, %q", out, errOut)
	}
}
