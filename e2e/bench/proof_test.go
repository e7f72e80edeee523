package main

import (
	"testing"

	"github.com/farebox/farebox/e2e/harness"
)

func TestProof(t *testing.T) {
	const (
		owner    = `model="bench-model-1",project="chatbot",provider="bench",request_type="interactive",team="support"}`
		served   = `farebox_requests_total{outcome="served",` + owner
		failed   = `farebox_requests_total{outcome="failed",` + owner
		input    = `farebox_tokens_total{meter="input",` + owner
		output   = `farebox_tokens_total{meter="output",` + owner
		cost     = `farebox_cost_usd_total{` + owner
		reported = `farebox_usage_source_total{source="reported"}`
		dropped  = `farebox_ledger_dropped_total{kind="record"}`
	)
	for _, c := range []struct {
		name   string
		series string // set to value in what is otherwise right
		value  float64
		ok     bool
	}{
		{"all counted", served, 10, true},
		{"degraded is told, not refused", `farebox_degraded_total{reason="commit_wait"}`, 1, true},
		{"a call too few", served, 9, false},
		{"a call too many", served, 11, false},
		{"estimated", reported, 9, false},
		{"input lost", input, 2109, false},
		{"output lost", output, 0, false},
		{"too cheap", cost, 0.0015044, false},
		{"unpriced", `farebox_unpriced_requests_total{model="x",provider="bench"}`, 1, false},
		{"dropped", dropped, 1, false},
		{"queued", "farebox_ledger_queued", 1, false},
	} {
		m := harness.Metrics{
			served: 10, failed: 0, input: 2110, output: 1980, cost: 0.0015045,
			reported: 10, `farebox_usage_source_total{source="estimated"}`: 0, dropped: 0, "farebox_ledger_queued": 0,
		}
		m[c.series] = c.value
		if err := counts(m).check(10); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
	}
	elsewhere := harness.Metrics{`farebox_requests_total{outcome="served",team="other"}`: 10, reported: 10, input: 2110, output: 1980, cost: 0.0015045}
	if counts(elsewhere).check(10) == nil {
		t.Error("calls of another owner pass")
	}
}

func TestProofOfBudgets(t *testing.T) {
	const team = `farebox_budget_spent_usd{account="support",budget="team"}`
	for _, c := range []struct {
		name   string
		series string
		value  float64
		ok     bool
	}{
		{"all counted", team, 0.0015045, true},
		{"a call not counted", team, 0.00135405, false},
		{"calls lost", `farebox_budget_spent{account="",budget="year",unit="requests"}`, 9, false},
		{"tokens lost", `farebox_budget_spent{account="support",budget="quarter",unit="tokens"}`, 0, false},
		{"held for ever", `farebox_budget_held_usd{account="support",budget="team"}`, 0.1, false},
	} {
		m := harness.Metrics{
			`farebox_budget_spent_usd{account="",budget="day"}`: 0.0015045, team: 0.0015045,
			`farebox_budget_spent_usd{account="support/chatbot",budget="project"}`:     0.0015045,
			`farebox_budget_spent{account="support",budget="quarter",unit="tokens"}`:   4090,
			`farebox_budget_spent{account="",budget="year",unit="requests"}`:           10,
			`farebox_budget_limit_usd{account="support",budget="team"}`:                1e6,
			`farebox_budget_held{account="support",budget="quarter",unit="tokens"}`:    0,
			`farebox_budget_held_usd{account="support/chatbot",budget="project"}`:      0,
			`farebox_budget_limit{account="support",budget="quarter",unit="requests"}`: 1e9,
		}
		m[c.series] = c.value
		if err := counts(m).checkBudgets(10, true); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
		if counts(m).checkBudgets(10, false) == nil {
			t.Errorf("%s: budgets pass where there are to be none", c.name)
		}
	}
	if counts(nil).checkBudgets(10, true) == nil || counts(nil).checkBudgets(10, false) != nil {
		t.Error("no budgets pass where there are to be five, or do not where there are to be none")
	}
}
