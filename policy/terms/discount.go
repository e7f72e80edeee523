package terms

import (
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Discount is what a provider's contract makes of list prices. It has either
// rates of its own, or a percentage, or bands of volume with or without one.
type Discount struct {
	ID    string
	Match Match
	// Off is what is taken off the list price, below the first band.
	Off Percent
	// Rates stand in place of the list's, for the meters that they name: millionths
	// of Currency per million. Reasoning is billed as output, and pictures,
	// documents and what hosted tools add as input, unless named.
	Rates    map[tokenizer.Class]money.Rate
	Currency string    // of Rates; empty: USD
	From     time.Time // inclusive, of the moment of admission; zero: always was
	Until    time.Time // exclusive; zero: still is
	Volume   []Band    // ascending
}

// Band is what is taken off once the match has used so many tokens this calendar
// month, in UTC.
type Band struct {
	Above int64 // tokens
	Off   Percent
}

// price is what a row makes of a line: Contracted or Charged.
type price struct {
	off      []off   // ascending; the first is of volume 0. Empty: rates.
	volume   *volume // behind off; nil: it has one band
	rates    [tokenizer.Classes]money.Rate
	over     [tokenizer.Classes]int64 // how many of the meter one unit of the rate is; 0: one
	currency string                   // empty: USD
	fx       []period                 // of currency
	unit     string                   // of a rate card, else empty
}

// off is one band with its id.
type off struct {
	id    string
	above int64
	Percent
}

// billedAs is the meter whose contract rate another without one has.
var billedAs = map[tokenizer.Class]tokenizer.Class{
	tokenizer.Reasoning:     tokenizer.Output,
	tokenizer.InputImage:    tokenizer.Input,
	tokenizer.InputDocument: tokenizer.Input,
	tokenizer.InputTool:     tokenizer.Input,
}

func (b *builder) discount(d *Discount, x *index) {
	b.row(d.ID, d.From, d.Until)
	m := b.match(d.ID, &d.Match)
	r := &row{id: d.ID, from: d.From, until: d.Until}
	if len(d.Rates) > 0 {
		b.fixed(d, r)
	} else {
		b.percentage(d, r, m)
	}
	b.add(x, r, &m)
}

func (b *builder) fixed(d *Discount, r *row) {
	if d.Off != 0 || len(d.Volume) > 0 {
		b.wrong(d.ID, "rates", "stand beside a percentage or bands of volume", "remove one of the two")
	}
	r.fx = b.periods(d.ID, d.Currency, d.From)
	if r.fx != nil {
		r.currency = d.Currency
	}
	for c, rate := range d.Rates {
		if c >= tokenizer.Classes || rate < 0 || rate > money.MaxRate {
			b.wrong(d.ID, "rates", fmt.Sprintf("has no usable rate of %s", c), "")
			continue
		}
		r.covers[c], r.rates[c] = true, rate
	}
	for c, as := range billedAs {
		if _, named := d.Rates[c]; !named && r.covers[as] {
			r.covers[c], r.rates[c] = true, r.rates[as]
		}
	}
}

func (b *builder) percentage(d *Discount, r *row, m Match) {
	r.listed = true
	for c := range r.covers {
		r.covers[c] = true
	}
	if d.Currency != "" {
		b.wrong(d.ID, "currency", "a percentage has none", "remove it")
	}
	if d.Off < 0 || d.Off > whole {
		b.wrong(d.ID, "percent", "is not in 0 to 100", "")
	}
	r.off = []off{{d.ID, 0, d.Off}}
	if len(d.Volume) == 0 {
		return
	}
	if len(d.Volume) > MaxBands {
		b.wrong(d.ID, "volume", fmt.Sprintf("has %d bands", len(d.Volume)), fmt.Sprintf("at most %d are possible", MaxBands))
		return
	}
	for i, band := range d.Volume {
		key := fmt.Sprintf("volume[%d]", i)
		if band.Off < 0 || band.Off > whole {
			b.wrong(d.ID, key+".percent", "is not in 0 to 100", "")
		}
		if band.Above <= r.off[i].above {
			b.wrong(d.ID, key+".above", "is not more than that of the band before", "write the bands from small to great")
		}
		r.off = append(r.off, off{d.ID + "." + key, band.Above, band.Off})
	}
	for _, a := range m.Owner {
		if ledger.IsDimension(a.Name) {
			b.wrong(d.ID, "match."+a.Name, "volume cannot be counted by an attribute of that name", "the ledger calls something else so; rename it")
		}
	}
	r.volume = b.volume(m)
	if b.by = addNames(b.by, m.Owner); len(b.by) > maxVolumeAttributes {
		b.wrong(d.ID, "match", fmt.Sprintf("volumes are counted by more than %d attributes in all", maxVolumeAttributes), "match fewer")
	}
}

// maxVolumeAttributes is what a question to the ledger has room for, beside the
// dimensions that Fill asks for.
const maxVolumeAttributes = 12

func addNames(names []string, of []Attribute) []string {
	for _, a := range of {
		if !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

// contract sets what is paid for a line.
func (r *row) contract(l *policy.Line, rec *policy.Record) {
	if len(r.off) == 0 {
		l.ContractID = r.id
		l.Contracted, l.Currency, l.FXRate = r.fixedPrice(l, rec)
		return
	}
	band := &r.off[0]
	if before := r.band(l.ContractID); before != nil {
		band = before
	} else if r.volume != nil {
		reached := r.volume.reached(monthOf(rec.Completed))
		for i := 1; i < len(r.off) && r.off[i].above <= reached; i++ {
			band = &r.off[i]
		}
	}
	l.ContractID = band.id
	l.Contracted = part(l.List, int64(whole-band.Percent), int64(whole))
}

// band returns the band of that id, or nil.
func (r *row) band(id string) *off {
	for i := range r.off {
		if r.off[i].id == id {
			return &r.off[i]
		}
	}
	return nil
}

// fixedPrice is a rate times a quantity, in USD.
func (r *row) fixedPrice(l *policy.Line, rec *policy.Record) (a money.Amount, currency, fx string) {
	a, over := r.rates[l.Class].Times(l.Billed()), max(r.over[l.Class], 1)
	switch {
	case r.fx != nil:
		p := at(r.fx, rec.Admitted)
		return part(a, int64(p.worth), over*int64(oneUSD)), r.currency, p.text
	case over > 1:
		return part(a, 1, over), "", ""
	}
	return a, "", ""
}

// addUp adds what is not below zero and stops at the end of int64.
func addUp(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}

// monthOf numbers the months of UTC.
func monthOf(t time.Time) int {
	y, m, _ := t.UTC().Date()
	return y*12 + int(m) - 1
}
