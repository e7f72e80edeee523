package terms

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func amount(t testing.TB, s string) money.Amount { return must[money.Amount](t)(money.ParseAmount(s)) }
func percent(t testing.TB, s string) Percent     { return must[Percent](t)(ParsePercent(s)) }
func rate(t testing.TB, s string) money.Rate     { return must[money.Rate](t)(money.ParseRate(s)) }

func day(t testing.TB, s string) time.Time { return must[time.Time](t)(time.Parse(time.DateOnly, s)) }

// sample is a call of support's to gpt-4o at openai, and a line of it that lists
// 10 USD a million.
func sample(quantity int64) (*policy.Line, *policy.Record) {
	l := &policy.Line{Model: "gpt-4o-2024-08-06", Class: tokenizer.Output, Quantity: quantity, State: policy.Priced, Rate: 10_000_000}
	l.List = l.Rate.Times(quantity)
	return l, &policy.Record{
		Owner:    policy.Owner{{Name: "team", Value: "support"}, {Name: "project", Value: "faq"}},
		Provider: "openai", Operation: "chat", ModelAsked: "gpt-4o", Model: l.Model, Outcome: policy.Served, Admitted: noon, Completed: noon,
	}
}

func team(values ...string) []Attribute { return []Attribute{{Name: "team", Values: values}} }

// TestMostSpecificDiscountWins gives all of the rows at once, each of which takes
// off its own percentage, in many orders: the answer is always the same.
func TestMostSpecificDiscountWins(t *testing.T) {
	rows := []Discount{
		{ID: "all"},
		{ID: "openai", Match: Match{Provider: []string{"openai"}}},
		{ID: "open*", Match: Match{Provider: []string{"open*"}}},
		{ID: "gpt", Match: Match{Model: []string{"gpt-*"}}},
		{ID: "gpt-4o*", Match: Match{Model: []string{"GPT-4o*"}}},
		{ID: "family", Match: Match{Model: []string{"gpt-4o", "gpt-4.1"}}},
		{ID: "family at azure", Match: Match{Model: []string{"gpt-4o"}, Provider: []string{"azure"}}},
		{ID: "snapshots of May", Match: Match{Model: []string{"gpt-4o-2024-05*"}}},
		{ID: "dated", Match: Match{Model: []string{"gpt-4o-2024-11-20"}}},
		{ID: "support", Match: Match{Model: []string{"gpt-4o"}, Owner: team("support")}},
		{ID: "s*", Match: Match{Model: []string{"gpt-4o"}, Owner: team("s*")}},
		{ID: "support's exp", Match: Match{Model: []string{"gpt-4o"}, Owner: append(team("support"), Attribute{"project", []string{"exp-*"}})}},
		{ID: "support's embeddings", Match: Match{Model: []string{"gpt-4o"}, Owner: team("support"), Operation: []string{"embed*"}}},
		{ID: "hosted", Match: Match{Model: []string{"meta/*"}}},
		{ID: "old", Match: Match{Model: []string{"gpt-4o"}, Owner: team("support", "sales")}, Until: day(t, "2026-01-01")},
	}
	rows[9].From = day(t, "2026-01-01")
	for i := range rows {
		rows[i].Off = Percent(i + 1)
	}
	tests := []struct {
		name, want string
		change     func(*policy.Line, *policy.Record)
	}{
		{"nothing is known", "all", func(l *policy.Line, r *policy.Record) { l.Model, r.ModelAsked, r.Provider = "x", "x", "" }},
		{"the provider alone", "openai", func(l *policy.Line, r *policy.Record) { l.Model, r.ModelAsked = "o3", "o3" }},
		{"the pattern of a provider", "open*", func(l *policy.Line, r *policy.Record) { l.Model, r.ModelAsked, r.Provider = "o3", "o3", "openrouter" }},
		{"a glob before a provider", "gpt", func(l *policy.Line, r *policy.Record) { l.Model = "gpt-5" }},
		{"the longer glob", "gpt-4o*", func(l *policy.Line, r *policy.Record) { l.Model = "gpt-4o-mini" }},
		{"letters in any case", "gpt-4o*", func(l *policy.Line, r *policy.Record) { l.Model = "GPT-4O-Mini" }},
		{"a model before a team", "support", func(*policy.Line, *policy.Record) {}},
		{"a pattern of teams", "s*", func(_ *policy.Line, r *policy.Record) { r.Owner[0].Value = "sales" }},
		{"another pattern of models", "family", func(l *policy.Line, r *policy.Record) { l.Model = "gpt-4.1" }},
		{"no team", "family", func(_ *policy.Line, r *policy.Record) { r.Owner = nil }},
		{"a provider before a team", "family at azure", func(_ *policy.Line, r *policy.Record) { r.Provider = "azure" }},
		{"two attributes before one", "support's exp", func(_ *policy.Line, r *policy.Record) { r.Owner[1].Value = "exp-7" }},
		{"an operation last", "support's embeddings", func(_ *policy.Line, r *policy.Record) { r.Operation = "embeddings" }},
		{"a longer glob than the family", "snapshots of May", func(l *policy.Line, r *policy.Record) { l.Model = "gpt-4o-2024-05-13" }},
		{"the date itself", "dated", func(l *policy.Line, r *policy.Record) { l.Model = "gpt-4o-2024-11-20" }},
		{"behind a slash", "support", func(l *policy.Line, r *policy.Record) { l.Model = "openai/gpt-4o@20240806" }},
		{"before a slash", "hosted", func(l *policy.Line, r *policy.Record) { l.Model = "meta/gpt-4o" }},
		{"by the model that was asked for", "support", func(l *policy.Line, r *policy.Record) { l.Model = "/models/f16.gguf" }},
		{"in the past", "old", func(_ *policy.Line, r *policy.Record) { r.Admitted = day(t, "2025-12-31").Add(24*time.Hour - 1) }},
		{"from the first moment on", "support", func(_ *policy.Line, r *policy.Record) { r.Admitted = day(t, "2026-01-01") }},
		{"a name longer than any", "all", func(l *policy.Line, r *policy.Record) {
			l.Model, r.ModelAsked, r.Provider = strings.Repeat("gpt-", 65), "", ""
		}},
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		terms := must[*Terms](t)(New(Options{Discounts: rows}))
		for _, test := range tests {
			l, rec := sample(1_000_000)
			test.change(l, rec)
			terms.Apply(l, rec)
			if l.ContractID != test.want || l.Charged != l.Contracted || l.ChargeID != "" {
				t.Fatalf("%s: %+v, want discount %q", test.name, l, test.want)
			}
		}
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
}

func TestFixedRatesSpeakOfTheirMetersOnly(t *testing.T) {
	terms := must[*Terms](t)(New(Options{Discounts: []Discount{
		{ID: "general", Off: percent(t, "12")},
		{ID: "fixed", Match: Match{Model: []string{"gpt-4o"}}, Rates: map[tokenizer.Class]money.Rate{
			tokenizer.Input: rate(t, "2.10"), tokenizer.Output: rate(t, "8.40"),
		}},
	}}))
	for class, want := range map[tokenizer.Class][2]string{
		tokenizer.Input: {"2.1", "fixed"}, tokenizer.InputDocument: {"2.1", "fixed"}, tokenizer.Output: {"8.4", "fixed"},
		tokenizer.Reasoning: {"8.4", "fixed"}, tokenizer.CacheRead: {"8.8", "general"}, tokenizer.OutputAudio: {"8.8", "general"},
	} {
		l, rec := sample(1_000_000)
		l.Class = class
		terms.Apply(l, rec)
		if l.Contracted.String() != want[0] || l.ContractID != want[1] || l.List.String() != "10" {
			t.Errorf("%v: %s by %q, want %v", class, l.Contracted, l.ContractID, want)
		}
	}
}

func TestWhatHasNoListPrice(t *testing.T) {
	model := Match{Model: []string{"gpt-4o"}}
	fixed := []Discount{{ID: "fixed", Match: model, Rates: map[tokenizer.Class]money.Rate{tokenizer.Output: rate(t, "3")}}}
	off := []Discount{{ID: "off", Off: percent(t, "12")}}
	card := []CardRow{{ID: "card", Match: model, Unit: Unit{1000, token}, Price: amount(t, "0.005")}}
	tests := []struct {
		name, state         string
		o                   Options
		paid, chargeable    bool
		contracted, charged string
	}{
		{"nothing prices it", policy.Unpriced, Options{}, false, false, "0", "0"},
		{"a percentage of what is not known", policy.Unpriced, Options{Discounts: off}, false, false, "0", "0"},
		{"a fixed rate", policy.Unpriced, Options{Discounts: fixed}, true, true, "3", "3"},
		{"the rate card", policy.Unpriced, Options{Discounts: off, Card: card}, false, true, "0", "5"},
		{"both", policy.Unpriced, Options{Discounts: fixed, Card: card}, true, true, "3", "5"},
		{"free", policy.Free, Options{Discounts: off}, true, true, "0", "0"},
		{"free, and charged for", policy.Free, Options{Card: card}, true, true, "0", "5"},
	}
	for _, test := range tests {
		l, rec := sample(1_000_000)
		l.State, l.List, l.Rate = test.state, money.Amount{}, 0
		must[*Terms](t)(New(test.o)).Apply(l, rec)
		if l.Paid() != test.paid || l.Chargeable() != test.chargeable || l.Contracted.String() != test.contracted || l.Charged.String() != test.charged {
			t.Errorf("%s: paid %v %s, chargeable %v %s", test.name, l.Paid(), l.Contracted, l.Chargeable(), l.Charged)
		}
		if l.State != test.state || !l.List.IsZero() {
			t.Errorf("%s: the list price became %s %s", test.name, l.State, l.List)
		}
	}
}

func TestNothingCostsNothing(t *testing.T) {
	terms := must[*Terms](t)(New(Options{
		Discounts: []Discount{{ID: "d", Rates: map[tokenizer.Class]money.Rate{tokenizer.Output: 5}}},
		Card:      []CardRow{{ID: "c", Unit: Unit{1, token}, Price: amount(t, "1")}},
	}))
	l, rec := sample(0)
	before := *l
	terms.Apply(l, rec)
	if *l != before {
		t.Errorf("a line of nothing became %+v", l)
	}
	l, rec = sample(7)
	(*Terms)(nil).Apply(l, rec)
	(*Terms)(nil).Count(rec)
	if l.Contracted != l.List || l.Charged != l.List {
		t.Errorf("without terms the list price is not paid: %+v", l)
	}
}

func TestWrongRows(t *testing.T) {
	percents := func(change func(*Discount)) Options {
		d := Discount{ID: "d", Off: 1}
		change(&d)
		return Options{Discounts: []Discount{d}}
	}
	charges := func(change func(*CardRow)) Options {
		c := CardRow{ID: "c", Unit: Unit{1000, token}, Price: money.Amount{Micro: 5}}
		change(&c)
		return Options{Card: []CardRow{c}}
	}
	two := func(a, b Match) Options {
		return Options{Discounts: []Discount{{ID: "a", Match: a}, {ID: "b", Match: b}}}
	}
	many := make([]string, MaxPatterns+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	some := many[:60]
	tests := []struct {
		name string
		o    Options
		want string // the beginning of the first error
	}{
		{"no id", percents(func(d *Discount) { d.ID = "" }), ": has no id"},
		{"one id twice", Options{Discounts: []Discount{{ID: "d"}}, FX: []FX{{ID: "d", Currency: "EUR", USD: 1}}}, "d: another row has that id"},
		{"ends before it begins", percents(func(d *Discount) { d.From, d.Until = noon, noon }), "d.until: is not after `from`"},
		{"more than all", percents(func(d *Discount) { d.Off = whole + 1 }), "d.percent: is not in 0 to 100"},
		{"a surcharge", percents(func(d *Discount) { d.Off = -1 }), "d.percent: is not in 0 to 100"},
		{"both ways", percents(func(d *Discount) { d.Rates = map[tokenizer.Class]money.Rate{0: 1} }), "d.rates: stand beside a percentage"},
		{"a rate below 0", Options{Discounts: []Discount{{ID: "d", Rates: map[tokenizer.Class]money.Rate{0: -1}}}}, "d.rates: has no usable rate of input"},
		{"a percentage of euros", percents(func(d *Discount) { d.Currency = "EUR" }), "d.currency: a percentage has none"},
		{"bands that fall", percents(func(d *Discount) { d.Volume = []Band{{100, 1}, {100, 2}} }), "d.volume[1].above: is not more"},
		{"a band of more than all", percents(func(d *Discount) { d.Volume = []Band{{100, whole + 1}} }), "d.volume[0].percent"},
		{"too many bands", percents(func(d *Discount) { d.Volume = make([]Band, MaxBands+1) }), "d.volume: has 33 bands"},
		{"a volume by day", percents(func(d *Discount) {
			d.Volume, d.Match.Owner = []Band{{1, 1}}, []Attribute{{"day", []string{"x"}}}
		}), "d.match.day: volume cannot be counted"},
		{"an attribute twice", percents(func(d *Discount) { d.Match.Owner = append(team("a"), team("b")...) }), "d.match.team: is given twice"},
		{"an attribute of nothing", percents(func(d *Discount) { d.Match.Owner = team() }), "d.match.team: has no values"},
		{"too many attributes", percents(func(d *Discount) {
			for _, name := range many[:MaxOwner+1] {
				d.Match.Owner = append(d.Match.Owner, Attribute{name, []string{"x"}})
			}
		}), "d.match: names 5 attributes"},
		{"an empty pattern", percents(func(d *Discount) { d.Match.Model = []string{""} }), "d.match.model: a pattern has 0 bytes"},
		{"too many patterns", percents(func(d *Discount) { d.Match.Model = many }), "d.match.model: has 65 patterns"},
		{"too many combinations", percents(func(d *Discount) { d.Match = Match{Model: some, Provider: some, Operation: some} }), "d.match: too many combinations"},
		{"a currency without a rate", charges(func(c *CardRow) { c.Currency = "EUR" }), "c.currency: no exchange rate of EUR"},
		{"no currency", charges(func(c *CardRow) { c.Currency = "euro" }), `c.currency: "euro" is no currency`},
		{"no meter", charges(func(c *CardRow) { c.Meter = "inputs" }), `c.class: no meter is called "inputs"`},
		{"tokens by the hour", charges(func(c *CardRow) { c.Meter, c.Unit = "input", Unit{1, "gpu_hour"} }), "c.class: input does not count units of gpu_hour"},
		{"no unit", charges(func(c *CardRow) { c.Unit = Unit{Per: 1} }), "c.unit: has no name"},
		{"units of none", charges(func(c *CardRow) { c.Unit.Per = 0 }), "c.price: make rate: 0 is no number"},
		{"too dear", charges(func(c *CardRow) { c.Price.Micro = 1e12 }), "c.price: make rate: a price is at least 0"},
		{"too fine", charges(func(c *CardRow) { c.Price.Pico = 1 }), "c.price: make rate: 0.000005000001 for 1K token has more decimals"},
		{"dollars for dollars", Options{FX: []FX{{ID: "f", Currency: "USD", USD: oneUSD}}}, "f.currency: a US dollar"},
		{"worth nothing", Options{FX: []FX{{ID: "f", Currency: "EUR"}}}, "f.usd: is not above 0"},
		{"two at once", Options{FX: []FX{{ID: "f", Currency: "EUR", USD: 1}, {ID: "g", Currency: "EUR", USD: 2}}}, "g.from: another rate of EUR"},
		{"nothing before June", Options{
			FX:   []FX{{ID: "f", Currency: "EUR", USD: oneUSD, From: noon}},
			Card: []CardRow{{ID: "c", Unit: Unit{1, token}, Currency: "EUR"}},
		}, "c.currency: no exchange rate of EUR is known before 2026-08-20T12:00:00Z"},

		{"the same", two(Match{}, Match{}), "b: is as specific as a"},
		{"everything by another name", two(Match{Model: []string{"*"}}, Match{}), "b: is as specific as a"},
		{"one of several", two(Match{Model: []string{"x", "y"}}, Match{Model: []string{"Y", "z"}}), "b: is as specific as a"},
		{"globs that meet", two(Match{Model: []string{"a*"}}, Match{Model: []string{"*a"}}), "b: is as specific as a"},
		{"a team and a project", two(Match{Owner: team("a")}, Match{Owner: []Attribute{{"project", []string{"b"}}}}), "b: is as specific as a"},
		{"a team and a project's chats", two(Match{Owner: team("a")}, Match{Operation: []string{"chat"}, Owner: []Attribute{{"project", []string{"b"}}}}), "b: is as specific as a"},
		{"at one time", Options{Discounts: []Discount{{ID: "a", Until: noon.Add(1)}, {ID: "b", From: noon}}}, "b: is as specific as a"},
		{"one meter", Options{Card: []CardRow{
			{ID: "a", Unit: Unit{1, token}, Meter: "input"}, {ID: "b", Unit: Unit{1000, token}, Meter: "input"},
		}}, "b: is as specific as a"},
		{"of what nothing counts", Options{Card: []CardRow{{ID: "a", Unit: Unit{1, "gpu_hour"}}, {ID: "b", Unit: Unit{1, "gpu_hour"}}}}, "b: is as specific as a"},
	}
	for _, test := range tests {
		_, err := New(test.o)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), test.want) {
			t.Errorf("%s: %v is no *Error", test.name, err)
		}
	}
	if _, err := New(Options{Card: make([]CardRow, MaxRows+1)}); err == nil {
		t.Error("too many rows are taken")
	}
	if _, err := New(Options{FX: make([]FX, MaxFX+1)}); err == nil {
		t.Error("too many exchange rates are taken")
	}
}

func TestApplyDoesNotAllocate(t *testing.T) {
	terms := must[*Terms](t)(New(Options{
		Discounts: []Discount{
			{ID: "a", Match: Match{Model: []string{"gpt-4o"}, Owner: team("s*")}, Off: 5, Volume: []Band{{10, 6}}},
			{ID: "b", Match: Match{Model: []string{"gpt-*"}, Provider: []string{"azure"}}, Off: 7},
		},
		FX:   []FX{{ID: "f", Currency: "EUR", USD: 1_083_200_001}},
		Card: []CardRow{{ID: "c", Match: Match{Model: []string{"openai/*", "*4o*"}}, Unit: Unit{1000, token}, Price: amount(t, "0.04"), Currency: "EUR"}},
	}))
	l, rec := sample(1000)
	rec.Lines = []policy.Line{*l}
	if n := testing.AllocsPerRun(100, func() {
		rec.Lines[0].ContractID = "" // each is a new call
		terms.Apply(&rec.Lines[0], rec)
		terms.Count(rec)
	}); n != 0 {
		t.Errorf("%v allocations for a line", n)
	}
	if got := rec.Lines[0]; got.ContractID != "a.volume[0]" || got.ChargeID != "c" || got.ChargeFXRate != "1.083200001" {
		t.Errorf("the line is %+v", got)
	}
}

func TestUnitNames(t *testing.T) {
	for text, want := range map[string]Unit{
		"1K tokens": {1000, "token"}, "1M tokens": {1_000_000, "token"}, "1k token": {1000, "token"}, "tokens": {1, "token"},
		"1K queries": {1000, "query"}, "request": {1, "request"}, "GPU-hour": {1, "gpu_hour"}, "GPU hours": {1, "gpu_hour"},
		"100 web searches": {100, "web_search"}, "1000 pages": {1000, "page"}, "2 boxes": {2, "box"}, "class": {1, "class"},
	} {
		got, err := ParseUnit(text)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
		if again, err := ParseUnit(got.String()); err != nil || again != got {
			t.Errorf("%q reads back as %v, %v", got, again, err)
		}
	}
	for _, text := range []string{"", "1K", "K tokens x!", "0 tokens", "1.5K tokens", "2000M tokens", "-1 token", "tökens", strings.Repeat("a", 65), "9x tokens"} {
		if u, err := ParseUnit(text); err == nil {
			t.Errorf("%q is %v", text, u)
		}
	}
	if !(Unit{1, "token"}).Counted() || (Unit{1, "tpu_hour"}).Counted() {
		t.Error("what is counted is not known")
	}
}

func TestErrorsAreWhole(t *testing.T) {
	_, err := New(Options{Discounts: []Discount{{ID: "d", Off: -1, Match: Match{Model: []string{""}}}, {ID: "d"}}})
	var got []string
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			got = append(got, e.Error())
		}
	}
	want := []string{"d.match.model: a pattern has 0 bytes; write 1 to 256", "d.percent: is not in 0 to 100", "d: another row has that id"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
