package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// What is held is at the price of the dearest class that tokens may land in, both of
// what is charged and of what is paid: a cache may be written for an hour, and an
// answer may be thoughts.
func TestHoldsAreOfTheDearestClass(t *testing.T) {
	const input, output, dear = 216, 1000, 50_000 // tokens, and nano-USD of one
	text := func(*policy.Request) {}
	parts := func(r *policy.Request) { r.Content.Parts = 1 }
	for class, c := range map[tokenizer.Class]struct {
		input  bool
		change func(*policy.Request)
	}{
		tokenizer.InputTool: {true, text}, tokenizer.CacheWrite: {true, text}, tokenizer.CacheWrite5m: {true, text},
		tokenizer.CacheWrite1h: {true, text}, tokenizer.CacheWrite12h: {true, text},
		tokenizer.InputAudio: {true, parts}, tokenizer.InputImage: {true, parts}, tokenizer.InputVideo: {true, parts}, tokenizer.InputDocument: {true, parts},
		tokenizer.Reasoning: {false, text}, tokenizer.OutputAudio: {false, text}, tokenizer.OutputImage: {false, text}, tokenizer.OutputVideo: {false, text},
	} {
		row := price.NewRow("test:m", "local", "m*")
		row.Set(tokenizer.Input, rate(t, "2"))
		row.Set(tokenizer.Output, rate(t, "10"))
		row.Set(class, rate(t, "50"))
		prices, err := price.New([]price.Row{row})
		if err != nil {
			t.Fatal(err)
		}
		paid := month("paid", usd)
		paid.Unit = budget.Contracted
		e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Prices = prices }, month("month", usd), paid)
		r := numbered(1, "a")
		c.change(r)
		admit(t, e, r)
		want := int64(input*dear + output*10_000)
		if !c.input {
			want = input*2_000 + output*dear
		}
		for _, rule := range []string{"month", "paid"} {
			if _, held := spent(t, e, rule); held != want {
				t.Errorf("%s of %s: held %d, want %d", class, rule, held, want)
			}
		}
	}
}

// An answer is not made so short that it says nothing, all choices share what is left,
// and a model that cannot be changed is not.
func TestWhatAnExhaustedBudgetLeavesCallsAlone(t *testing.T) {
	shrink := month("month", mostOfACall+432_000+20*10_000) // room for 20 tokens beside one call
	shrink.OnExhausted = budget.Shrink
	for _, c := range []struct {
		choices int
		limit   int64
		want    int64 // tokens of an answer; 0: it is refused
	}{
		{1, shrink.Limit, 20}, {1, shrink.Limit - 4*10_000, 16}, {1, shrink.Limit - 5*10_000, 0}, {2, shrink.Limit + 20*10_000, 20}, {2, shrink.Limit, 0},
	} {
		rule := shrink
		rule.Limit = c.limit
		e, _, _ := limited(t, nil, rule)
		admit(t, e, changeable(1))
		r := changeable(2)
		r.Call.Choices = c.choices
		ticket := admit(t, e, r)
		if ticket.MaxOutput != c.want || (ticket.Refusal == nil) != (c.want > 0) {
			t.Errorf("%d choices of %d: %d tokens, want %d; %+v", c.choices, c.limit, ticket.MaxOutput, c.want, ticket.Refusal)
		}
		if _, held := spent(t, e, "month"); held > c.limit || c.want > 0 && held < c.limit-10_000*int64(c.choices) {
			t.Errorf("%d choices of %d: held %d", c.choices, c.limit, held)
		}
	}
	fixed := month("month", 1)
	fixed.OnExhausted, fixed.To = budget.Downgrade, "m2"
	prices, err := price.New([]price.Row{*free(t, "m2"), *costs(t, "m1")})
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := limited(t, func(o *engine.Options) { o.Rules.Prices = prices }, fixed)
	if ticket := admit(t, e, changeable(1)); ticket.Refusal != nil || ticket.Model != "m2" {
		t.Errorf("a model that can be changed: %q, %+v", ticket.Model, ticket.Refusal)
	}
	if ticket := admit(t, e, numbered(2, "a")); ticket.Refusal == nil || ticket.Model != "" {
		t.Errorf("a model that cannot be changed: %q, %+v", ticket.Model, ticket.Refusal)
	}
}

func free(t *testing.T, model string) *price.Row {
	t.Helper()
	row := price.NewRow("test:"+model, "local", model)
	row.Free = true
	return &row
}

func costs(t *testing.T, model string) *price.Row {
	t.Helper()
	row := price.NewRow("test:"+model, "local", model)
	row.Set(tokenizer.Input, rate(t, "2"))
	row.Set(tokenizer.Output, rate(t, "10"))
	return &row
}
