package config

import (
	"fmt"
	"reflect"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// member takes the price of one meter.
func (r *Rate) member(d *decoder, path string, m member) bool {
	class, ok := tokenizer.ParseClass(m.key)
	if !ok {
		return false
	}
	var perMillion usd
	noted := len(d.errs)
	d.value(reflect.ValueOf(&perMillion).Elem(), m.value, field{}, join(path, m.key))
	if len(d.errs) > noted {
		return true
	}
	if r.USD == nil {
		r.USD = make(map[tokenizer.Class]money.Rate)
	}
	r.USD[class] = money.Rate(perMillion)
	return true
}

func (r *Rate) others() []string { return meters() }

// meters names the meters that can have a price, in order.
func meters() []string {
	names := make([]string, 0, tokenizer.Classes)
	for c := range tokenizer.Classes {
		names = append(names, c.String())
	}
	return names
}

// usd is a money.Rate that says how it is written.
type usd money.Rate

func (u *usd) UnmarshalText(text []byte) error {
	rate, err := money.ParseRate(string(text))
	if err != nil {
		return &Error{Message: err.Error(), Hint: "write USD per million tokens as decimal text, such as \"2.50\""}
	}
	*u = usd(rate)
	return nil
}

// PriceRows returns the rows of prices.rates, in order, for a layer above the
// catalogue. The id of each is its path in the file; in another currency, also
// the day from which the exchange rate holds.
func (c *Config) PriceRows() ([]price.Row, error) {
	rows := make([]price.Row, 0, len(c.Prices.Rates))
	for i := range c.Prices.Rates {
		rows = append(rows, c.rateRows(i)...)
	}
	if _, err := price.New(rows); err != nil {
		return nil, fmt.Errorf("make price rows: %w", err)
	}
	return rows, nil
}

func (r *Rate) row(id string) price.Row {
	model := r.Model
	if model == "" {
		model = "*"
	}
	row := price.NewRow(id, r.Provider, model)
	row.Source = "configuration"
	row.From, row.Until, row.Free = r.From.Time, r.Until.Time, r.Free
	for class, rate := range r.USD {
		row.Set(class, rate)
	}
	return row
}
