package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

func throughput() ChargeAsked {
	at := noon.AddDate(0, 0, -3)
	return ChargeAsked{
		ID: "ptu-8", USD: "120.000000001", For: map[string]string{"team": "research", "project": "llm"}, Provider: "Azure", Model: "gpt-4o", At: &at,
		Description: "provisioned throughput",
	}
}

func TestChargesAreBookedOnce(t *testing.T) {
	_, m, as := treasury(t)
	got, err := as("finance").Book(t.Context(), throughput())
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != "ptu-8" || got.USD.String() != "120.000000001" || got.Provider != "azure" || got.By != "finance" || !got.At.Equal(noon.AddDate(0, 0, -3)) || !got.Booked.Equal(noon) {
		t.Errorf("%+v", got)
	}
	again, err := as("admin").Book(t.Context(), throughput())
	if err != nil || again.Number != got.Number || again.By != "finance" {
		t.Errorf("booked again: %+v, %v", again, err)
	}
	other := throughput()
	other.USD = "121"
	_, err = as("finance").Book(t.Context(), other)
	refusedWith(t, "another charge under the id", err, http.StatusConflict)
	for _, role := range []string{"viewer", "owner", "approver"} {
		_, err = as(role).Book(t.Context(), throughput())
		refusedWith(t, "booking as "+role, err, http.StatusForbidden)
	}
	back, err := as("finance").Book(t.Context(), ChargeAsked{Reverses: "ptu-8", Description: "a mistake"})
	if err != nil || back.USD.String() != "-120.000000001" || back.Reverses != "ptu-8" || !back.At.Equal(got.At) || back.For["team"] != "research" || !strings.HasPrefix(back.ID, "c-") {
		t.Fatalf("%+v, %v", back, err)
	}
	for id, want := range map[string]int{"ptu-8": http.StatusConflict, back.ID: http.StatusConflict, "none": http.StatusNotFound} {
		_, err = as("finance").Book(t.Context(), ChargeAsked{Reverses: id, Description: "again"})
		refusedWith(t, "reversing "+id, err, want)
	}
	changes, err := m.Audit(t.Context(), ledger.Review{To: noon.Add(time.Hour), Limit: 10})
	if err != nil || len(changes) != 2 || changes[0].Action != ChargeReverse || changes[1].Action != ChargeBook || changes[1].Role != "finance" || changes[1].Reason != "provisioned throughput" {
		t.Errorf("the audit has %+v, %v", changes, err)
	}
}

func TestChargesThatAreNone(t *testing.T) {
	_, m, as := treasury(t)
	for what, change := range map[string]func(*ChargeAsked){
		"usd": func(c *ChargeAsked) { c.USD = "a lot" }, "finer": func(c *ChargeAsked) { c.USD = "0.0000000001" },
		"above 0": func(c *ChargeAsked) { c.USD = "-1" }, "more than": func(c *ChargeAsked) { c.USD = "1000000001" },
		"id:": func(c *ChargeAsked) { c.ID = "a b" }, "description": func(c *ChargeAsked) { c.Description = " " },
		"no attribute": func(c *ChargeAsked) { c.For = map[string]string{"te am": "x"} }, "for: provider": func(c *ChargeAsked) { c.For = map[string]string{"provider": "x"} },
		"the years": func(c *ChargeAsked) { at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC); c.At = &at },
		"reversal":  func(c *ChargeAsked) { c.Reverses = "x" },
	} {
		asked := throughput()
		change(&asked)
		_, err := as("finance").Book(t.Context(), asked)
		refusedWith(t, what, err, http.StatusUnprocessableEntity)
		if text := strings.TrimPrefix(what, "for: provider"); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if all, _ := m.Charges(t.Context(), ledger.ChargeSearch{To: noon.AddDate(1, 0, 0), Limit: 10}); len(all) > 0 {
		t.Errorf("booked is %+v", all)
	}
	for why, want := range map[error]int{ledger.ErrNotYet: http.StatusUnprocessableEntity, ledger.ErrUncounted: http.StatusServiceUnavailable} {
		refusedWith(t, why.Error(), notBooked(&ledger.Charge{}, why), want)
	}
	if err := notBooked(&ledger.Charge{}, errors.ErrUnsupported); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("another error: %v", err)
	}
}

func TestChargesAreListedForWhoMaySeeThem(t *testing.T) {
	_, _, as := treasury(t)
	for i, team := range []string{"research", "support", "research"} {
		asked := throughput()
		asked.ID, asked.For["team"] = []string{"1", "2", "3"}[i], team
		if i == 2 {
			asked.Provider, asked.Model = "", ""
		}
		if _, err := as("finance").Book(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		role []string
		ask  ChargesQuery
		want string
	}{
		{[]string{"viewer"}, ChargesQuery{}, "3 2 1"},
		{[]string{"viewer"}, ChargesQuery{Limit: 2}, "3 2"},
		{[]string{"viewer"}, ChargesQuery{Team: "research", Provider: "azure", Model: "gpt-4o"}, "1"},
		{[]string{"viewer", "support"}, ChargesQuery{}, "2"},
		{[]string{"viewer"}, ChargesQuery{From: noon.AddDate(0, 0, -2)}, ""},
		{[]string{"viewer"}, ChargesQuery{From: noon.AddDate(0, 0, -3), To: noon.AddDate(0, 0, -2)}, "3 2 1"},
	} {
		a, err := as(test.role[0], test.role[1:]...).Charges(t.Context(), test.ask)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range a.Charges {
			ids = append(ids, c.ID)
		}
		if got := strings.Join(ids, " "); got != test.want {
			t.Errorf("%v %+v: %q, want %q", test.role, test.ask, got, test.want)
		}
		if (a.Next != "") != (test.ask.Limit > 0) {
			t.Errorf("%+v: next is %q", test.ask, a.Next)
		}
		if test.ask.Limit > 0 {
			next := test.ask
			next.Cursor = a.Next
			if rest, err := as("viewer").Charges(t.Context(), next); err != nil || len(rest.Charges) != 1 || rest.Charges[0].ID != "1" {
				t.Errorf("the next page: %+v, %v", rest, err)
			}
		}
	}
	_, err := as("viewer", "support").Charges(t.Context(), ChargesQuery{Team: "research"})
	refusedWith(t, "another team's", err, http.StatusForbidden)
}

// Who is bound to a team books for it alone.
func TestChargesOfOneTeam(t *testing.T) {
	_, _, as := treasury(t)
	if _, err := as("finance").Book(t.Context(), throughput()); err != nil {
		t.Fatal(err)
	}
	own := as("finance", "support")
	got, err := own.Book(t.Context(), ChargeAsked{USD: "1", Description: "a seat"})
	if err != nil || got.For["team"] != "support" || got.USD != money.Nano(1e9).Amount() {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = own.Book(t.Context(), throughput())
	refusedWith(t, "for another team", err, http.StatusForbidden)
	_, err = own.Book(t.Context(), ChargeAsked{Reverses: "ptu-8", Description: "x"})
	refusedWith(t, "reversing another team's", err, http.StatusNotFound)
	if _, err = own.Book(t.Context(), ChargeAsked{Reverses: got.ID, Description: "x"}); err != nil {
		t.Error(err)
	}
}

// elsewhere is a ledger beside which another replica has ids.
type elsewhere struct {
	*memory
	has map[string]*ledger.Charge // nil: it has not said what
}

func (e elsewhere) Charge(ctx context.Context, id string) (ledger.Charge, bool, error) {
	if c, its := e.has[id]; its {
		return ledger.Charge{}, false, &ledger.Elsewhere{ID: id, Replica: "east/1", Booked: c}
	}
	if id == "away" {
		return ledger.Charge{}, false, ledger.ErrUncounted
	}
	return e.memory.Charge(ctx, id)
}

func (e elsewhere) Book(ctx context.Context, c ledger.Charge, by ledger.Change) (ledger.Charge, bool, error) {
	if its, is := e.has[c.ID]; is {
		return c, false, &ledger.Elsewhere{ID: c.ID, Replica: "east/1", Booked: its}
	}
	return e.memory.Book(ctx, c, by)
}

// The answer names the replica that has a charge, to those who may see it.
func TestAChargeOfAnotherReplicaIsNamed(t *testing.T) {
	l := elsewhere{&memory{}, map[string]*ledger.Charge{"seats": {ID: "seats", For: map[string]string{"team": "support"}}, "begun": nil}}
	as := func(team string) *Client {
		who := Who{Name: "fin", Role: Finance, Team: team}
		s := httptest.NewServer(NewHandler(Options{Ledger: l, Budgets: &purses{}, Now: func() time.Time { return noon }, Identify: func(*http.Request) (Who, error) { return who, nil }}))
		t.Cleanup(s.Close)
		return NewClient(s.URL, s.Client())
	}
	for _, test := range []struct {
		team   string
		asked  ChargeAsked
		status int
		says   string
	}{
		{"", ChargeAsked{Reverses: "seats", Description: "x"}, http.StatusConflict, "replica east/1"},
		{"support", ChargeAsked{Reverses: "seats", Description: "x"}, http.StatusConflict, "replica east/1"},
		{"research", ChargeAsked{Reverses: "seats", Description: "x"}, http.StatusNotFound, "no charge"},
		{"", ChargeAsked{Reverses: "begun", Description: "x"}, http.StatusConflict, "replica east/1"},
		{"support", ChargeAsked{Reverses: "begun", Description: "x"}, http.StatusNotFound, "no charge"},
		{"", ChargeAsked{Reverses: "away", Description: "x"}, http.StatusServiceUnavailable, "book it again"},
		{"", ChargeAsked{ID: "seats", USD: "1", Description: "x"}, http.StatusConflict, "another charge seats is in the ledger of replica east/1"},
		{"", ChargeAsked{ID: "begun", USD: "1", Description: "x"}, http.StatusConflict, "replica east/1"},
	} {
		_, err := as(test.team).Book(t.Context(), test.asked)
		refusedWith(t, test.says, err, test.status)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v as %q: %v, want %q", test.asked, test.team, err, test.says)
		}
	}
}
