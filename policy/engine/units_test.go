package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// What is not tokens is priced, and is in no sum of tokens; a call is counted
// where its price has a part for it; a price by the hour is exact by the second.
func TestUnitsArePricedAndAreNoTokens(t *testing.T) {
	e, b, reg := newEngine(t, func(o *engine.Options, _ *attribution.Options) {
		row := price.NewRow("test:units", "local", "m*")
		row.Set(tokenizer.Input, rate(t, "2"))
		row.Set(tokenizer.Output, rate(t, "10"))
		row.Set(tokenizer.Requests, rate(t, "5000"))
		row.Set(tokenizer.WebSearch, rate(t, "10000"))
		row.SetPer(tokenizer.CodeExecSeconds, rate(t, "50000"), 3600)
		prices, err := price.New([]price.Row{row})
		if err != nil {
			t.Fatal(err)
		}
		o.Rules.Prices = prices
	})
	ticket, err := e.Admit(t.Context(), call(headers{"x-team": "support"}))
	if err != nil {
		t.Fatal(err)
	}
	var u tokenizer.Usage
	u.Set(tokenizer.Input, 1000, tokenizer.Reported)
	u.Set(tokenizer.Output, 50, tokenizer.Reported)
	u.Set(tokenizer.WebSearch, 3, tokenizer.Reported)
	u.Set(tokenizer.CodeExecSeconds, 7, tokenizer.Reported)
	got := e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon.Add(time.Second), Reading: tokenizer.Reading{Model: "m1", Usage: []tokenizer.Usage{u}}})
	// 0.002 + 0.0005 + 0.005 + 0.03 + 7 × 0.05/3600
	if got.Cost.String() != "0.037597222222" || !got.Priced || got.Input != 1000 || got.Output != 50 {
		t.Errorf("receipt = %+v (%s)", got, got.Cost)
	}
	r := b.last(t)
	if len(r.Lines) != 5 || r.Source != tokenizer.Reported {
		t.Errorf("record = %+v", r)
	}
	want := `
# HELP farebox_units_total What settled calls used that is not tokens, by meter, in the unit that the meter is named after.
# TYPE farebox_units_total counter
farebox_units_total{meter="code_exec_seconds",model="m1",project="",provider="local",request_type="",team="support"} 7
farebox_units_total{meter="requests",model="m1",project="",provider="local",request_type="",team="support"} 1
farebox_units_total{meter="web_search",model="m1",project="",provider="local",request_type="",team="support"} 3
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_units_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg, "farebox_tokens_total"); err != nil || n != 2 {
		t.Errorf("%d series of tokens, %v, want 2", n, err)
	}
}
