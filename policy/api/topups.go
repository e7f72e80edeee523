package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// BudgetTopup is the action of the audit when a limit is raised, or that is asked for.
const BudgetTopup = ledger.ActTopup

// Bounds of top-ups.
const (
	MaxTopup   = 366 * 24 * time.Hour // how long one may last that has an end
	mostRaised = int64(1e18)          // of one, in units: a billion dollars
)

// TopupAsked asks for more of one account.
type TopupAsked struct {
	_      struct{}   `additionalProperties:"false"`
	Budget string     `json:"budget" minLength:"1" maxLength:"128"`
	Of     string     `json:"of,omitempty" maxLength:"4096" doc:"The values that the budget counts apart, joined by / (in them %2F stands for / and %25 for %)." example:"support"`
	Unit   string     `json:"unit" enum:"usd,contracted_usd,tokens,requests" doc:"That of the budget."`
	Amount string     `json:"amount" maxLength:"40" doc:"Decimal text, above 0." example:"500"`
	Until  *time.Time `json:"until,omitempty" doc:"When the limit falls back, at most 366 days from now; absent: when the window ends."`
	Reason string     `json:"reason" minLength:"1" maxLength:"1024" doc:"Why, for a person."`
}

// Topup is more of one account, for a time.
type Topup struct {
	Number    int64      `json:"number" doc:"Grows from one to the next."`
	Budget    string     `json:"budget"`
	Of        string     `json:"of,omitempty"`
	Unit      string     `json:"unit"`
	Amount    string     `json:"amount" doc:"Decimal text."`
	Until     *time.Time `json:"until,omitempty" doc:"Just before then it ends; absent: it does not."`
	By        string     `json:"by" doc:"Who asked for it."`
	At        time.Time  `json:"at"`
	Reason    string     `json:"reason"`
	InForce   bool       `json:"in_force" doc:"false: it waits for somebody to grant it, or was refused or revoked."`
	GrantedBy string     `json:"granted_by,omitempty"`
	GrantedAt *time.Time `json:"granted_at,omitempty"`

	RevokedBy     string     `json:"revoked_by,omitempty" doc:"Who refused it, or took it back."`
	RevokedAt     *time.Time `json:"revoked_at,omitempty"`
	RevokedReason string     `json:"revoked_reason,omitempty"`
}

// TopupsAnswer is what limits are raised by, what waits and what was refused or
// revoked, the oldest first.
type TopupsAnswer struct {
	Topups []Topup `json:"topups"`
}

func tellTopup(t *ledger.Topup) Topup {
	unit, _ := budget.ParseUnit(t.Unit)
	return Topup{
		Number: t.Number, Budget: t.Rule, Of: t.Of, Unit: t.Unit, Amount: quantity(unit, t.Amount), Until: given(t.Until), By: t.By, At: t.At.UTC(),
		Reason: t.Why, InForce: t.InForce(), GrantedBy: t.GrantedBy, GrantedAt: given(t.GrantedAt),
		RevokedBy: t.RevokedBy, RevokedAt: given(t.RevokedAt), RevokedReason: t.RevokedWhy,
	}
}

// topupsQuestion is GET /api/v1/budgets/topups.
type topupsQuestion struct{}

func (s *server) topups(ctx context.Context, who Who, _ *topupsQuestion) (*TopupsAnswer, error) {
	all, err := s.ledger.Topups(ctx, s.now())
	if err != nil {
		return nil, fmt.Errorf("list top-ups: %w", err)
	}
	a := &TopupsAnswer{Topups: []Topup{}}
	for i := range all {
		if s.mayTopUp(who, &all[i]) {
			a.Topups = append(a.Topups, tellTopup(&all[i]))
		}
	}
	return a, nil
}

// mayTopUp reports whether an account is for who.
func (s *server) mayTopUp(who Who, t *ledger.Topup) bool {
	if who.Team == "" {
		return true
	}
	if s.budgets == nil {
		return false
	}
	rule := s.budgets.Rule(t.Rule)
	if rule == nil {
		return false
	}
	team, one := rule.Value(t.Of, "team")
	return one && team == who.Team
}

// topupPost is POST /api/v1/budgets/topups.
type topupPost struct{ Body TopupAsked }

// topup raises a limit: at once where who asks may, else when another grants it.
func (s *server) topup(ctx context.Context, who Who, q *topupPost) (*Topup, error) {
	now := s.now()
	t := ledger.Topup{Rule: q.Body.Budget, Of: q.Body.Of, Unit: q.Body.Unit, By: who.Name, At: now, Why: q.Body.Reason}
	account, is := s.account(who, &t)
	if !is {
		return nil, s.noAccount(&t)
	}
	if err := complete(&t, &account, &q.Body); err != nil {
		return nil, err
	}
	open, err := s.ledger.Topups(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("list top-ups: %w", err)
	}
	if len(open) >= ledger.MaxTopups {
		return nil, &Error{Status: http.StatusConflict, Code: Conflict, Message: fmt.Sprintf("there are %d top-ups already: raise the limits of the configuration", len(open))}
	}
	if !s.budgets.Rule(t.Rule).Approve && who.Role >= Finance {
		t.GrantedBy, t.GrantedAt = who.Name, now
	}
	kept, err := s.ledger.Topup(ctx, t, ledger.Change{At: now, Actor: who.Name, Role: who.Role.String(), Action: BudgetTopup, Reason: t.Why})
	if err != nil {
		return nil, fmt.Errorf("keep top-up: %w", err)
	}
	return s.follow(ctx, &kept)
}

// account is the one that t is for.
func (s *server) account(who Who, t *ledger.Topup) (a budget.Account, is bool) {
	if s.budgets == nil || !s.mayTopUp(who, t) {
		return a, false
	}
	if rule := s.budgets.Rule(t.Rule); rule != nil && t.Of == "" && slices.Contains(rule.Per, "team") {
		return a, false // every call is of a team, if only of the one that is nobody's
	}
	return s.budgets.Account(t.Rule, t.Of)
}

// noAccount says what there is none of: the budget, or an account of such values.
func (s *server) noAccount(t *ledger.Topup) *Error {
	e := &Error{Status: http.StatusNotFound, Code: NotFound}
	switch {
	case s.budgets == nil || s.budgets.Rule(t.Rule) == nil:
		e.Message = fmt.Sprintf("there is no budget %.128q", t.Rule)
	case t.Of == "":
		e.Message = fmt.Sprintf("the budget %.128q has a limit for each %s: say whose is to be raised with \"of\" (--of)", t.Rule, strings.Join(s.budgets.Rule(t.Rule).Per, " and "))
	default:
		e.Message = fmt.Sprintf("no account of the budget %.128q is of %.128q", t.Rule, t.Of)
	}
	return e
}

// complete reads how much is asked for, and until when.
func complete(t *ledger.Topup, a *budget.Account, asked *TopupAsked) error {
	amount, err := read(a.Unit, asked.Amount)
	switch {
	case a.Rate > 0 || a.Unit == budget.Concurrency:
		return unfit("%q is a rate limit: only budgets are topped up", t.Rule)
	case a.Unit.String() != asked.Unit:
		return unfit("unit: the budget %q counts %s", t.Rule, a.Unit)
	case err != nil:
		return unfit("amount: %v", err)
	case amount < 1 || amount > mostRaised:
		return unfit("amount: %s is not above 0, or more than %s", asked.Amount, quantity(a.Unit, mostRaised))
	}
	t.Amount, t.Until = amount, a.End
	switch {
	case asked.Until == nil && a.Rolling > 0:
		return unfit("until: the window of %q moves with the clock, so say when the limit falls back", t.Rule)
	case asked.Until == nil:
		return nil
	case !asked.Until.After(t.At):
		return unfit("until: %s is not in the future", asked.Until.Format(time.RFC3339))
	case asked.Until.After(t.At.Add(MaxTopup)):
		return unfit("until: a top-up lasts at most %d days", int(MaxTopup.Hours())/24)
	}
	t.Until = *asked.Until
	return nil
}

// read is the inverse of quantity.
func read(u budget.Unit, text string) (int64, error) {
	if !u.IsMoney() {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no whole number", text)
		}
		return n, nil
	}
	a, err := money.ParseAmount(text)
	if err == nil && a.Nano().Amount() != a {
		err = fmt.Errorf("%s is finer than a billionth of a dollar", text)
	}
	return int64(a.Nano()), err
}

// follow has calls that come after the answer follow a top-up.
func (s *server) follow(ctx context.Context, t *ledger.Topup) (*Topup, error) {
	if err := s.budgets.Raise(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	told := tellTopup(t)
	return &told, nil
}

func topupsOperation() operation {
	return operation{
		method: http.MethodGet, path: topupsPath, id: "topups", summary: "By what limits are raised",
		text: "The top-ups of budgets that are in force, wait to be granted, or were refused or revoked and would else not be over, the oldest first.", least: Viewer,
	}
}

func topupOperation() operation {
	return operation{
		method: http.MethodPost, path: topupsPath, id: "topup", summary: "Raise the limit of an account",
		text: "Raises the limit of one account of a budget until its window ends, or until a date. Who has the role finance raises it at once, unless the budget says " +
			"topups: approval; everyone else asks, and it waits for somebody else to grant it. It is audited.",
		least: Owner, errors: append([]int{http.StatusNotFound, http.StatusConflict}, posted...),
	}
}
