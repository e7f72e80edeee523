package ledger_test

import (
	"math/rand/v2"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

func charged(c tokenizer.Class, micro, pico int64) policy.Line {
	return policy.Line{Class: c, Charged: money.Amount{Micro: micro, Pico: pico}}
}

func TestInputCostGoesByTheBytesOfItsText(t *testing.T) {
	micro := func(n int64) money.Amount { return money.Amount{Micro: n} }
	for _, c := range []struct {
		name   string
		shares tokenizer.Shares
		lines  []policy.Line
		want   ledger.InputCost
	}{
		{"nothing", tokenizer.Shares{System: 1}, nil, ledger.InputCost{}},
		{
			"four fifths a system prompt", tokenizer.Shares{System: 80, Last: 20},
			[]policy.Line{charged(tokenizer.Input, 90, 0), charged(tokenizer.CacheRead, 10, 0), charged(tokenizer.Output, 500, 0)},
			ledger.InputCost{System: micro(80), Last: micro(20)},
		},
		{"no bytes are known", tokenizer.Shares{Media: 9}, []policy.Line{charged(tokenizer.Input, 7, 1)}, ledger.InputCost{Last: money.Amount{Micro: 7, Pico: 1}}},
		{
			"thirds leave the rest to the last turn", tokenizer.Shares{System: 1, History: 1, Last: 1}, []policy.Line{charged(tokenizer.Input, 0, 100)},
			ledger.InputCost{System: money.Amount{Pico: 33}, History: money.Amount{Pico: 33}, Last: money.Amount{Pico: 34}},
		},
		{
			"what was counted apart", tokenizer.Shares{Last: 3, Tools: 1, Media: 1 << 20},
			[]policy.Line{charged(tokenizer.InputImage, 5, 0), charged(tokenizer.CacheReadDocument, 6, 0), charged(tokenizer.InputTool, 2, 0), charged(tokenizer.Input, 4, 0)},
			ledger.InputCost{Last: micro(3), Tools: micro(3), Media: micro(11)},
		},
		{
			"less than before", tokenizer.Shares{System: 3, Last: 1}, []policy.Line{charged(tokenizer.Input, -8, 0)},
			ledger.InputCost{System: micro(-6), Last: micro(-2)},
		},
	} {
		if got := ledger.InputCostOf(&policy.Record{Shares: c.shares, Lines: c.lines}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestInputCostAddsUp: nothing is lost and nothing made.
func TestInputCostAddsUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		r := policy.Record{Shares: tokenizer.Shares{
			System: random.Int64N(1 << random.IntN(40)), History: random.Int64N(1 << random.IntN(40)), Last: random.Int64N(9), Tools: random.Int64N(99),
		}}
		var want money.Amount
		for class := range tokenizer.Classes {
			l := charged(class, random.Int64N(1<<40)-1<<39, random.Int64N(1e6))
			r.Lines = append(r.Lines, l)
			if class.IsInput() {
				want = want.Add(l.Charged)
			}
		}
		if got := ledger.InputCostOf(&r).Total(); got != want {
			t.Fatalf("%+v: %s, want %s", r.Shares, got, want)
		}
	}
}

func TestRepeatedCost(t *testing.T) {
	cost := ledger.InputCost{Last: money.Amount{Micro: 10}}
	for _, c := range []struct {
		inputs, repeated int
		want             money.Amount
	}{
		{0, 0, money.Amount{}}, {4, 0, money.Amount{}}, {4, 1, money.Amount{Micro: 2, Pico: 500_000}}, {3, 3, money.Amount{Micro: 10}},
	} {
		if got := ledger.RepeatedCost(&policy.Record{Inputs: c.inputs, Repeated: c.repeated}, cost); got != c.want {
			t.Errorf("%d of %d: %s, want %s", c.repeated, c.inputs, got, c.want)
		}
	}
}
