package config

import (
	"testing"

	"github.com/farebox/farebox/policy/budget"
)

func TestWhatABudgetIncludes(t *testing.T) {
	for include, want := range map[string]budget.Include{
		"": budget.Calls, "include: [calls],": budget.Calls, "include: [charges, calls],": budget.CallsAndCharges, "include: [charges],": budget.Charges,
	} {
		rules := mustParse(t, "budgets: [{name: a, "+include+` limit: {usd: "1"}, window: {every: month}}]`+"\n").Rules()
		if rules[0].Include != want {
			t.Errorf("%q is %v, want %v", include, rules[0].Include, want)
		}
	}
}
