package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// purses are accounts that stand still.
type purses struct {
	rules     *budget.Rules
	standings []budget.Standing
	err       error
	raised    int
}

func (p *purses) Standings(context.Context, string, string) ([]budget.Standing, error) {
	return p.standings, p.err
}
func (p *purses) Account(rule, of string) (budget.Account, bool) {
	return p.rules.Of(rule, of, noon)
}

func (p *purses) Raise(context.Context) error {
	p.raised++
	return nil
}

func (p *purses) Rule(name string) *budget.Rule { return p.rules.Rule(name) }

func pursesOf(t *testing.T) *purses {
	t.Helper()
	day := budget.Window{Every: budget.Day}
	rules, err := budget.Compile([]budget.Rule{
		{Name: "each", Per: []string{"project", "team"}, Limit: 4, Unit: budget.Tokens, Window: day, Thresholds: []int{50, 100}, Until: noon.Add(time.Hour)},
		{Name: "one", Match: map[string][]string{"team": {"support"}}, Limit: 5_000_000_000, Window: day},
		{Name: "pool", Match: map[string][]string{"team": {"support", "ml"}}, Limit: 1, Window: day},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &purses{rules: rules}
	for _, name := range [][2]string{{"each", "x%2Fy/support"}, {"each", "x/ml"}, {"one", ""}, {"pool", ""}} {
		a, _ := rules.Of(name[0], name[1], noon)
		p.standings = append(p.standings, budget.Standing{State: budget.State{Account: a, Spent: 2, Held: 1}, Now: noon, Burnt: 1, Over: time.Hour})
	}
	p.standings[2].Carried = -2_500_000_000
	p.standings = append(p.standings, budget.Standing{State: budget.State{Account: budget.Account{Rule: "gone"}}})
	return p
}

func askPurses(t *testing.T, p Budgets, who Who) *Client {
	t.Helper()
	s := httptest.NewServer(NewHandler(Options{
		Ledger: &memory{}, Budgets: p, Now: func() time.Time { return noon }, Identify: func(*http.Request) (Who, error) { return who, nil },
	}))
	t.Cleanup(s.Close)
	return NewClient(s.URL, s.Client())
}

func TestBudgetsTellWhatATeamMaySee(t *testing.T) {
	for _, c := range []struct {
		bound, asked string
		want         []string
	}{
		{"", "", []string{"each x%2Fy/support", "each x/ml", "one ", "pool "}},
		{"", "ml", []string{"each x/ml"}},
		{"support", "", []string{"each x%2Fy/support", "one "}},
		{"other", "", nil},
	} {
		a, err := askPurses(t, pursesOf(t), Who{Name: "ann", Role: Viewer, Team: c.bound}).Budgets(t.Context(), BudgetsQuery{Team: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range a.Accounts {
			got = append(got, b.Budget+" "+b.Of)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("bound to %q, asked for %q: %q, want %q", c.bound, c.asked, got, c.want)
		}
	}
	_, err := askPurses(t, pursesOf(t), Who{Name: "ann", Role: Viewer, Team: "ml"}).Budgets(t.Context(), BudgetsQuery{Team: "support"})
	var told *Error
	if !errors.As(err, &told) || told.Status != http.StatusForbidden {
		t.Errorf("another team is told: %v", err)
	}
}

func TestBudgetsAreExact(t *testing.T) {
	a, err := askPurses(t, pursesOf(t), Who{Name: "ann", Role: Viewer}).Budgets(t.Context(), BudgetsQuery{})
	if err != nil {
		t.Fatal(err)
	}
	start, end, over, soon := noon.Add(-12*time.Hour), noon.Add(12*time.Hour), noon.Add(time.Hour), noon.Add(time.Hour)
	want := []BudgetAccount{
		{
			Budget: "each", Of: "x%2Fy/support", Unit: "tokens", Limit: "4", Spent: "2", Held: "1", Left: "1", WindowStart: &start, WindowEnd: &end,
			PerHour: "1", Projected: "14", RunsOut: &soon, Reached: []int{50}, Include: []string{"calls"}, OnExhausted: "refuse", Until: &over,
		},
		{
			Budget: "one", Unit: "usd", Limit: "5", Carried: "-2.5", Spent: "0.000000002", Held: "0.000000001", Left: "4.999999997", WindowStart: &start, WindowEnd: &end,
			PerHour: "0.000000001", Projected: "0.000000014", Reached: []int{}, Include: []string{"calls"}, OnExhausted: "refuse",
		},
	}
	if d := cmp.Diff(want, []BudgetAccount{a.Accounts[0], a.Accounts[2]}); d != "" {
		t.Error(d)
	}
}

func TestBudgetsRefuse(t *testing.T) {
	p := pursesOf(t)
	c := askPurses(t, p, Who{Name: "ann", Role: Viewer})
	for want, ask := range map[string]func() (BudgetsQuery, error){
		InvalidQuery: func() (BudgetsQuery, error) { return BudgetsQuery{Who: "a b"}, nil },
		TooManyRows:  func() (BudgetsQuery, error) { return BudgetsQuery{}, fmt.Errorf("ask: %w", ledger.ErrTooManyRows) },
		Internal:     func() (BudgetsQuery, error) { return BudgetsQuery{}, errors.New("no disk") },
	} {
		var q BudgetsQuery
		q, p.err = ask()
		_, err := c.Budgets(t.Context(), q)
		var told *Error
		if !errors.As(err, &told) || told.Code != want {
			t.Errorf("%+v: %v, want %s", q, err, want)
		}
	}
}
