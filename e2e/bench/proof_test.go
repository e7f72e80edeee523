package main

import (
	"strings"
	"testing"
)

const metricsPage = `# HELP farebox_requests_total Calls, by outcome.
# TYPE farebox_requests_total counter
farebox_requests_total{model="bench-model-1",outcome="served",project="chatbot",provider="bench",request_type="interactive",team="support"} 10
farebox_requests_total{model="bench-model-1",outcome="failed",project="chatbot",provider="bench",request_type="interactive",team="support"} 0
farebox_requests_total{model="bench-model-1",outcome="served",project="chatbot",provider="bench",request_type="interactive",team="unattributed"} 0
farebox_tokens_total{meter="input",model="bench-model-1",project="chatbot",provider="bench",request_type="interactive",team="support"} 2110
farebox_tokens_total{meter="output",model="bench-model-1",project="chatbot",provider="bench",request_type="interactive",team="support"} 1980
farebox_cost_usd_total{model="bench-model-1",project="chatbot",provider="bench",request_type="interactive",team="support"} 0.0015045
farebox_usage_source_total{source="estimated"} 0
farebox_usage_source_total{source="reported"} 10
farebox_ledger_dropped_total{kind="record"} 0
farebox_ledger_queued 0
farebox_degraded_total{reason="commit_wait"} 1
`

func TestProof(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new string
		ok       bool
	}{
		{"all counted", "", "", true},
		{"another team", `team="support"} 10`, `team="other"} 10`, false},
		{"a call too few", "} 10\n", "} 9\n", false},
		{"estimated", `"reported"} 10`, `"reported"} 9`, false},
		{"tokens lost", "2110", "2109", false},
		{"too cheap", "0.0015045", "0.0015044", false},
		{"unpriced", "farebox_ledger_queued 0", `farebox_unpriced_requests_total{provider="bench",model="x"} 1`, false},
		{"dropped", `{kind="record"} 0`, `{kind="record"} 1`, false},
		{"queued", "queued 0", "queued 1", false},
		{"not a number", "queued 0", "queued x", false},
	} {
		got, err := readCounts(strings.NewReader(strings.Replace(metricsPage, c.old, c.new, 1)))
		if err == nil {
			err = got.check(10)
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.name, err, c.ok)
		}
	}
}
