package terms

import (
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// CardRow is one row of the internal rate card: what a team is charged.
type CardRow struct {
	ID    string
	Match Match // Model is the service
	Unit  Unit
	// Meter is the one that the price is for, by name. "input" and "output" mean
	// all that was sent and all that was generated; empty: every meter of Unit, a
	// blended price.
	Meter    string
	Price    money.Amount // in Currency, for Unit.Per units
	Currency string       // empty: USD
	From     time.Time    // inclusive, of the moment of admission; zero: always was
	Until    time.Time    // exclusive; zero: still is
}

// maxPrice is the most that Unit.Per units may cost, in millionths: a million.
const maxPrice = 1e12

// How much of a unit a row of the rate card is for.
const (
	blended = iota
	direction
	oneMeter
)

// RatePerMillion is the exact rate of a price for u, in millionths of its
// currency per million units.
func (u Unit) RatePerMillion(price money.Amount) (money.Rate, error) {
	if u.Per < 1 {
		return 0, fmt.Errorf("make rate: %d is no number of units", u.Per)
	}
	if price.Micro < 0 || price.Micro >= maxPrice {
		return 0, errors.New("make rate: a price is at least 0 and below a million")
	}
	pico := price.Micro*1_000_000 + price.Pico // below 1e18
	if pico%u.Per != 0 {
		return 0, fmt.Errorf("make rate: %s for %s has more decimals than can be charged exactly", price, u)
	}
	return money.Rate(pico / u.Per), nil // pico-USD a unit is micro-USD a million
}

func (b *builder) cardRow(c *CardRow, x *index) {
	b.row(c.ID, c.From, c.Until)
	m := b.match(c.ID, &c.Match)
	r := &row{id: c.ID, from: c.From, until: c.Until}
	rate, err := c.Unit.RatePerMillion(c.Price)
	if err != nil {
		b.wrong(c.ID, "price", err.Error(), "")
	}
	r.unit = c.Unit.Name
	if r.unit == "" {
		b.wrong(c.ID, "unit", "has no name", "")
	}
	if r.fx = b.periods(c.ID, c.Currency, c.From); r.fx != nil {
		r.currency = c.Currency
	}
	b.meters(c, r)
	for class, on := range r.covers {
		if on {
			r.rates[class], r.over[class] = rate, c.Unit.meters(tokenizer.Class(class))
		}
	}
	b.add(x, r, &m)
}

// meters finds those that a charge is for. What a unit without a meter is
// charged waits until one counts it.
func (b *builder) meters(c *CardRow, r *row) {
	for class := range tokenizer.Classes {
		if c.Unit.meters(class) > 0 {
			r.covers[class] = c.Meter == "" || c.Meter == class.String() || r.unit == token && c.Meter == side(class)
		}
	}
	switch {
	case c.Meter == "":
		return
	case r.unit == token && (c.Meter == tokenizer.Input.String() || c.Meter == tokenizer.Output.String()):
		r.narrow = direction
		return
	}
	r.narrow = oneMeter
	if class, ok := tokenizer.ParseClass(c.Meter); !ok {
		b.wrong(c.ID, "class", fmt.Sprintf("no meter is called %q", clip(c.Meter)), "write input, output or the name of a meter")
	} else if !r.covers[class] {
		b.wrong(c.ID, "class", fmt.Sprintf("%s does not count units of %s", c.Meter, r.unit), "")
	}
}

// side is the direction of a meter of tokens.
func side(c tokenizer.Class) string {
	if c.IsInput() {
		return tokenizer.Input.String()
	}
	return tokenizer.Output.String()
}

// apply sets what a team is charged for a line.
func (r *row) apply(l *policy.Line, rec *policy.Record) {
	l.ChargeID = r.id
	l.Charged, l.ChargeCurrency, l.ChargeFXRate = r.fixedPrice(l, rec)
}
