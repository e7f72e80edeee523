package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

func fromFile(t *testing.T, file string) *Config {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(text))
}

func TestTerms(t *testing.T) {
	got := fromFile(t, "testdata/good_terms.yaml").Terms()
	july := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	want := terms.Discount{
		ID: "config:prices.discounts[2]", Off: 71_250,
		Match: terms.Match{
			Provider: []string{"azure", "bedrock"}, Model: []string{"gpt-4*"}, Operation: []string{"chat"},
			Owner: []terms.Attribute{{Name: "team", Values: []string{"research", "exp-*"}}, {Name: "environment", Values: []string{"prod"}}},
		},
	}
	if diff := cmp.Diff(want, got.Discounts[2]); diff != "" {
		t.Errorf("a match (-want +got):\n%s", diff)
	}
	want = terms.Discount{
		ID: "config:prices.discounts[3]", Match: terms.Match{Model: []string{"gpt-4o"}}, Currency: "EUR",
		Rates: map[tokenizer.Class]money.Rate{tokenizer.Input: 2_100_000, tokenizer.CacheRead: 1_000_000, tokenizer.Output: 8_400_000},
	}
	if diff := cmp.Diff(want, got.Discounts[3]); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
	bands := []terms.Band{{Above: 100_000_000, Off: 100_000}, {Above: 1_000_000_000, Off: 150_000}, {Above: 1_500_000_000, Off: 175_000}}
	if diff := cmp.Diff(bands, got.Discounts[4].Volume); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	row := terms.CardRow{
		ID: "config:prices.rate_card[2]", Unit: terms.Unit{Per: 1, Name: "request"}, Price: money.Amount{Micro: 1000},
		From: july, Until: july.AddDate(1, 0, 0), Match: terms.Match{
			Model: []string{"gpt-4o"}, Provider: []string{"azure"}, Owner: []terms.Attribute{{Name: "team", Values: []string{"research"}}},
		},
	}
	if diff := cmp.Diff(row, got.Card[2]); diff != "" {
		t.Errorf("rate card (-want +got):\n%s", diff)
	}
	fx := []terms.FX{
		{ID: "config:prices.fx[0]", Currency: "EUR", USD: 1_083_200_000},
		{ID: "config:prices.fx[1]", Currency: "EUR", USD: 1_100_000_000, From: july},
		{ID: "config:prices.fx[2]", Currency: "JPY", USD: 6_712_345},
	}
	if diff := cmp.Diff(fx, got.FX); diff != "" {
		t.Errorf("exchange rates (-want +got):\n%s", diff)
	}
}

// TestRateCardOfAPlatformTeam charges a thousand tokens each way by the rate card
// of the file.
func TestRateCardOfAPlatformTeam(t *testing.T) {
	c := fromFile(t, "testdata/good_rate_card.yaml")
	all, err := terms.New(c.Terms())
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{
		"gpt-4-turbo-2024-04-09": "0.08", "gpt-3.5-turbo": "0.004", "Llama-3-70B-Instruct": "0.01", "text-embedding-ada-002": "0.0001", "gpt-4o": "0",
	} {
		rec := &policy.Record{Provider: "local", ModelAsked: model, Model: model, Admitted: time.Now()}
		var sum money.Amount
		for _, class := range []tokenizer.Class{tokenizer.Input, tokenizer.Output} {
			l := policy.Line{Model: model, Class: class, Quantity: 1000, State: policy.Unpriced}
			all.Apply(&l, rec)
			sum = sum.Add(l.Charged)
		}
		if sum.String() != want {
			t.Errorf("%s: %s USD, want %s", model, sum, want)
		}
	}
	for _, unit := range []struct {
		model string
		class tokenizer.Class
		n     int64
		want  string
	}{{"vector-search", tokenizer.Requests, 1000, "0.1"}, {"vector-search", tokenizer.Requests, 1, "0.0001"}, {"fine-tuning", tokenizer.GPUSeconds, 5400, "12"}} {
		l := policy.Line{Model: unit.model, Class: unit.class, Quantity: unit.n, State: policy.Unpriced}
		all.Apply(&l, &policy.Record{ModelAsked: unit.model, Model: unit.model, Admitted: time.Now()})
		if l.Charged.String() != unit.want {
			t.Errorf("%d %s of %s: %s USD, want %s", unit.n, unit.class, unit.model, l.Charged, unit.want)
		}
	}
	var rest []string
	for _, f := range Check(c) {
		rest = append(rest, f.String())
	}
	// The same price as the list's of one provider is below that of another.
	if len(rest) != 1 || !strings.HasPrefix(rest[0], "warning: prices.rate_card[3].price: a million tokens of text-embedding-ada-002 input at azure are charged 0.1 USD and cost 0.11") {
		t.Errorf("Check = %q", rest)
	}
}

func TestRatesInAnotherCurrency(t *testing.T) {
	c := mustParse(t, `prices:
  rates:
    - {model: a, input: "2.50", output: "0.000001", currency: EUR, from: 2026-01-01, until: 2027-01-01}
    - {model: b, input: "1", currency: EUR, until: 2026-03-01}
    - {model: c, input: "1", currency: USD}
  fx:
    - {currency: EUR, usd: "1.1", from: 2026-07-01}
    - {currency: EUR, usd: "1.0832"}
    - {currency: EUR, usd: "1.5", from: 2027-02-01}`)
	rows, err := c.PriceRows()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range rows {
		r := &rows[i]
		in, _, _ := r.Rate(tokenizer.Input)
		out, _, known := r.Rate(tokenizer.Output)
		if !known {
			out = -1
		}
		got = append(got, strings.Join([]string{r.ID, r.Model, in.String(), out.String(), Date{r.From}.day(), Date{r.Until}.day()}, " "))
	}
	want := []string{
		"config:prices.rates[0] a 2.708 0.000001 2026-01-01 2026-07-01",
		"config:prices.rates[0]@2026-07-01 a 2.75 0.000001 2026-07-01 2027-01-01",
		"config:prices.rates[1] b 1.0832 -0.000001 - 2026-03-01",
		"config:prices.rates[2] c 1 -0.000001 - -",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func (d Date) day() string {
	if d.IsZero() {
		return "-"
	}
	return d.Format(time.DateOnly)
}

func TestCheckTerms(t *testing.T) {
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct{ in, want string }{
		"a row that is over":               {"discounts: [{percent: 1, until: 2026-08-01}]", "warning: prices.discounts[0].until: the row is over"},
		"a charge that is over":            {"rate_card: [{service: x, unit: token, price: 1, until: 2026-08-01}]", "warning: prices.rate_card[0].until"},
		"a row that is not over":           {"discounts: [{percent: 1, until: 2026-08-21}]", ""},
		"everything is free":               {"discounts: [{percent: 100}]", "warning: prices.discounts[0].percent: it makes what it matches free"},
		"bands that fall":                  {"discounts: [{percent: 5, volume: [{above: 1M, percent: 4}]}]", "warning: prices.discounts[0].volume[0].percent"},
		"what nothing counts":              {"rate_card: [{service: x, unit: TPU-hour, price: 1}]", "warning: prices.rate_card[0].unit: nothing counts a tpu_hour"},
		"below what is paid":               {"rate_card: [{service: gpt-4-turbo, provider: openai, unit: 1M tokens, price: 9}]", "warning: prices.rate_card[0].price: a million tokens of gpt-4-turbo output at openai are charged 9 USD and cost 30"},
		"of one meter":                     {"rate_card: [{service: gpt-4-turbo, provider: openai, class: output, unit: 1M tokens, price: 29}]", "warning: prices.rate_card[0].price: a million tokens of gpt-4-turbo output"},
		"below a contract":                 {"{discounts: [{match: {provider: openai}, percent: 50}], rate_card: [{service: gpt-4-turbo, provider: openai, class: output, unit: 1M tokens, price: 14}]}", "warning: prices.rate_card[0].price: a million tokens of gpt-4-turbo output at openai are charged 14 USD and cost 15"},
		"not below a contract":             {"{discounts: [{match: {provider: openai}, percent: 50}], rate_card: [{service: gpt-4-turbo, provider: openai, class: output, unit: 1M tokens, price: 15}]}", ""},
		"for one team":                     {"rate_card: [{service: gpt-4-turbo, provider: openai, class: output, unit: 1M tokens, price: 29, match: {team: a, operation: chat}}]", "warning: prices.rate_card[0].price"},
		"of our own":                       {"{rates: [{provider: local, model: \"llama*\", input: 2, output: 2}], rate_card: [{service: llama-3, provider: local, unit: 1M tokens, price: 1}]}", "warning: prices.rate_card[0].price: a million tokens of llama-3 output at local"},
		"a blend between input and output": {"rate_card: [{service: gpt-4-turbo, provider: openai, unit: 1M tokens, price: 15}]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := checkTerms(mustParse(t, "prices: "+bracketed(tc.in)), now)
			if tc.want == "" {
				if len(found) > 0 {
					t.Errorf("found %v, want nothing", found)
				}
				return
			}
			if len(found) != 1 || !strings.HasPrefix(found[0].String(), tc.want) {
				t.Fatalf("found %v, want %q", found, tc.want)
			}
			if found[0].Hint == "" {
				t.Errorf("%+v says too little", found[0])
			}
		})
	}
}

// bracketed makes a section of one key that is written without braces.
func bracketed(s string) string {
	if strings.HasPrefix(s, "{") {
		return s
	}
	return "{" + s + "}"
}

// FuzzTerms holds that terms that are accepted can be used.
func FuzzTerms(f *testing.F) {
	for _, file := range []string{"good_rate_card", "good_terms", "bad_terms", "bad_terms_together", "bad_terms_ambiguous"} {
		text, err := os.ReadFile("testdata/" + file + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("", text)
		if err != nil {
			return
		}
		all, err := terms.New(c.Terms())
		if err != nil {
			t.Fatalf("accepted terms are refused: %v", err)
		}
		rec := &policy.Record{Provider: "openai", Model: "gpt-4o", ModelAsked: "gpt-4o", Admitted: time.Now(), Completed: time.Now()}
		l := policy.Line{Model: "gpt-4o", Quantity: 1000, State: policy.Priced, List: money.Amount{Micro: 2500}}
		all.Apply(&l, rec)
		if l.Contracted.Micro < 0 || l.Charged.Micro < 0 {
			t.Errorf("a line below 0: %+v", l)
		}
	})
}

func TestTokensAsText(t *testing.T) {
	for text, want := range map[string]Tokens{"0": 0, "7": 7, "1500": 1500, "3K": 3000, "100M": 100_000_000, "2B": 2_000_000_000} {
		var n Tokens
		if err := n.UnmarshalText([]byte(text)); err != nil || n != want {
			t.Errorf("%q is %d, %v, want %d", text, n, err, want)
		}
		back, err := n.MarshalText()
		if err != nil || string(back) != text {
			t.Errorf("%d prints as %q, %v, want %q", n, back, err, text)
		}
	}
	for _, text := range []string{"", "M", "-1", "1.5M", "1KM", "10000000000B", "1e6"} {
		var n Tokens
		if err := n.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, n)
		}
	}
}
