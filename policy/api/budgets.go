package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// Budgets tells how accounts of budgets and rate limits stand.
type Budgets interface {
	// Standings are those of a budget or rate limit, or of all where name is "", with
	// who spent most by an attribute; "": by none.
	Standings(ctx context.Context, name, who string) ([]budget.Standing, error)
	// Rule is the budget, or a part of the rate limit, of that name; nil: none is.
	Rule(name string) *budget.Rule
	// Account is one of a rule, by its values, in the window of now; false: none is.
	Account(rule, of string) (budget.Account, bool)
	// Raise has calls follow the top-ups that the ledger has.
	Raise(ctx context.Context) error
}

// BudgetsQuery asks how accounts stand; what is empty is not asked for.
type BudgetsQuery struct {
	Budget string // of this budget or rate limit
	Team   string // of this team alone
	Who    string // tells the biggest spenders by this name: an attribute, model, provider or operation
}

// BudgetsAnswer is how accounts stand, in the order of the configuration.
type BudgetsAnswer struct {
	At       time.Time       `json:"at"`
	Accounts []BudgetAccount `json:"accounts"`
}

// BudgetAccount is how one account stands. Its numbers are decimal text in its
// unit, exact but for the rates, which are rounded down; what is absent is not
// known.
type BudgetAccount struct {
	Budget  string `json:"budget" doc:"The budget, or the part of a rate limit."`
	Of      string `json:"of,omitempty" doc:"The values that are counted apart, joined by /; absent: all calls that match share it."`
	Unit    string `json:"unit" enum:"usd,contracted_usd,tokens,requests,concurrency"`
	Limit   string `json:"limit" doc:"In this window, with top-ups and what was carried."`
	Carried string `json:"carried,omitempty" doc:"What the window before left; below 0: it took; absent: nothing."`
	Spent   string `json:"spent"`
	Held    string `json:"held" doc:"For calls under way, at the most that they may take."`
	Left    string `json:"left" doc:"Neither spent nor held; below 0 where more was spent than there was."`

	WindowStart *time.Time `json:"window_start,omitempty"`
	WindowEnd   *time.Time `json:"window_end,omitempty" doc:"Just after it."`
	Rolling     string     `json:"rolling,omitempty" doc:"The length of a window that moves with the clock." example:"24h0m0s"`
	Refills     string     `json:"refills_in,omitempty" doc:"The time in which a rate limit is refilled from nothing." example:"1m0s"`

	PerHour   string     `json:"per_hour,omitempty" doc:"What is spent in an hour, by all replicas that share budgets: of the last 24 hours, or of the window where it is younger."`
	Projected string     `json:"projected,omitempty" doc:"What will be spent when the window ends, at that rate."`
	RunsOut   *time.Time `json:"runs_out,omitempty" doc:"When nothing will be left, at that rate; absent: not in this window, or it is not known."`
	Reached   []int      `json:"reached" doc:"Those of its thresholds that it has reached, in percent of the limit."`

	Include     []string        `json:"include" doc:"What counts: calls, charges, or both."`
	OnExhausted string          `json:"on_exhausted" enum:"refuse,allow,shrink,downgrade,throttle"`
	Note        string          `json:"note,omitempty"`
	Until       *time.Time      `json:"until,omitempty" doc:"When the budget ends."`
	ReviewBy    *time.Time      `json:"review_by,omitempty"`
	Who         []BudgetSpender `json:"who,omitempty" doc:"Where it was asked: who spent most of the window, of the last 92 days at most, the first the most, of all replicas that share budgets."`

	WhoAtLeast bool `json:"who_at_least,omitempty" doc:"Where who was asked: replicas that share budgets may have more that could not be heard in time; ask again."`
}

// BudgetSpender is who spent a part of an account.
type BudgetSpender struct {
	Name  string `json:"name" doc:"Empty: calls that have none."`
	Spent string `json:"spent"`
}

// budgetsQuestion is GET /api/v1/budgets.
type budgetsQuestion struct {
	Budget string `query:"budget" maxLength:"128" doc:"Only this budget or rate limit."`
	Team   string `query:"team" maxLength:"256" doc:"Only accounts that are of this team alone."`
	Who    string `query:"who" maxLength:"64" doc:"Tells who spent most of each account, by this name: an owner attribute, model, provider or operation." example:"user"`
}

func (s *server) standings(ctx context.Context, who Who, q *budgetsQuestion) (*BudgetsAnswer, error) {
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	if q.Who != "" && !isName(q.Who) {
		return nil, invalid("who: %q is no name of an attribute", q.Who)
	}
	a := &BudgetsAnswer{At: s.now().UTC(), Accounts: []BudgetAccount{}}
	if s.budgets == nil {
		return a, nil
	}
	all, err := s.budgets.Standings(ctx, q.Budget, q.Who)
	if errors.Is(err, ledger.ErrTooManyRows) {
		return nil, tooManyAccounts
	}
	if err != nil {
		return nil, fmt.Errorf("tell how budgets stand: %w", err)
	}
	for i := range all {
		rule := s.budgets.Rule(all[i].Rule)
		if rule == nil { // it is gone since
			continue
		}
		if of, one := rule.Value(all[i].Of, "team"); team == "" || one && of == team {
			a.Accounts = append(a.Accounts, accountOf(&all[i], rule))
		}
	}
	if len(a.Accounts) > MaxRows {
		return nil, tooManyAccounts
	}
	return a, nil
}

var tooManyAccounts = &Error{Status: http.StatusUnprocessableEntity, Code: TooManyRows, Message: "there are too many accounts: ask for one budget, or one team"}

func accountOf(s *budget.Standing, rule *budget.Rule) BudgetAccount {
	a := BudgetAccount{
		Budget: s.Rule, Of: s.Of, Unit: s.Unit.String(), Limit: quantity(s.Unit, s.Limit), Spent: quantity(s.Unit, s.Spent), Held: quantity(s.Unit, s.Held),
		Left: quantity(s.Unit, s.Left()), WindowStart: given(s.Start), WindowEnd: given(s.End),
		Include: rule.Include.Names(), OnExhausted: string(rule.OnExhausted), Note: rule.Note, Until: given(rule.Until), ReviewBy: given(rule.ReviewBy),
		Reached: append([]int{}, s.Reached(rule.Thresholds)...),
	}
	if a.OnExhausted == "" {
		a.OnExhausted = string(budget.Refuse)
	}
	if s.Carried != 0 {
		a.Carried = quantity(s.Unit, s.Carried)
	}
	if s.Rolling > 0 {
		a.Rolling = s.Rolling.String()
	}
	if s.Rate > 0 {
		a.Refills = s.Rate.String()
	}
	if n, known := s.PerHour(); known {
		a.PerHour = quantity(s.Unit, n)
	}
	if n, known := s.Projected(); known {
		a.Projected = quantity(s.Unit, n)
	}
	if at, does := s.RunsOut(); does {
		a.RunsOut = given(at.Truncate(time.Second))
	}
	a.WhoAtLeast = s.WhoAtLeast
	for _, w := range s.Who {
		a.Who = append(a.Who, BudgetSpender{Name: w.Name, Spent: quantity(s.Unit, w.Spent)})
	}
	return a
}

// given is a time, or nil for none.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// quantity is a number of a unit as text.
func quantity(u budget.Unit, n int64) string {
	if u.IsMoney() {
		return money.Nano(n).Amount().String()
	}
	return strconv.FormatInt(n, 10)
}

func standingsOperation() operation {
	return operation{
		method: http.MethodGet, path: budgetsPath, id: "budgets", summary: "How budgets and rate limits stand",
		text: "What each account may spend, has spent, holds and has left, how fast it is spent and when it will have nothing left, in the order of the configuration. " +
			"Told are accounts that calls counted against in their window, of which the last 92 days are searched, and those that the configuration names. " +
			"Who is bound to a team is told of accounts that are that team's alone.",
		least: Viewer, errors: []int{http.StatusUnprocessableEntity},
	}
}
