package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

// ratesOf returns the exchange rates of a currency, the oldest first.
func ratesOf(all []ExchangeRate, currency Currency) (of []ExchangeRate) {
	for _, f := range all {
		if f.Currency == currency {
			of = append(of, f)
		}
	}
	slices.SortStableFunc(of, func(a, b ExchangeRate) int { return a.From.Compare(b.From.Time) })
	return of
}

func (c Currency) foreign() bool { return c != "" && c != "USD" }

// rateRows makes the price rows of one row of prices.rates: one, or in another
// currency one for each period of its exchange rate.
func (c *Config) rateRows(i int) (rows []price.Row) {
	r, id := &c.Prices.Rates[i], fmt.Sprintf("config:prices.rates[%d]", i)
	if !r.Currency.foreign() {
		return []price.Row{r.row(id)}
	}
	periods := ratesOf(c.Prices.FX, r.Currency)
	for j, p := range periods {
		in, name := *r, id
		if !p.From.IsZero() {
			name += "@" + p.From.Format(time.DateOnly)
			if p.From.After(r.From.Time) {
				in.From = p.From
			}
		}
		if j+1 < len(periods) && (r.Until.IsZero() || periods[j+1].From.Before(r.Until.Time)) {
			in.Until = periods[j+1].From
		}
		if !in.Until.IsZero() && !in.From.Before(in.Until.Time) {
			continue
		}
		in.USD = make(map[tokenizer.Class]price.Price, len(r.USD))
		for class, each := range r.USD {
			in.USD[class] = price.Price{Rate: terms.InUSD(each.Rate, p.USD.Worth), Per: each.Per}
		}
		rows = append(rows, in.row(name))
	}
	return rows
}

// validateCurrency finds prices in a currency that are not worth anything known.
func (d *decoder) validateCurrency(key string, r *Rate, all []ExchangeRate) {
	if !r.Currency.foreign() || d.mistakenBelow(key) || d.mistakenBelow("prices.fx") {
		return
	}
	periods := ratesOf(all, r.Currency)
	switch {
	case r.Free:
		d.addAt(key+".currency", &Error{Message: "what is free has none", Hint: "remove it"})
	case len(periods) == 0:
		d.addAt(key+".currency", &Error{Message: "no exchange rate of " + string(r.Currency) + " is known", Hint: "add one to `prices.fx`"})
	case r.From.Before(periods[0].From.Time):
		d.addAt(key+".currency", &Error{
			Message: "no exchange rate of " + string(r.Currency) + " is known before " + periods[0].From.Format(time.RFC3339),
			Hint:    "give the first one no `from`, or this row a later one",
		})
	}
	for i := 1; i < len(periods); i++ {
		if day := periods[i].From.Format(time.DateOnly); day == periods[i-1].From.Format(time.DateOnly) {
			d.addAt(key+".currency", &Error{Message: "two exchange rates of " + string(r.Currency) + " begin on " + day, Hint: "keep one a day for list prices"})
		}
	}
	for class, each := range r.USD {
		most := money.Rate(int64(money.MaxRate) * each.Per) // at most 10^18
		if slices.ContainsFunc(periods, func(p ExchangeRate) bool { return terms.InUSD(each.Rate, p.USD.Worth) > most }) {
			d.addAt(key+"."+class.String(), &Error{Message: "is above " + money.MaxRate.String() + " USD per million"})
		}
	}
}
