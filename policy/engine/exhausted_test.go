package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/capacity"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/money"
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
	if !second.Must.Has(tokenizer.ModelPart) || second.Otherwise == nil || second.Otherwise.Code != "budget_exhausted" {
		t.Errorf("it may ask the dear model: must %b, else %+v", second.Must, second.Otherwise)
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

// Two budgets that each ask another model, of which neither has enough for what the
// other asks, refuse a call: it is not sent from one to the other without end.
func TestBudgetsThatAskEachOthersModelsRefuse(t *testing.T) {
	money, tokens := month("money", 2_000_000), month("tokens", 1000)
	money.OnExhausted, money.To = budget.Downgrade, "long"
	tokens.Unit, tokens.OnExhausted, tokens.To = budget.Tokens, budget.Downgrade, "short"
	var rows []price.Row
	for model, per := range map[string]string{"m*": "10", "long": "0.1", "short": "100"} {
		row := price.NewRow("test:"+model, "local", model)
		row.Set(tokenizer.Input, rate(t, per))
		row.Set(tokenizer.Output, rate(t, per))
		rows = append(rows, row)
	}
	prices, err := price.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Rules.Prices = prices
		o.Rules.Bounds = &engine.Bounds{Output: engine.ByModel, Models: []engine.ModelBound{
			{Models: []string{"long", "m1"}, Limit: capacity.Limit{Output: 4000}}, {Models: []string{"short"}, Limit: capacity.Limit{Output: 100}},
		}}
	}, money, tokens)
	ended := make(chan policy.Ticket, 1)
	go func() {
		ticket, _ := e.Admit(context.WithoutCancel(t.Context()), changeable(1))
		ended <- ticket
	}()
	select {
	case ticket := <-ended:
		if ticket.Refusal == nil || ticket.Refusal.Code != "budget_exhausted" || ticket.Model != "" {
			t.Errorf("it asks %q: %+v", ticket.Model, ticket.Refusal)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("a call is sent from one model to the other without end")
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
	lax, tokens := month("lax", usd), month("tokens", usd)
	lax.OnExhausted, tokens.Unit = budget.Allow, budget.Tokens
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.RequireBudget = true }, rule, lax, tokens)
	if why := admit(t, e, numbered(3, "b")).Refusal; why == nil || why.Code != "no_budget" {
		t.Errorf("with a budget that allows all, and one of tokens: %+v", why)
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

// asked is a store that counts how often it is asked to reserve.
type asked struct {
	budget.Store
	times int
}

func (a *asked) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	a.times++
	return a.Store.Reserve(ctx, h)
}

// A caller that tries again and again is refused without asking the store, until a
// limit is raised or what was spent is corrected.
func TestAnExhaustedBudgetIsRemembered(t *testing.T) {
	store := &asked{Store: budget.NewMemory(func() time.Time { return noon })}
	limit := int64(mostOfACall + costOfACall/2)
	var options *engine.Options
	e, _, reg := limited(t, func(o *engine.Options) { o.Budgets, options = store, o }, month("month", limit))
	first := admit(t, e, numbered(1, "a"))
	e.Settle(t.Context(), first, answered)
	store.times = 0
	for n := range byte(5) {
		why := admit(t, e, numbered(10+n, "a")).Refusal
		if why == nil || why.Code != "budget_exhausted" || !why.Reset.Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("try %d: %+v", n, why)
		}
	}
	if store.times != 1 {
		t.Errorf("the store was asked %d times, want once", store.times)
	}
	want := "# HELP farebox_budget_known_exhausted_total Calls that a budget had too little left for, as its store had said within the last second: it was not asked again.\n" +
		"# TYPE farebox_budget_known_exhausted_total counter\nfarebox_budget_known_exhausted_total{budget=\"month\"} 4\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "farebox_budget_known_exhausted_total"); err != nil {
		t.Error(err)
	}
	rules, err := budget.Compile([]budget.Rule{month("month", limit+costOfACall)})
	if err != nil {
		t.Fatal(err)
	}
	raised := options.Rules
	raised.Budgets = rules
	if err := e.Configure(raised); err != nil {
		t.Fatal(err)
	}
	if why := admit(t, e, numbered(20, "a")).Refusal; why != nil {
		t.Errorf("after the limit was raised: %+v", why)
	}
}

// What is held comes back: a budget that is short for that alone is asked each time,
// and so is one that does something else than refuse.
func TestABudgetThatIsNotExhaustedIsAskedAgain(t *testing.T) {
	for _, action := range []budget.Action{budget.Refuse, budget.Shrink, budget.Throttle} {
		store := &asked{Store: budget.NewMemory(func() time.Time { return noon })}
		rule := month("month", mostOfACall+100)
		if rule.OnExhausted = action; action == budget.Throttle {
			rule.Throttled = 1
		}
		e, _, _ := limited(t, func(o *engine.Options) { o.Budgets = store }, rule)
		first := admit(t, e, numbered(1, "a"))
		if action != budget.Refuse {
			e.Settle(t.Context(), first, answered)
			admit(t, e, numbered(2, "a"))
		}
		for n := range byte(3) {
			store.times = 0
			if admit(t, e, numbered(10+n, "a")); store.times == 0 {
				t.Errorf("%s: try %d did not ask the store", action, n)
			}
		}
	}
}

// A correction that this process makes counts at once.
func TestACorrectionEndsWhatIsRemembered(t *testing.T) {
	store := &asked{Store: budget.NewMemory(func() time.Time { return noon })}
	e, _, _ := limited(t, func(o *engine.Options) { o.Budgets = store }, month("month", mostOfACall+costOfACall/2))
	first := admit(t, e, numbered(1, "a"))
	e.Settle(t.Context(), first, answered)
	if admit(t, e, numbered(2, "a")).Refusal == nil {
		t.Fatal("too little is left, and the second passed")
	}
	back := policy.Record{
		ID: first.ID, Revision: 1, Purpose: policy.Correction, Owner: first.Owner, Admitted: noon, ModelAsked: "m1",
		Lines: []policy.Line{{Model: "m1", Class: tokenizer.Output, Charged: money.Nano(-costOfACall).Amount()}},
	}
	if err := e.Correct(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	if why := admit(t, e, numbered(3, "a")).Refusal; why != nil {
		t.Errorf("after the correction: %+v", why)
	}
}
