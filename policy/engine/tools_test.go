package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// searching is a call that may search at its provider, where a bound can be written.
func searching(n byte) *policy.Request {
	r := changeable(n)
	r.Changes |= tokenizer.ToolsPart
	r.Content = tokenizer.Content{Bytes: 500, Hosted: true}
	return r
}

// searched has models cost 1 USD a million of input, 2 of output, and searches some.
func searched(t *testing.T, bounds *engine.Bounds, change func(*engine.Options)) *engine.Engine {
	t.Helper()
	row := price.NewRow("test:m", "local", "m*")
	row.Set(tokenizer.Input, rate(t, "1"))
	row.Set(tokenizer.Output, rate(t, "2"))
	row.Set(tokenizer.WebSearch, rate(t, "10000"))
	row.Set(tokenizer.FileSearch, rate(t, "2500"))
	cheap := price.NewRow("test:mini", "local", "mini-search")
	cheap.Set(tokenizer.Input, rate(t, "0.001"))
	cheap.Set(tokenizer.Output, rate(t, "0.001"))
	prices, err := price.New([]price.Row{row, cheap})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) {
		o.Rules.Prices, o.Rules.Bounds = prices, bounds
		if change != nil {
			change(o)
		}
	}, month("month", 1_000_000*usd))
	return e
}

func TestHostedToolsAreBounded(t *testing.T) {
	e := searched(t, strict(engine.HoldWindow), nil)
	r := searching(1)
	r.Call.MaxOutput = 300
	ticket := admit(t, e, r)
	// Of each of two tries: 11 readings of the window, 11 answers, 10 searches of the web.
	want := int64(2 * (11*50_000*1000 + 11*300*2000 + 10*10_000_000))
	if ticket.Refusal != nil || ticket.ToolCalls != 10 || int64(ticket.Hold.Most) != want || ticket.Hold.MostTokens != 2*11*50_300 {
		t.Errorf("%d calls, held %d and %d tokens, want %d; %+v", ticket.ToolCalls, ticket.Hold.Most, ticket.Hold.MostTokens, want, ticket.Refusal)
	}
	if !ticket.Must.Has(tokenizer.ToolsPart) || ticket.Otherwise == nil || len(ticket.Rulings) != 1 || ticket.Rulings[0].Why != "at most 10 calls of hosted tools" {
		t.Errorf("it may go without a bound: %b, %+v, %+v", ticket.Must, ticket.Otherwise, ticket.Rulings)
	}
}

func TestHostedToolsWithoutABoundAreRefused(t *testing.T) {
	with := func(change func(*engine.Bounds)) *engine.Bounds {
		b := strict(engine.HoldWindow)
		change(b)
		return b
	}
	yes, no := true, false
	plain := func(r *policy.Request) { r.Content.Hosted = false }
	model := func(name string) func(*policy.Request) {
		return func(r *policy.Request) { r.Content.Hosted, r.Call.Model = false, name }
	}
	for name, c := range map[string]struct {
		bounds  *engine.Bounds
		change  func(*policy.Request)
		refused bool
	}{
		"no member bounds them":          {strict(engine.HoldWindow), func(r *policy.Request) { r.Changes &^= tokenizer.ToolsPart }, true},
		"none are held for":              {with(func(b *engine.Bounds) { b.ToolCalls = 0 }), func(*policy.Request) {}, true},
		"a model that searches":          {strict(engine.HoldWindow), model("m-search"), true},
		"one, and its calls are refused": {strict(engine.RefuseIt), model("m-search"), true},
		"one, and it is allowed":         {strict(engine.AllowIt), model("m-search"), false},
		"one of which people know more":  {with(func(b *engine.Bounds) { b.Models = []engine.ModelBound{{Models: []string{"m-search"}, Hosted: &no}} }), model("m-search"), false},
		"one that people know of":        {with(func(b *engine.Bounds) { b.Models[0].Hosted = &yes }), plain, true},
		"one that has no tools":          {strict(engine.RefuseIt), plain, false},
	} {
		r := searching(1)
		c.change(r)
		ticket := admit(t, searched(t, c.bounds, nil), r)
		if refused := ticket.Refusal != nil && ticket.Refusal.Code == "cost_unbounded"; refused != c.refused || !refused && ticket.Refusal != nil {
			t.Errorf("%s: %+v", name, ticket.Refusal)
		}
	}
}

func TestHostedToolsThatWouldBeBounded(t *testing.T) {
	ticket := admit(t, searched(t, strict(engine.HoldWindow), func(o *engine.Options) { o.Rules.Enforce = false }), searching(1))
	if ticket.Refusal != nil || ticket.ToolCalls != 0 || ticket.Must != 0 || len(ticket.Rulings) != 2 || ticket.Rulings[1].Did != policy.WouldChange {
		t.Errorf("%d calls, %+v", ticket.ToolCalls, ticket.Rulings)
	}
}

// However often tools are called within what is written, and however much is read and
// said between, no call costs more than was held for it.
func TestStrictHoldsAreNeverExceededWithTools(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	bounds := strict(engine.HoldWindow)
	bounds.Tries = 1
	e := searched(t, bounds, nil)
	for n := range 300 {
		r := searching(0)
		r.ID = policy.CallID{byte(n), byte(n >> 8)}
		r.Call.MaxOutput, r.Call.Choices = random.Int64N(6000), 1+random.IntN(3)
		bounds.ToolCalls = 1 + random.Int64N(20)
		before, _ := spent(t, e, "month")
		ticket := admit(t, e, r)
		if ticket.Refusal != nil {
			t.Fatal(ticket.Refusal)
		}
		sent := ticket.Sent()
		var in, out int64
		calls := random.Int64N(ticket.ToolCalls + 1)
		web := random.Int64N(calls + 1)
		for range calls + 1 {
			in += 50_000 - random.Int64N(2)*random.Int64N(50_000)
			out += sent.MaxOutput*int64(sent.Choices) - random.Int64N(2)*random.Int64N(1000)
		}
		o := answered
		o.Reading.Usage = reported(in, 0, max(out, 0))
		o.Reading.Usage[0].Set(tokenizer.WebSearch, web, tokenizer.Reported)
		o.Reading.Usage[0].Set(tokenizer.FileSearch, calls-web, tokenizer.Reported)
		e.Settle(t.Context(), ticket, o)
		if after, _ := spent(t, e, "month"); after-before > int64(ticket.Hold.Most) || after == before {
			t.Fatalf("%d calls, %d input, %d output cost %d, and %d was held", calls, in, out, after-before, ticket.Hold.Most)
		}
	}
}

// An exhausted budget does not save by a model that nothing bounds.
func TestADowngradeToAModelThatSearchesByItself(t *testing.T) {
	rule := month("month", 10_000_000)
	rule.OnExhausted, rule.To = budget.Downgrade, "mini-search"
	compiled, err := budget.Compile([]budget.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	e := searched(t, strict(engine.HoldWindow), func(o *engine.Options) { o.Rules.Budgets = compiled })
	r := searching(1)
	r.Content.Hosted = false
	if ticket := admit(t, e, r); ticket.Refusal == nil || ticket.Refusal.Code != "budget_exhausted" || ticket.Model != "" {
		t.Errorf("it asks %q: %+v", ticket.Model, ticket.Refusal)
	}
}
