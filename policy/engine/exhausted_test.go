package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

func changeable(n byte) *policy.Request {
	r := numbered(n, "a")
	r.Changes = tokenizer.ModelPart | tokenizer.CapPart
	return r
}

func TestAnExhaustedBudgetShrinksAnswers(t *testing.T) {
	rule := month("month", 15_000_000)
	rule.OnExhausted = budget.Shrink
	e, _, _ := limited(t, nil, rule)
	admit(t, e, changeable(1))
	second := admit(t, e, changeable(2))
	// 4.568 million are left; 0.432 are for input.
	if second.Refusal != nil || second.MaxOutput != 413 {
		t.Fatalf("the second: %d tokens, %+v", second.MaxOutput, second.Refusal)
	}
	if s, h := spent(t, e, "month"); s != 0 || h > rule.Limit || h < rule.Limit-10_000 {
		t.Errorf("spent %d, held %d", s, h)
	}
	if third := admit(t, e, changeable(3)); third.Refusal == nil || third.MaxOutput != 0 {
		t.Errorf("the third: %+v", third)
	}
	if signed := admit(t, e, numbered(4, "a")); signed.Refusal == nil {
		t.Error("a call that cannot be changed passed")
	}
}

func TestAnExhaustedBudgetAsksACheaperModel(t *testing.T) {
	rule := month("month", 12_000_000)
	rule.OnExhausted, rule.To = budget.Downgrade, "cheap"
	cheap := price.NewRow("test:cheap", "local", "cheap")
	cheap.Set(tokenizer.Input, rate(t, "0.2"))
	cheap.Set(tokenizer.Output, rate(t, "1"))
	dear := price.NewRow("test:m", "local", "m*")
	dear.Set(tokenizer.Input, rate(t, "2"))
	dear.Set(tokenizer.Output, rate(t, "10"))
	prices, err := price.New([]price.Row{dear, cheap})
	if err != nil {
		t.Fatal(err)
	}
	e, b, _ := limited(t, func(o *engine.Options) { o.Rules.Prices = prices }, rule)
	admit(t, e, changeable(1))
	second := admit(t, e, changeable(2))
	if second.Refusal != nil || second.Model != "cheap" {
		t.Fatalf("the second asks %q: %+v", second.Model, second.Refusal)
	}
	if third := admit(t, e, changeable(3)); third.Refusal == nil || third.Model != "" {
		t.Errorf("the third: %+v", third)
	}
	o := answered
	o.Reading.Model = "cheap"
	e.Settle(t.Context(), second, o)
	if r := b.last(t); r.ModelAsked != "m1" || r.Model != "cheap" {
		t.Errorf("its record: %+v", r)
	}
	if s, _ := spent(t, e, "month"); s != costOfACall/10 {
		t.Errorf("spent %d", s)
	}
}

func unknown(n byte) *policy.Request {
	r := numbered(n, "a")
	r.Call.Model = "x1"
	return r
}

func TestAModelWithoutAPrice(t *testing.T) {
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.RefuseUnpriced = true })
	if why := admit(t, e, unknown(1)).Refusal; why == nil || why.Code != "model_unpriced" || why.Status != 403 {
		t.Errorf("refuse: %+v", why)
	}
	if why := admit(t, e, numbered(2, "a")).Refusal; why != nil {
		t.Errorf("a model with a price: %+v", why)
	}
	e, b, _ := limited(t, func(o *engine.Options) {
		o.Rules.Ceiling = &engine.Ceiling{Input: 15_000_000, Output: 75_000_000}
	}, month("month", usd))
	o := answered
	o.Reading.Model = "x1"
	e.Settle(t.Context(), admit(t, e, unknown(3)), o)
	r := b.last(t)
	if s, _ := spent(t, e, "month"); s != 100*15_000+84*75_000 || r.Priced || r.UnpricedCalls() != 1 || r.Lines[0].ChargeID != "ceiling" {
		t.Errorf("ceiling: spent %d, %+v", s, r)
	}
	known, _, _ := limited(t, func(o *engine.Options) {
		row := price.NewRow("test:x", "local", "x1")
		row.Set(tokenizer.Input, rate(t, "2"))
		row.Set(tokenizer.Output, rate(t, "10"))
		prices, err := price.New([]price.Row{row})
		if err != nil {
			t.Fatal(err)
		}
		o.Rules.Prices = prices
	})
	c, changed := known.Correction([]policy.Record{r}, "it has a price now")
	if sum := c.Lines[0].Charged.Add(c.Lines[1].Charged); !changed || sum.String() != "-0.00676" {
		t.Errorf("rated anew: %v, %s", changed, sum)
	}
}

func TestACallNeedsABudget(t *testing.T) {
	rule := month("month", usd)
	rule.Match = map[string][]string{"team": {"a"}}
	for _, enforce := range []bool{true, false} {
		e, _, _ := limited(t, func(o *engine.Options) { o.Rules.RequireBudget, o.Rules.Enforce = true, enforce }, rule)
		if why := admit(t, e, numbered(1, "a")).Refusal; why != nil {
			t.Errorf("with a budget: %+v", why)
		}
		if why := admit(t, e, numbered(2, "b")).Refusal; (why == nil) == enforce || enforce && why.Code != "no_budget" {
			t.Errorf("without one, enforce %v: %+v", enforce, why)
		}
	}
}

// desk keeps what it was told.
type desk struct{ events []alert.Event }

func (d *desk) Alert(e alert.Event) { d.events = append(d.events, e) }

func TestPeopleAreToldOfABudgetThatRunsOut(t *testing.T) {
	told := &desk{}
	rule := month("month", 12_000_000)
	rule.Thresholds, rule.Page = []int{5, 50, 100}, true
	e, _, _ := limited(t, func(o *engine.Options) { o.Alerts = told }, rule)
	first := admit(t, e, numbered(1, "a"))
	for n := range byte(3) {
		admit(t, e, numbered(2+n, "a"))
	}
	e.Settle(t.Context(), first, answered)
	if len(told.events) != 2 {
		t.Fatalf("told: %+v", told.events)
	}
	out, five := told.events[0], told.events[1]
	if out.Severity != alert.Emergency || out.Percent != 100 || out.Team != "a" || !out.Page || out.Spent != mostOfACall || out.Start.IsZero() {
		t.Errorf("the first refusal: %+v", out)
	}
	if five.Percent != 5 || five.Spent != costOfACall || five.Limit != 12_000_000 || five.Unit != "usd" {
		t.Errorf("five percent: %+v", five)
	}
}
