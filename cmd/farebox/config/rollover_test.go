package config

import (
	"testing"

	"github.com/farebox/farebox/policy/budget"
	"github.com/google/go-cmp/cmp"
)

func TestRolloverIsInTheUnitOfItsBudget(t *testing.T) {
	rules := mustParse(t, `budgets:
  - {name: a, limit: {usd: "100"}, window: {every: month}, rollover: {percent: 50, cap: {usd: "20"}, negative: true}}
  - {name: b, limit: {tokens: 5M}, window: {every: day}, rollover: {percent: 100, cap: {tokens: 2M}}}
  - {name: c, limit: {requests: 5}, window: {every: day}, rollover: {negative: true}}
  - {name: d, limit: {requests: 5}, window: {every: day}}
`).Rules()
	var got []*budget.Rollover
	for i := range rules {
		got = append(got, rules[i].Rollover)
	}
	want := []*budget.Rollover{{Percent: 50, Cap: 20_000_000_000, Negative: true}, {Percent: 100, Cap: 2_000_000}, {Negative: true}, nil}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := budget.Compile(rules); err != nil {
		t.Error(err)
	}
}
