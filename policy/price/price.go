// Package price knows what models cost.
//
// Rows of list prices and rates from a configuration come in; for a provider, a
// model and a moment, the one row that holds goes out. It refuses to know who
// pays, what was consumed, and how to multiply: discounts, rate cards and lines
// belong to the engine. A Catalogue never changes after New and is safe for
// concurrent use; no float is involved anywhere.
package price

import (
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Row is the price of one model under one set of conditions: a rate for each
// class that it prices, in micro-USD per million tokens. A class without a rate
// is not known, which is not zero.
type Row struct {
	ID        string // stable and unique in a catalogue: the ledger keeps it
	Provider  string // who hosts the model; empty: anyone
	Developer string // who made the model; empty: not said
	Model     string // exact name, or a glob in which * stands for anything
	Source    string // where the figures are from

	// Conditions. All that are set must hold.
	Tier  string    // service tier as served; empty: any
	Above int64     // all input of the call is more tokens than this; 0: any
	From  time.Time // inclusive; zero: always was
	Until time.Time // exclusive; zero: still is

	// Free says that the provider bills nothing; such a row has no rates.
	Free bool
	// Resold says that the provider hosts another's model: the row never holds
	// for a call whose provider is not known.
	Resold bool

	rates [tokenizer.Classes]money.Rate
	known uint32 // a bit for each class that has a rate
}

// NewRow makes a row without rates or conditions.
func NewRow(id, provider, model string) Row {
	return Row{ID: id, Provider: provider, Model: model}
}

// Set gives class a rate.
func (r *Row) Set(class tokenizer.Class, rate money.Rate) {
	r.rates[class] = rate
	r.known |= 1 << class
}

// Rate returns the rate of c and the class whose rate it is: c itself or, where
// the row has none, the nearest class that the provider would bill it as.
//
//   - reasoning is billed as output;
//   - a cache read without a rate has no discount and costs what input of its
//     kind costs;
//   - a cache write falls to the write of unsaid lifetime, then to that of five
//     minutes, then to input;
//   - pictures, documents and what hosted tools add are billed as text input.
//
// Sound, video and generated pictures never fall back to text, which would be
// far too cheap: without a rate of their own they are not priced, and ok is
// false. A free row prices everything at 0.
func (r *Row) Rate(c tokenizer.Class) (rate money.Rate, as tokenizer.Class, ok bool) {
	if c >= tokenizer.Classes {
		return 0, c, false
	}
	if r.Free {
		return 0, c, true
	}
	if r.known&(1<<c) != 0 {
		return r.rates[c], c, true
	}
	for _, as := range fallback[c] {
		if r.known&(1<<as) != 0 {
			return r.rates[as], as, true
		}
	}
	return 0, c, false
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

// holds reports whether the row's conditions do, the model aside.
func (r *Row) holds(q *Query) bool {
	return (r.Provider == "" || r.Provider == q.Provider || q.Provider == "" && !r.Resold) &&
		(r.Tier == "" || r.Tier == q.Tier) &&
		(r.Above == 0 || q.Input > r.Above) &&
		(r.From.IsZero() || !q.At.Before(r.From)) &&
		(r.Until.IsZero() || q.At.Before(r.Until))
}
