package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/terms"
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

// A call that is counted by its queries costs them whether or not somebody saw its
// answer, an error costs nothing, and no token is guessed.
func TestACallThatIsCountedByItsQueries(t *testing.T) {
	var seconds tokenizer.Usage
	seconds.Set(tokenizer.GPUSeconds, 900, tokenizer.Reported)
	for _, c := range []struct {
		name    string
		outcome policy.Outcome
		cost    string
		source  tokenizer.Source
		lines   int
	}{
		{"nobody saw the answer", policy.Outcome{End: tokenizer.Cut}, "0.0002", tokenizer.Partial, 1},
		{"what was seen of it is lost", policy.Outcome{End: tokenizer.Complete, Status: 200, Lost: true}, "0.0002", tokenizer.Estimated, 1},
		{"an error", policy.Outcome{End: tokenizer.Failed, Status: 500}, "0", tokenizer.None, 0},
		{"the answer tells more, and the price has a part for the call", policy.Outcome{End: tokenizer.Complete, Status: 200,
			Reading: tokenizer.Reading{Usage: []tokenizer.Usage{seconds}}}, "2.00004", tokenizer.Reported, 2},
	} {
		e, b, _ := newEngine(t, func(o *engine.Options, _ *attribution.Options) {
			row := price.NewRow("test:search", "qdrant", "search")
			row.Set(tokenizer.Requests, rate(t, "40"))
			row.SetPer(tokenizer.GPUSeconds, 8_000_000*1_000_000, 3600) // 8 an hour
			prices, err := price.New([]price.Row{row})
			if err != nil {
				t.Fatal(err)
			}
			o.Rules.Prices = prices
		})
		r := &policy.Request{Provider: "qdrant", Identity: headers{}, At: noon,
			Call: tokenizer.Call{Dialect: "generic", Operation: "vector_search", Model: "search", Choices: 1, Queries: 5}}
		ticket, err := e.Admit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if ticket.Hold != (policy.Hold{}) {
			t.Errorf("%s: tokens are held: %+v", c.name, ticket.Hold)
		}
		c.outcome.At = noon.Add(time.Second)
		got := e.Settle(t.Context(), ticket, c.outcome)
		if rec := b.last(t); got.Cost.String() != c.cost || rec.Source != c.source || len(rec.Lines) != c.lines || got.Input != 0 || got.Output != 0 {
			t.Errorf("%s: %s by %v, %+v, want %s by %v", c.name, got.Cost, rec.Source, rec.Lines, c.cost, c.source)
		}
	}
}

// What a batch of queries may cost is held before it goes, by the rate card where
// there is no list price.
func TestQueriesAreHeld(t *testing.T) {
	card, err := terms.New(terms.Options{Card: []terms.CardRow{{
		ID: "c", Match: terms.Match{Model: []string{"search"}}, Unit: terms.Unit{Per: 1000, Name: "query"}, Price: money.Amount{Micro: 100_000},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Terms = card }, month("month", 600_000))
	ask := func(n byte, queries int64) policy.Ticket {
		r := numbered(n, "a")
		r.Call = tokenizer.Call{Dialect: "generic", Operation: "vector_search", Model: "search", Choices: 1, Queries: queries}
		return admit(t, e, r)
	}
	first := ask(1, 5)
	if s, h := spent(t, e, "month"); s != 0 || h != 500_000 {
		t.Errorf("spent %d, held %d, want 5 queries at 0.0001 USD held", s, h)
	}
	if second := ask(2, 2); second.Refusal == nil || second.Refusal.Code != "budget_exhausted" {
		t.Errorf("two more pass: %+v", second)
	}
	e.Settle(t.Context(), first, policy.Outcome{End: tokenizer.Cut, At: noon})
	if s, h := spent(t, e, "month"); s != 500_000 || h != 0 {
		t.Errorf("spent %d, held %d after the caller went", s, h)
	}
	if third := ask(3, 1); third.Refusal != nil {
		t.Errorf("one more does not pass: %+v", third.Refusal)
	}
}

// Where models without a price are refused, so is what a route describes, unless
// some price fits: a row, or one of the rate card for whatever its answer may tell.
func TestWhatARouteDescribesNeedsAPrice(t *testing.T) {
	card, err := terms.New(terms.Options{Card: []terms.CardRow{{
		ID: "c", Match: terms.Match{Model: []string{"train"}}, Unit: terms.Unit{Per: 1, Name: "gpu_hour"}, Price: money.Amount{Micro: 8_000_000},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Terms, o.Rules.RefuseUnpriced = card, true })
	for n, c := range []struct {
		model   string
		refused bool
	}{{"train", false}, {"m1", false}, {"search", true}, {"", true}} {
		r := numbered(byte(n), "a")
		r.Call = tokenizer.Call{Dialect: "generic", Operation: "o", Model: c.model, Choices: 1, Queries: 1}
		why := admit(t, e, r).Refusal
		if (why != nil) != c.refused || why != nil && why.Code != "model_unpriced" {
			t.Errorf("%q: %+v, want refused %v", c.model, why, c.refused)
		}
	}
}
