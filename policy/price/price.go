// Package price knows what models cost.
//
// Rows of list prices and rates from a configuration come in, read from CSV, from
// litellm's price map or from genai-prices' data; for a provider, a model, a
// moment and the other conditions of a call, the one row that holds goes out,
// and why. It refuses to know who pays, what was consumed, and how to make lines
// of it: discounts, rate cards and lines belong to the engine. A Catalogue never
// changes after New and is safe for concurrent use; no float is involved
// anywhere. What has no price is not found: nothing here is silently 0.
package price

import (
	"maps"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Row is the price of one model under one set of conditions: a rate for each
// class that it prices, in micro-USD per million units (tokens, mostly). A class
// without a rate is not known, which is not zero.
type Row struct {
	ID        string // stable and unique in a catalogue: the ledger keeps it
	Provider  string // who hosts the model; empty: anyone
	Developer string // who made the model; empty: not said
	Model     string // exact name, or a glob in which * stands for anything
	Aliases   []string
	Source    string // where the figures are from

	// Conditions. All that are set must hold.
	Account    string    // the provider's account, exactly; empty: any
	Deployment string    // how it is deployed: global, data_zone, regional, provisioned; empty: any
	Region     string    // region or geography as told, a glob; "global" is none; empty: any
	Tier       string    // service tier as served; empty: any
	Size       string    // of an image, "1024x1024"; empty: any
	Quality    string    // of an image; empty: any
	Above      int64     // all input of the call is more tokens than this; 0: any
	Hours      Window    // time of day and week; zero: any
	From       time.Time // inclusive; zero: always was
	Until      time.Time // exclusive; zero: still is

	// Free says that the provider bills nothing; such a row has no rates.
	Free bool
	// Resold says that the provider hosts another's model: the row never holds
	// for a call whose provider is not known.
	Resold bool

	rates [tokenizer.Classes]money.Rate
	known uint64                    // a bit for each class that has a rate
	per   map[tokenizer.Class]int64 // divisors other than 1
}

// NewRow makes a row without rates or conditions.
func NewRow(id, provider, model string) Row {
	return Row{ID: id, Provider: provider, Model: model}
}

// Set gives class a rate.
func (r *Row) Set(class tokenizer.Class, rate money.Rate) { r.SetPer(class, rate, 1) }

// SetPer gives class a rate that is the price of per million units: what an hour
// costs, counted in seconds, with 3600. So a price per hour stays exact; only
// the amount of a line is rounded, once, half up to the pico-USD.
func (r *Row) SetPer(class tokenizer.Class, rate money.Rate, per int64) {
	r.rates[class] = rate
	r.known |= 1 << class
	if per > 1 || r.per[class] > 1 {
		r.per = maps.Clone(r.per) // a copy of the row may share it
		if r.per == nil {
			r.per = make(map[tokenizer.Class]int64, 1)
		}
		r.per[class] = max(per, 1)
	}
}

// drop takes the rate of class away.
func (r *Row) drop(class tokenizer.Class) {
	r.rates[class] = 0
	r.known &^= 1 << class
}

// own returns the rate that class itself has, and its divisor.
func (r *Row) own(class tokenizer.Class) (rate money.Rate, per int64, ok bool) {
	if r.known&(1<<class) == 0 {
		return 0, 1, false
	}
	return r.rates[class], max(r.per[class], 1), true
}

// Rate returns the rate of c and the class whose rate it is: c itself or, where
// the row has none, the nearest class that the provider would bill it as. A rate
// with a divisor is rounded to a whole one here; Cost uses the exact one.
//
//   - reasoning is billed as output;
//   - a cache read without a rate has no discount and costs what input of its
//     kind costs;
//   - a cache write falls to the write of unsaid lifetime, then to that of five
//     minutes, then to input;
//   - pictures, documents and what hosted tools add are billed as text input.
//
// Sound, video and generated pictures never fall back to text, which would be
// far too cheap, and no unit falls back to another: without a rate of their own
// they are not priced, and ok is false. A free row prices everything at 0.
func (r *Row) Rate(c tokenizer.Class) (rate money.Rate, as tokenizer.Class, ok bool) {
	if as, ok = r.as(c); !ok || r.Free {
		return 0, as, ok
	}
	rate, per, _ := r.own(as)
	return rate.Over(per), as, true
}

// Cost returns what n units of c cost, exactly, or, by a rate with a divisor,
// rounded half up to the pico-USD. as and ok are those of Rate.
func (r *Row) Cost(c tokenizer.Class, n int64) (amount money.Amount, as tokenizer.Class, ok bool) {
	if as, ok = r.as(c); !ok || r.Free {
		return money.Amount{}, as, ok
	}
	rate, per, _ := r.own(as)
	return rate.TimesPer(n, per), as, true
}

// as is the class whose rate prices c.
func (r *Row) as(c tokenizer.Class) (tokenizer.Class, bool) {
	if c >= tokenizer.Classes {
		return c, false
	}
	if r.Free || r.known&(1<<c) != 0 {
		return c, true
	}
	for _, as := range fallback[c] {
		if r.known&(1<<as) != 0 {
			return as, true
		}
	}
	return c, false
}

// Price is the rate of one class as a row has it: what per million units cost.
type Price struct {
	Rate money.Rate
	Per  int64 // at least 1
}

// String is USD per million units, as money.ParseFraction reads it.
func (p Price) String() string { return money.FormatFraction(p.Rate, p.Per) }

// Classes yields each class that has a rate of its own, in order.
func (r *Row) Classes(yield func(tokenizer.Class, Price) bool) {
	for c := range tokenizer.Classes {
		if rate, per, ok := r.own(c); ok && !yield(c, Price{rate, per}) {
			return
		}
	}
}

// fallback is what else a class without a rate may be billed as, in order.
var fallback = [tokenizer.Classes][]tokenizer.Class{
	tokenizer.InputImage:        {tokenizer.Input},
	tokenizer.InputDocument:     {tokenizer.Input},
	tokenizer.InputTool:         {tokenizer.Input},
	tokenizer.CacheRead:         {tokenizer.Input},
	tokenizer.CacheReadAudio:    {tokenizer.InputAudio},
	tokenizer.CacheReadImage:    {tokenizer.CacheRead, tokenizer.InputImage, tokenizer.Input},
	tokenizer.CacheReadVideo:    {tokenizer.InputVideo},
	tokenizer.CacheReadDocument: {tokenizer.CacheRead, tokenizer.InputDocument, tokenizer.Input},
	tokenizer.CacheWrite:        {tokenizer.CacheWrite5m, tokenizer.Input},
	tokenizer.CacheWrite5m:      {tokenizer.CacheWrite, tokenizer.Input},
	tokenizer.CacheWrite1h:      {tokenizer.CacheWrite, tokenizer.CacheWrite5m, tokenizer.Input},
	tokenizer.CacheWrite12h:     {tokenizer.CacheWrite, tokenizer.CacheWrite5m, tokenizer.Input},
	tokenizer.Reasoning:         {tokenizer.Output},
}
