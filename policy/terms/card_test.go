package terms

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// TestBlendedRateCard charges by a card like one that a platform team publishes.
func TestBlendedRateCard(t *testing.T) {
	row := func(id, model, unit, meter, price string) CardRow {
		return CardRow{ID: id, Match: Match{Model: []string{model}}, Unit: must[Unit](t)(ParseUnit(unit)), Meter: meter, Price: amount(t, price)}
	}
	terms := must[*Terms](t)(New(Options{Card: []CardRow{
		row("turbo", "gpt-4-turbo", "1K tokens", "", "0.04"),
		row("own", "*llama*70b*", "1K tokens", "", "0.005"),
		row("ada", "text-embedding-ada-002", "1K tokens", "input", "0.0001"),
		row("search", "vector-search", "1K queries", "", "0.10"),
		row("tuning", "fine-tuning", "GPU-hour", "", "8.00"),
		row("sent", "split", "1M tokens", "input", "2"),
		row("made", "split", "1M tokens", "output", "6"),
		row("thought", "split", "1M tokens", "reasoning", "9"),
	}}))
	tests := []struct {
		model, id, charged string
		class              tokenizer.Class
	}{
		{"gpt-4-turbo-2024-04-09", "turbo", "40", tokenizer.Input},
		{"gpt-4-turbo", "turbo", "40", tokenizer.Reasoning},
		{"Llama-3-70B-Instruct", "own", "5", tokenizer.Output},
		{"text-embedding-ada-002", "ada", "0.1", tokenizer.Input},
		{"text-embedding-ada-002", "", "10", tokenizer.Output},
		{"split", "sent", "2", tokenizer.CacheRead},
		{"split", "sent", "2", tokenizer.InputAudio},
		{"split", "made", "6", tokenizer.OutputImage},
		{"split", "thought", "9", tokenizer.Reasoning},
		{"vector-search", "", "10", tokenizer.Input},
		{"fine-tuning", "", "10", tokenizer.Output},
		{"gpt-5", "", "10", tokenizer.Output},
	}
	for _, test := range tests {
		l, rec := sample(1_000_000)
		l.Model, l.Class, rec.ModelAsked = test.model, test.class, test.model
		terms.Apply(l, rec)
		if l.ChargeID != test.id || l.Charged.String() != test.charged || l.Contracted != l.List || l.ContractID != "" {
			t.Errorf("%s %v: %s by %q, want %s by %q", test.model, test.class, l.Charged, l.ChargeID, test.charged, test.id)
		}
	}
}

// TestUnitsBeyondTokens: a row is for every meter that counts its unit, and for
// none until one does.
func TestUnitsBeyondTokens(t *testing.T) {
	for unit, want := range map[string]map[tokenizer.Class]string{
		"1K requests":      {tokenizer.Requests: "72"},
		"100 web searches": {tokenizer.WebSearch: "720"},
		"page":             {tokenizer.Pages: "72000"},
		"hosting hour":     {tokenizer.HostingSeconds: "20"},
		"audio-minute":     {tokenizer.AudioSeconds: "1200"},
		"1K queries":       {tokenizer.Requests: "72"},
		"GPU-hour":         {tokenizer.GPUSeconds: "20"},
		"second":           nil,
		"TPU-hour":         nil,
	} {
		u := must[Unit](t)(ParseUnit(unit))
		terms := must[*Terms](t)(New(Options{Card: []CardRow{{ID: "c", Unit: u, Price: amount(t, "8")}}}))
		if u.Counted() != (want != nil) {
			t.Errorf("%s is counted: %v", unit, u.Counted())
		}
		for c := range tokenizer.Classes {
			l, rec := sample(9000)
			l.Class = c
			terms.Apply(l, rec)
			charged, id := want[c], "c"
			if charged == "" {
				charged, id = l.List.String(), ""
			}
			if l.Charged.String() != charged || l.ChargeID != id {
				t.Errorf("8 USD for a %s, 9000 %v: %s by %q, want %s", unit, c, l.Charged, l.ChargeID, charged)
			}
		}
	}
	third := must[*Terms](t)(New(Options{
		FX:   []FX{{ID: "f", Currency: "EUR", USD: 1_000_000_003}},
		Card: []CardRow{{ID: "c", Unit: Unit{1, "hosting_hour"}, Price: amount(t, "0.000000000005"), Currency: "EUR"}},
	}))
	l := &policy.Line{Class: tokenizer.HostingSeconds, Quantity: 360, State: policy.Priced}
	third.Apply(l, &policy.Record{})
	if l.Charged.String() != "0.000000000001" { // half a pico-USD and a little: up, once
		t.Errorf("a tenth of an hour costs %s", l.Charged)
	}
}

func TestContractThenCard(t *testing.T) {
	terms := must[*Terms](t)(New(Options{
		Discounts: []Discount{{ID: "d", Match: Match{Provider: []string{"openai"}}, Off: percent(t, "12")}},
		Card:      []CardRow{{ID: "c", Match: Match{Owner: team("support")}, Unit: Unit{1_000_000, token}, Price: amount(t, "20")}},
	}))
	l, rec := sample(1_000_000)
	terms.Apply(l, rec)
	if l.List.String() != "10" || l.Contracted.String() != "8.8" || l.Charged.String() != "20" {
		t.Errorf("list %s, contracted %s, charged %s", l.List, l.Contracted, l.Charged)
	}
	rec.Owner = policy.Owner{{Name: "team", Value: "research"}}
	terms.Apply(l, rec)
	if l.Charged.String() != "8.8" || l.ContractID != "d" {
		t.Errorf("who is not on the card is charged %s", l.Charged)
	}
}
