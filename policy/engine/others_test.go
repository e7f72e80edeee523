package engine_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Names that callers make up have no limit each: beyond the most accounts they share
// one, which is refused, told and counted as such.
func TestNamesThatCallersMakeUpShareALimit(t *testing.T) {
	store, told := budget.NewMemory(func() time.Time { return noon }), &desk{}
	var options *engine.Options
	e, _, reg := limited(t, func(o *engine.Options) {
		o.Alerts, o.Budgets, options = told, store, o
	}, month("month", 12_000_000))
	full := make([]budget.State, budget.MaxLive)
	for n := range full {
		full[n].Account, _ = options.Rules.Budgets.Of("month", "t"+strconv.Itoa(n), noon)
		full[n].Spent = 1
	}
	if err := store.Add(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	made := func(n byte, team string, passes bool) {
		t.Helper()
		ticket := admit(t, e, numbered(n, team))
		if (ticket.Refusal == nil) != passes {
			t.Errorf("team %q: %+v", team, ticket.Refusal)
		}
		if why := ticket.Refusal; why != nil && !strings.Contains(why.Message, budget.Others) {
			t.Errorf("team %q: %s", team, why.Message)
		}
	}
	made(1, "made-up", true)
	for n := byte(2); n < 6; n++ {
		made(n, "made-up-"+strconv.Itoa(int(n)), false)
	}
	made(6, "t7", true)
	if len(told.events) != 1 || told.events[0].Of != budget.Others || told.events[0].Team != "" {
		t.Errorf("told: %+v", told.events)
	}
	const want = `
# HELP farebox_budget_others_total Times that something was held or spent of an account (others): its budget or rate limit had too many accounts for a new one.
# TYPE farebox_budget_others_total counter
farebox_budget_others_total 5
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_budget_others_total"); err != nil {
		t.Error(err)
	}
}
