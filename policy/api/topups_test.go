package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// treasury is a server of budgets over an empty ledger. Clients show who they are as
// a token: "role" or "role team".
func treasury(t *testing.T) (p *purses, m *memory, as func(role string, team ...string) *Client) {
	t.Helper()
	month := budget.Window{Every: budget.Month}
	rules, err := budget.Compile([]budget.Rule{
		{Name: "month", Per: []string{"team"}, Limit: 1, Window: month},
		{Name: "strict", Per: []string{"team"}, Limit: 1, Unit: budget.Tokens, Window: month, Approve: true},
		{Name: "rolling", Limit: 1, Window: budget.Window{Every: budget.Rolling, Length: time.Hour}},
		{Name: "rate", Limit: 1, Unit: budget.Requests, Rate: time.Minute, Window: budget.Window{Every: budget.Total}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, m = &purses{rules: rules}, &memory{}
	return p, m, func(role string, team ...string) *Client {
		t.Helper()
		who := Who{Name: role}
		if who.Role, err = ParseRole(role); err != nil {
			t.Fatal(err)
		}
		if len(team) > 0 {
			who.Team = team[0]
		}
		s := httptest.NewServer(NewHandler(Options{Ledger: m, Budgets: p, Now: func() time.Time { return noon }, Identify: func(*http.Request) (Who, error) { return who, nil }}))
		t.Cleanup(s.Close)
		return NewClient(s.URL, s.Client())
	}
}

func refusedWith(t *testing.T, what string, err error, status int) {
	t.Helper()
	var told *Error
	if !errors.As(err, &told) || told.Status != status {
		t.Errorf("%s: %v, want status %d", what, err, status)
	}
}

func TestFinanceTopsUpAtOnceAndOthersWait(t *testing.T) {
	p, m, as := treasury(t)
	asked := TopupAsked{Budget: "month", Of: "support", Unit: "usd", Amount: "500.000000001", Reason: "a fair"}
	got, err := as("finance").Topup(t.Context(), asked)
	if err != nil || !got.InForce || got.Amount != asked.Amount || got.GrantedBy != "finance" || got.Until == nil || !got.Until.Equal(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v, %v", got, err)
	}
	if p.raised != 1 {
		t.Errorf("calls were told %d times", p.raised)
	}
	waits, err := as("owner", "support").Topup(t.Context(), asked)
	if err != nil || waits.InForce {
		t.Fatalf("%+v, %v", waits, err)
	}
	strict := TopupAsked{Budget: "strict", Of: "ml", Unit: "tokens", Amount: "7", Reason: "a fair"}
	own, err := as("admin").Topup(t.Context(), strict)
	if err != nil || own.InForce {
		t.Fatalf("with approval: %+v, %v", own, err)
	}
	_, err = as("admin").GrantTopup(t.Context(), TopupGranted{Number: own.Number})
	refusedWith(t, "granting what one asked for", err, http.StatusForbidden)
	_, err = as("owner").GrantTopup(t.Context(), TopupGranted{Number: own.Number})
	refusedWith(t, "granting as an owner", err, http.StatusForbidden)
	_, err = as("approver", "support").GrantTopup(t.Context(), TopupGranted{Number: own.Number})
	refusedWith(t, "granting for another team", err, http.StatusNotFound)
	granted, err := as("approver").GrantTopup(t.Context(), TopupGranted{Number: own.Number, Reason: "fine"})
	if err != nil || !granted.InForce || granted.GrantedBy != "approver" || granted.By != "admin" {
		t.Fatalf("%+v, %v", granted, err)
	}
	_, err = as("finance").GrantTopup(t.Context(), TopupGranted{Number: own.Number})
	refusedWith(t, "granting twice", err, http.StatusConflict)
	for team, want := range map[string]int{"": 3, "support": 2, "other": 0} {
		if a, err := as("viewer", team).Topups(t.Context()); err != nil || len(a.Topups) != want {
			t.Errorf("team %q sees %+v, %v", team, a, err)
		}
	}
	entries, err := m.Audit(t.Context(), ledger.Review{From: noon, To: noon.Add(time.Second), Limit: 9})
	if err != nil || len(entries) != 4 || entries[0].Action != BudgetGrant || entries[0].Reason != "fine" || entries[3].Action != BudgetTopup || entries[3].Actor != "finance" {
		t.Errorf("the audit has %+v, %v", entries, err)
	}
}

// A lead withdraws what was asked for, and nobody else's; an approver refuses and
// takes back what anyone asked for.
func TestTopupsAreRefusedAndRevoked(t *testing.T) {
	p, m, as := treasury(t)
	asked := TopupAsked{Budget: "month", Of: "support", Unit: "usd", Amount: "5", Reason: "a fair"}
	var numbers []int64
	for _, who := range []string{"owner", "owner", "finance", "finance"} {
		got, err := as(who).Topup(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, got.Number)
	}
	why := func(n int) TopupRevoked { return TopupRevoked{Number: numbers[n], Reason: "no fair"} }
	before := p.raised
	_, err := as("owner").RevokeTopup(t.Context(), why(2))
	refusedWith(t, "an owner revoking another's", err, http.StatusForbidden)
	_, err = as("viewer").RefuseTopup(t.Context(), why(0))
	refusedWith(t, "a viewer", err, http.StatusForbidden)
	_, err = as("approver", "ml").RefuseTopup(t.Context(), why(0))
	refusedWith(t, "for another team", err, http.StatusNotFound)
	_, err = as("approver").RevokeTopup(t.Context(), why(0))
	refusedWith(t, "revoking what waits", err, http.StatusConflict)
	_, err = as("approver").RefuseTopup(t.Context(), why(2))
	refusedWith(t, "refusing what was granted", err, http.StatusConflict)
	_, err = as("approver").RefuseTopup(t.Context(), TopupRevoked{Number: numbers[0]})
	refusedWith(t, "without a reason", err, http.StatusUnprocessableEntity)
	if p.raised != before {
		t.Error("calls were told of what was not done")
	}
	withdrawn, err := as("owner", "support").RefuseTopup(t.Context(), why(0))
	if err != nil || withdrawn.InForce || withdrawn.RevokedBy != "owner" || withdrawn.RevokedReason != "no fair" || withdrawn.RevokedAt == nil {
		t.Errorf("withdrawn: %+v, %v", withdrawn, err)
	}
	if got, err := as("approver").RefuseTopup(t.Context(), why(1)); err != nil || got.RevokedBy != "approver" {
		t.Errorf("refused: %+v, %v", got, err)
	}
	if got, err := as("approver").RevokeTopup(t.Context(), why(2)); err != nil || got.InForce || got.GrantedBy != "finance" {
		t.Errorf("revoked: %+v, %v", got, err)
	}
	if p.raised != before+3 {
		t.Errorf("calls were told %d times", p.raised-before)
	}
	_, err = as("approver").GrantTopup(t.Context(), TopupGranted{Number: numbers[1]})
	refusedWith(t, "granting what was refused", err, http.StatusConflict)
	if all, err := as("viewer", "support").Topups(t.Context()); err != nil || len(all.Topups) != 4 || all.Topups[3].RevokedBy != "" || !all.Topups[3].InForce {
		t.Errorf("the list has %+v, %v", all, err)
	}
	for action, want := range map[string]int{BudgetRefuse: 2, BudgetRevoke: 1} {
		entries, err := m.Audit(t.Context(), ledger.Review{From: noon, To: noon.Add(time.Second), Action: action, Limit: 9})
		if err != nil || len(entries) != want || entries[0].Reason != "no fair" || entries[0].Actor != "approver" {
			t.Errorf("%s: the audit has %+v, %v", action, entries, err)
		}
	}
}

// Who names no budget that there is, or not whose limit it is, is told which of both.
func TestTopupsSayWhatThereIsNoneOf(t *testing.T) {
	_, _, as := treasury(t)
	for want, asked := range map[string]TopupAsked{
		`there is no budget "moth"`:                               {Budget: "moth", Of: "support"},
		`the budget "month" has a limit for each team: say whose`: {Budget: "month"},
		`no account of the budget "month" is of "a/b"`:            {Budget: "month", Of: "a/b"},
		`no account of the budget "rolling" is of "support"`:      {Budget: "rolling", Of: "support"},
	} {
		asked.Unit, asked.Amount, asked.Reason = "usd", "5", "a fair"
		if _, err := as("finance").Topup(t.Context(), asked); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q of %q: %v, want %q", asked.Budget, asked.Of, err, want)
		}
	}
}

func TestTopupsThatAreRefused(t *testing.T) {
	_, m, as := treasury(t)
	late, past := noon.AddDate(2, 0, 0), noon.Add(-time.Second)
	for name, c := range map[string]struct {
		role, team string
		change     func(*TopupAsked)
		status     int
	}{
		"by a viewer":            {"viewer", "", func(*TopupAsked) {}, http.StatusForbidden},
		"for another team":       {"owner", "ml", func(*TopupAsked) {}, http.StatusNotFound},
		"of no budget":           {"finance", "", func(a *TopupAsked) { a.Budget = "none" }, http.StatusNotFound},
		"of no account":          {"finance", "", func(a *TopupAsked) { a.Of = "a/b" }, http.StatusNotFound},
		"of nobody":              {"finance", "", func(a *TopupAsked) { a.Of = "" }, http.StatusNotFound},
		"of a rate limit":        {"finance", "", func(a *TopupAsked) { a.Budget, a.Of, a.Unit, a.Amount = "rate", "", "requests", "1" }, http.StatusUnprocessableEntity},
		"without an end":         {"finance", "", func(a *TopupAsked) { a.Budget, a.Of = "rolling", "" }, http.StatusUnprocessableEntity},
		"in another unit":        {"finance", "", func(a *TopupAsked) { a.Unit = "tokens" }, http.StatusUnprocessableEntity},
		"of nothing":             {"finance", "", func(a *TopupAsked) { a.Amount = "0" }, http.StatusUnprocessableEntity},
		"of less":                {"finance", "", func(a *TopupAsked) { a.Amount = "-5" }, http.StatusUnprocessableEntity},
		"of too much":            {"finance", "", func(a *TopupAsked) { a.Amount = "1000000001" }, http.StatusUnprocessableEntity},
		"finer than is counted":  {"finance", "", func(a *TopupAsked) { a.Amount = "0.0000000001" }, http.StatusUnprocessableEntity},
		"without a reason":       {"finance", "", func(a *TopupAsked) { a.Reason = "" }, http.StatusUnprocessableEntity},
		"until it was":           {"finance", "", func(a *TopupAsked) { a.Until = &past }, http.StatusUnprocessableEntity},
		"for longer than a year": {"finance", "", func(a *TopupAsked) { a.Until = &late }, http.StatusUnprocessableEntity},
	} {
		asked := TopupAsked{Budget: "month", Of: "support", Unit: "usd", Amount: "5", Reason: "a fair"}
		c.change(&asked)
		_, err := as(c.role, c.team).Topup(t.Context(), asked)
		refusedWith(t, name, err, c.status)
	}
	if all, err := m.Topups(t.Context(), noon); err != nil || len(all) != 0 {
		t.Errorf("kept are %+v, %v", all, err)
	}
}
