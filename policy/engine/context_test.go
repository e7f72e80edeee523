package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

// TestSumsArePricedByTheirOwnContext: what many short calls used together costs
// what short calls cost, now and when it is priced anew; beside it a long one
// costs what long ones do.
func TestSumsArePricedByTheirOwnContext(t *testing.T) {
	long := func(in, out string) price.Row {
		row := costing(t, "test:long", "m*", in, out)
		row.Above = 200_000
		return row
	}
	e, b, _ := newEngine(t, func(o *engine.Options, _ *attribution.Options) {
		prices, err := price.New([]price.Row{costing(t, "test:short", "m*", "2", "10"), long("4", "15")})
		if err != nil {
			t.Fatal(err)
		}
		o.Rules.Prices = prices
	})
	ticket, err := e.Admit(t.Context(), call(headers{"x-team": "support"}))
	if err != nil {
		t.Fatal(err)
	}
	short, far := used(1_000_000, 100).Usage[0], used(250_000, 10).Usage[0]
	short.Context, far.Context = 5000, 250_000
	got := e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Model: "m1", Usage: []tokenizer.Usage{short, far}}})
	// 2 + 0.001 + 1 + 0.00015
	if got.Cost.String() != "3.00115" {
		t.Errorf("it cost %s", got.Cost)
	}
	r := b.last(t)
	if len(r.Lines) != 4 || r.Lines[0].Context != 5000 || r.Lines[0].RateID != "test:short" || r.Lines[2].Context != 250_000 || r.Lines[2].RateID != "test:long" {
		t.Fatalf("%+v", r.Lines)
	}
	embedded := tokenizer.Usage{Context: 7}
	embedded.Set(tokenizer.Input, 70, tokenizer.Reported)
	ticket.Call.Stream = false
	e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Model: "m1", Usage: []tokenizer.Usage{embedded}}})
	if l := b.last(t).Lines; len(l) != 1 || l[0].Quantity != 70 {
		t.Errorf("output is guessed of calls that told to have none: %+v", l)
	}
	revisions := []policy.Record{r}
	for _, in := range []string{"3", "2"} {
		configure(t, e, terms.Options{}, costing(t, "test:short", "m*", in, "10"), long("3", "15"))
		fix, changed := e.Correction(revisions, "a price was wrong")
		if !changed {
			t.Fatal("it stays as it was")
		}
		if revisions = append(revisions, fix); len(fix.Lines) != 4 {
			t.Fatalf("%+v", fix.Lines)
		}
	}
	_, _, charged, _, _ := cost(revisions)
	if charged.String() != "2.75115" { // 2 + 0.001 + 0.75 + 0.00015
		t.Errorf("priced anew it cost %s", charged)
	}
}
