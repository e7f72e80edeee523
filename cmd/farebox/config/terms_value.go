package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/terms"
)

// Percent is a percentage; Given says whether it was written.
type Percent struct {
	terms.Percent
	Given bool
}

// MarshalText writes the number, or nothing.
func (p Percent) MarshalText() ([]byte, error) {
	if !p.Given {
		return nil, nil
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads a number from 0 to 100 with at most four decimals.
func (p *Percent) UnmarshalText(text []byte) error {
	read, err := terms.ParsePercent(string(text))
	if err != nil {
		return &Error{Message: err.Error(), Hint: "write 0 to 100 with at most four decimals, such as \"12.5\""}
	}
	*p = Percent{read, true}
	return nil
}

// FXRate is what one unit of a currency is worth in USD.
type FXRate struct{ terms.Worth }

// MarshalText writes the number, or nothing.
func (r FXRate) MarshalText() ([]byte, error) {
	if r.Worth == 0 {
		return nil, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads USD with at most nine decimals.
func (r *FXRate) UnmarshalText(text []byte) (err error) {
	if r.Worth, err = terms.ParseWorth(string(text)); err != nil {
		return &Error{Message: err.Error(), Hint: "write what one unit is worth in USD, such as \"1.0832\""}
	}
	return nil
}

// Currency is the code of a currency; empty: not given, which is USD.
type Currency string

// UnmarshalText reads three capital letters.
func (c *Currency) UnmarshalText(text []byte) error {
	if !terms.ValidCurrency(string(text)) {
		return &Error{Message: fmt.Sprintf("%q is no currency", clip(string(text))), Hint: "write its three letters, such as EUR"}
	}
	*c = Currency(text)
	return nil
}

// Unit is what a price of the rate card is for; the zero Unit is not given.
type Unit struct{ terms.Unit }

// MarshalText writes what UnmarshalText reads, or nothing.
func (u Unit) MarshalText() ([]byte, error) {
	if u.Per == 0 {
		return nil, nil
	}
	return []byte(u.String()), nil
}

// UnmarshalText reads a unit such as 1K tokens.
func (u *Unit) UnmarshalText(text []byte) (err error) {
	if u.Unit, err = terms.ParseUnit(string(text)); err != nil {
		return &Error{Message: err.Error()}
	}
	return nil
}

// UnitPrice is a price that is not below zero.
type UnitPrice struct {
	money.Amount
	Given bool
}

// MarshalText writes the number, or nothing.
func (p UnitPrice) MarshalText() ([]byte, error) {
	if !p.Given {
		return nil, nil
	}
	return p.Amount.MarshalText()
}

// UnmarshalText reads decimal text.
func (p *UnitPrice) UnmarshalText(text []byte) error {
	a, err := money.ParseAmount(string(text))
	if err == nil && a.Micro < 0 {
		err = fmt.Errorf("parse amount %q: is below 0", clip(string(text)))
	}
	if err != nil {
		return &Error{Message: err.Error(), Hint: "write decimal text, such as \"0.04\""}
	}
	*p = UnitPrice{a, true}
	return nil
}

// Tokens is a number of tokens.
type Tokens int64

// tokenUnits are from great to small.
var tokenUnits = [...]struct {
	name   string
	tokens int64
}{{"B", 1e9}, {"M", 1e6}, {"K", 1e3}}

// String uses the greatest unit that leaves no rest.
func (n Tokens) String() string {
	for _, u := range tokenUnits {
		if n != 0 && int64(n)%u.tokens == 0 {
			return strconv.FormatInt(int64(n)/u.tokens, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(n), 10)
}

// MarshalText writes String.
func (n Tokens) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads a whole number and perhaps K, M or B.
func (n *Tokens) UnmarshalText(text []byte) error {
	number, times := string(text), int64(1)
	for _, u := range tokenUnits {
		if before, ok := strings.CutSuffix(number, u.name); ok {
			number, times = before, u.tokens
			break
		}
	}
	read, err := strconv.ParseInt(number, 10, 64)
	if err != nil || read < 0 || read > math.MaxInt64/times {
		return &Error{Message: fmt.Sprintf("%q is no whole number", clip(string(text))), Hint: "write digits, perhaps with K, M or B behind them, such as 100M"}
	}
	*n = Tokens(read * times)
	return nil
}

// perMillion is a money.Rate that says how it is written.
type perMillion money.Rate

func (p *perMillion) UnmarshalText(text []byte) error {
	rate, err := money.ParseRate(string(text))
	if err != nil {
		return &Error{Message: err.Error(), Hint: "write a price per million tokens as decimal text, such as \"2.10\""}
	}
	*p = perMillion(rate)
	return nil
}
