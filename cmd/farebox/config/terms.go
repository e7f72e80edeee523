package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

// Discount is what a provider's contract makes of list prices.
type Discount struct {
	Match    CallMatch     `yaml:"match" doc:"The calls that it is for; not given: all. Of several that match a line the most specific counts: by model, then provider, then owner, then operation; two that are equally specific are an error."`
	Percent  Percent       `yaml:"percent" doc:"What is taken off the list price, before the first band of volume. Rounded half up to 10^-12 USD, once for each line."`
	Rates    ContractRates `yaml:"rates" doc:"Fixed prices in place of percent. What they do not name is left to a less specific discount, else to the list."`
	Currency Currency      `yaml:"currency" doc:"Of rates: three letters, which prices.fx knows; not given: USD."`
	From     Date          `yaml:"from" doc:"For calls admitted from then on."`
	Until    Date          `yaml:"until" doc:"For calls admitted before then."`
	Volume   []VolumeBand  `yaml:"volume" max:"32" doc:"Greater percentages for greater volumes, from small to great. A call is priced in the band that was reached before it; calls that end at the same time may all be priced in the lower one."`
}

// VolumeBand is a percentage from a volume on.
type VolumeBand struct {
	Above   Tokens  `yaml:"above" need:"yes" min:"1" max:"1000000000000000" doc:"Tokens of all calls that match, this calendar month in UTC, by the model as answered."`
	Percent Percent `yaml:"percent" need:"yes" doc:"What is taken off the list price from then on."`
}

// CardRow is one row of the internal rate card.
type CardRow struct {
	Service  Glob      `yaml:"service" need:"yes" doc:"The model; upper and lower case are the same. A name is for its dated snapshots too."`
	Provider Glob      `yaml:"provider" doc:"Who hosts the model; not given: any."`
	Unit     Unit      `yaml:"unit" need:"yes" doc:"What price is for, such as 1K tokens, 1M tokens, request, 1K queries (which are requests), GPU-hour. A unit that no meter counts yet charges nothing until one does."`
	Class    string    `yaml:"class" max:"64" doc:"The meter that price is for; input and output are all that was sent and all that was generated; not given: every meter of the unit, a blended price."`
	Price    UnitPrice `yaml:"price" need:"yes" doc:"What a team is charged for a unit."`
	Currency Currency  `yaml:"currency" doc:"Of price: three letters, which prices.fx knows; not given: USD."`
	From     Date      `yaml:"from" doc:"For calls admitted from then on."`
	Until    Date      `yaml:"until" doc:"For calls admitted before then."`
	Match    CallMatch `yaml:"match" doc:"Whose calls it is for; not given: everyone's. The most specific row counts, as for discounts, and of those a row of one meter before a blended one."`
}

// ExchangeRate is what a currency is worth from a day on.
type ExchangeRate struct {
	Currency Currency `yaml:"currency" need:"yes" doc:"Three letters, such as EUR."`
	USD      FXRate   `yaml:"usd" need:"yes" doc:"USD for one unit of it."`
	From     Date     `yaml:"from" doc:"For calls admitted from then on, until the next row of the currency; not given: always."`
}

// CallMatch says which calls a row is for: patterns by provider, model,
// operation or the name of an attribute. All keys must fit, of each one value.
type CallMatch struct{ Keys []MatchKey }

// MatchKey is one key of a CallMatch.
type MatchKey struct {
	Name   string
	Values []string
}

// callKeys are the keys of a CallMatch that are no attributes.
var callKeys = []string{"provider", "model", "operation"}

// member takes one pattern or a list of them.
func (c *CallMatch) member(d *decoder, path string, m member) bool {
	if !attribution.ValidName(m.key) {
		return false
	}
	at := join(path, m.key)
	var values []string
	if m.value.kind == list {
		d.value(reflect.ValueOf(&values).Elem(), m.value, field{max: strconv.Itoa(terms.MaxPatterns)}, at)
	} else {
		values = make([]string, 1)
		d.value(reflect.ValueOf(&values[0]).Elem(), m.value, field{}, at)
	}
	c.Keys = append(c.Keys, MatchKey{m.key, values})
	return true
}

func (c *CallMatch) others() []string { return callKeys }

// values returns the patterns of a key.
func (c *CallMatch) values(name string) []string {
	for i := range c.Keys {
		if c.Keys[i].Name == name {
			return c.Keys[i].Values
		}
	}
	return nil
}

// terms returns c for package terms.
func (c *CallMatch) terms() terms.Match {
	m := terms.Match{Provider: c.values("provider"), Model: c.values("model"), Operation: c.values("operation")}
	for i := range c.Keys {
		if k := &c.Keys[i]; !slices.Contains(callKeys, k.Name) {
			m.Owner = append(m.Owner, terms.Attribute{Name: k.Name, Values: k.Values})
		}
	}
	return m
}

// ContractRates is the price of each meter that is named, in millionths of the
// currency per million tokens.
type ContractRates struct {
	Per map[tokenizer.Class]money.Rate
}

// member takes the price of one meter of tokens.
func (r *ContractRates) member(d *decoder, path string, m member) bool {
	class, ok := tokenizer.ParseClass(m.key)
	if !ok || !class.IsToken() {
		return false
	}
	var rate perMillion
	noted := len(d.errs)
	d.value(reflect.ValueOf(&rate).Elem(), m.value, field{}, join(path, m.key))
	if len(d.errs) > noted {
		return true
	}
	if r.Per == nil {
		r.Per = make(map[tokenizer.Class]money.Rate)
	}
	r.Per[class] = money.Rate(rate)
	return true
}

func (r *ContractRates) others() []string {
	names := make([]string, 0, tokenizer.Classes)
	for c := range tokenizer.Classes {
		if c.IsToken() {
			names = append(names, c.String())
		}
	}
	return names
}

// Terms returns what policy/terms needs. The id of each row is its path in the
// file.
func (c *Config) Terms() terms.Options {
	var o terms.Options
	for i := range c.Prices.Discounts {
		d := &c.Prices.Discounts[i]
		row := terms.Discount{
			ID: fmt.Sprintf("config:prices.discounts[%d]", i), Match: d.Match.terms(), Off: d.Percent.Percent,
			Rates: d.Rates.Per, Currency: string(d.Currency), From: d.From.Time, Until: d.Until.Time,
		}
		for _, b := range d.Volume {
			row.Volume = append(row.Volume, terms.Band{Above: int64(b.Above), Off: b.Percent.Percent})
		}
		o.Discounts = append(o.Discounts, row)
	}
	for i := range c.Prices.RateCard {
		o.Card = append(o.Card, c.Prices.RateCard[i].row(fmt.Sprintf("config:prices.rate_card[%d]", i)))
	}
	for i, f := range c.Prices.FX {
		o.FX = append(o.FX, terms.FX{
			ID: fmt.Sprintf("config:prices.fx[%d]", i), Currency: string(f.Currency), USD: f.USD.Worth, From: f.From.Time,
		})
	}
	return o
}

func (r *CardRow) row(id string) terms.CardRow {
	m := r.Match.terms()
	m.Model = []string{string(r.Service)}
	if r.Provider != "" {
		m.Provider = []string{string(r.Provider)}
	}
	return terms.CardRow{
		ID: id, Match: m, Unit: r.Unit.Unit, Meter: r.Class, Price: r.Price.Amount,
		Currency: string(r.Currency), From: r.From.Time, Until: r.Until.Time,
	}
}

// termsRows writes the keys that no field of a section has.
func termsRows(b *strings.Builder, section any, path string) {
	switch section.(type) {
	case CallMatch:
		for _, key := range callKeys {
			if key != "operation" && strings.Contains(path, "rate_card") {
				continue // service and provider stand beside it
			}
			fmt.Fprintf(b, "| `%s.%s` | pattern, or list of at most %d | | The %s of the call, one of these. |\n", path, key, terms.MaxPatterns, key)
		}
		fmt.Fprintf(b, "| `%s.NAME` | pattern, or list of at most %d | | Value of the attribute NAME, one of these. At most %d attributes. |\n",
			path, terms.MaxPatterns, terms.MaxOwner)
	case ContractRates:
		fmt.Fprintf(b, "| `%s.METER` | decimal text | | Price of a meter such as input, cache_read, output, in currency per million tokens. "+
			"Reasoning costs what output does, pictures, documents and what hosted tools add what input does, unless named. |\n", path)
	}
}
