// Package terms knows what is paid and what is charged where that is not the
// list price.
//
// Discounts of providers, an internal rate card and exchange rates come in; for
// a line that has its list price, what the contract makes of it (contracted) and
// what its team is charged go out, each with the row that said so. It refuses to
// know list prices, where rows are written, and who may see the result.
//
// A rate times a quantity is exact in pico-USD. A percentage of a list price and
// an amount in another currency may lie between two of them: they are rounded
// half up to the pico-USD, once for each line and money, and nowhere else.
//
// Terms never change after New and are safe for concurrent use; only the volumes
// of the month behind them are counted. Nothing is allocated for a line.
package terms

import (
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/names"
	"github.com/farebox/farebox/tokenizer"
)

// Options are what a configuration says. The zero Options are no terms at all:
// the list price is paid and charged.
type Options struct {
	Discounts []Discount
	Card      []CardRow
	FX        []FX
	// Before are the terms that these replace, or nil: the volume of a match that
	// both have goes on, where Fill would begin anew.
	Before *Terms
}

// Bounds of Options. Each row counts once for every combination of the patterns
// of its match.
const (
	MaxRows     = 2_000 // of discounts, and of the rate card
	MaxFX       = 5_000
	MaxOwner    = 4  // attributes of one match
	MaxPatterns = 64 // of one key of a match
	MaxBands    = 32 // of one discount
	maxRules    = 10_000
	maxName     = names.MaxName // bytes of a model's name or of a pattern
)

// Terms are what is paid and charged. A nil *Terms is the list price.
type Terms struct {
	discounts index
	card      index
	volumes   []*volume
}

// Error is one thing that is wrong with a row.
type Error struct {
	ID      string // of the row
	Key     string // the part of the row, "volume[1].above"; empty: the row itself
	Message string
	Hint    string // what to do about it, or empty
}

func (e *Error) Error() string {
	s := e.ID
	if e.Key != "" {
		s += "." + e.Key
	}
	s += ": " + e.Message
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// New makes terms of rows. What is wrong comes as *Error, joined, in the order
// of the rows.
func New(o Options) (*Terms, error) {
	b := builder{volumes: map[string]*volume{}}
	if o.Before != nil {
		for _, v := range o.Before.volumes {
			b.volumes[v.key] = v
		}
	}
	t := &Terms{}
	b.exchange(o.FX)
	if len(o.Discounts) > MaxRows || len(o.Card) > MaxRows {
		return nil, fmt.Errorf("make terms: more than %d rows", MaxRows)
	}
	for i := range o.Discounts {
		b.discount(&o.Discounts[i], &t.discounts)
	}
	for i := range o.Card {
		b.cardRow(&o.Card[i], &t.card)
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	t.discounts.sort()
	t.card.sort()
	t.volumes = b.counted
	if err := errors.Join(append(t.discounts.ambiguous(), t.card.ambiguous()...)...); err != nil {
		return nil, err
	}
	return t, nil
}

// builder makes rules of rows and notes what is wrong with them.
type builder struct {
	fx      map[string][]period // by currency, ascending
	ids     map[string]bool
	volumes map[string]*volume // of the terms before, by match
	counted []*volume
	by      []string // attributes that volumes are counted by
	errs    []error
}

func (b *builder) wrong(id, key, message, hint string) {
	b.errs = append(b.errs, &Error{ID: id, Key: key, Message: message, Hint: hint})
}

// row checks what discounts and charges have in common.
func (b *builder) row(id string, from, until time.Time) {
	switch {
	case id == "":
		b.wrong(id, "", "has no id", "")
	case b.ids[id]:
		b.wrong(id, "", "another row has that id", "")
	}
	if b.ids == nil {
		b.ids = make(map[string]bool)
	}
	b.ids[id] = true
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		b.wrong(id, "until", "is not after `from`", "")
	}
}

// Apply sets what is paid and charged for a line of rec, from its list price.
// Of rec it reads who pays, whose model answered and when; a row holds at the
// moment of admission.
//
//   - The most specific discount that says something about the line makes
//     Contracted of List: a percentage says nothing about a line without a list
//     price, fixed rates speak of their meters only. Without one, List is paid.
//   - The most specific row of the rate card that counts the line's meter makes
//     Charged. Without one, what is paid is charged.
//
// A line of nothing costs nothing under any terms and keeps no ids. A line that
// comes with the ContractID of a band of volume was priced in it before, and stays
// in it: it is not the volume of today that counts.
func (t *Terms) Apply(l *policy.Line, rec *policy.Record) {
	l.Contracted, l.Charged = l.List, l.List
	was := l.ContractID
	l.ContractID = ""
	if t == nil || l.Billed() == 0 || l.Class >= tokenizer.Classes {
		return
	}
	if r := t.discounts.find(l, rec); r != nil {
		l.ContractID = was
		r.contract(l, rec)
	}
	l.Charged = l.Contracted
	if r := t.card.find(l, rec); r != nil {
		r.apply(l, rec)
	}
}

// Count adds what rec used to the volumes of the month in which it completed. It
// is called once for a record, after Apply of its lines: a call is priced in the
// band that was reached before it. Calls that settle at the same time may all be
// priced in the lower band. Records that no provider served are not counted.
func (t *Terms) Count(rec *policy.Record) {
	if t == nil || len(t.volumes) == 0 || !served(rec.Outcome) {
		return
	}
	var tokens int64
	for i := range rec.Lines {
		if l := &rec.Lines[i]; l.Class.IsToken() {
			tokens = addUp(tokens, l.Billed())
		}
	}
	for _, v := range t.volumes {
		if v.match.covers(rec) {
			v.add(monthOf(rec.Completed), tokens)
		}
	}
}
