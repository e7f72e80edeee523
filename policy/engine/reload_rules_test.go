package engine_test

import (
	"math/rand/v2"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

const plenty = 1_000_000 * usd

// variants are what budgets of each name may be.
var variants = [][]budget.Rule{
	{
		{Name: "month", Per: []string{"team"}, Limit: plenty, Window: budget.Window{Every: budget.Month}},
		{Name: "month", Per: []string{"team"}, Limit: plenty / 2, Window: budget.Window{Every: budget.Month}},
		{Name: "month", Per: []string{"team"}, Match: map[string][]string{"team": {"a"}}, Limit: plenty, Window: budget.Window{Every: budget.Month}},
		{Name: "month", Per: []string{"project"}, Limit: plenty, Window: budget.Window{Every: budget.Month}},
	},
	{
		{Name: "ever", Limit: plenty, Window: budget.Window{Every: budget.Total}},
		{Name: "ever", Match: map[string][]string{"project": {"p"}}, Limit: plenty, Window: budget.Window{Every: budget.Total}, OnExhausted: budget.Allow},
	},
	{
		{Name: "tokens", Unit: budget.Tokens, Per: []string{"project", "team"}, Limit: plenty, Window: budget.Window{Every: budget.Month}},
	},
	{
		{Name: "lately", Unit: budget.Requests, Per: []string{"team"}, Limit: plenty, Window: budget.Window{Every: budget.Rolling, Length: 24 * time.Hour}},
		{Name: "lately", Per: []string{"team"}, Limit: plenty, Window: budget.Window{Every: budget.Rolling, Length: 12 * time.Hour}},
	},
	{
		{Name: "burst", Unit: budget.Requests, Per: []string{"team"}, Limit: plenty, Rate: time.Minute, Window: budget.Window{Every: budget.Total}},
	},
}

var lastRule = budget.Rule{Name: "last", Limit: plenty, Window: budget.Window{Every: budget.Month}}

func someRules(random *rand.Rand) (rules []budget.Rule) {
	for _, of := range variants {
		if n := random.IntN(len(of) + 1); n < len(of) {
			rules = append(rules, of[n])
		}
	}
	return rules
}
