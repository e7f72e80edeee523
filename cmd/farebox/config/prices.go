package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/price"
)

// PriceRows returns the rows of prices.rates, in order, for a layer above the
// catalogue. The id of each is its path in the file; in another currency, also
// the day from which the exchange rate holds. Rows that clash are a
// price.ClashError for each.
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

// addRates notes why rows of prices.rates cannot stand together, each at the
// later of two that clash.
func (d *decoder) addRates(err error) {
	told := make(map[string]bool) // a row in another currency may clash in several periods
	for _, e := range causes(err) {
		var clash *price.ClashError
		if !errors.As(e, &clash) {
			d.addAt("prices.rates", &Error{Message: e.Error()})
			continue
		}
		key, other := rateKey(clash.ID), rateKey(clash.Other)
		if told[key] {
			continue
		}
		told[key] = true
		where := "`" + other + "`"
		if n := d.nodes[other]; n != nil {
			where += fmt.Sprintf(" on line %d", n.line)
		}
		d.addAt(key, &Error{
			Message: "is as narrow as " + where + ", and a call may fulfil both",
			Hint:    "give one of them a condition more, or dates that do not overlap",
		})
	}
}

// rateKey is the path of the row whose price row has an id.
func rateKey(id string) string {
	key, _, _ := strings.Cut(strings.TrimPrefix(id, "config:"), "@")
	return key
}

func (r *Rate) row(id string) price.Row {
	row := price.NewRow(id, r.Provider, r.model())
	row.Source = "configuration"
	row.Aliases = slices.Clone(r.Aliases)
	row.Account, row.Deployment, row.Region = r.Account, r.Deployment, string(r.Region)
	row.Tier, row.Size, row.Quality = r.Tier, r.Size, r.Quality
	row.Above, row.Hours = int64(r.Above), r.Hours.Window
	row.From, row.Until, row.Free = r.From.Time, r.Until.Time, r.Free
	for class, p := range r.USD {
		row.SetPer(class, p.Rate, p.Per)
	}
	return row
}

// model is the name or pattern of the row, * when it has none.
func (r *Rate) model() string {
	if r.Model == "" {
		return "*"
	}
	return r.Model
}

// reach is what two rows have in common that are for the same calls, when aside.
type reach struct {
	provider, model, account, deployment string
	region                               Glob
	tier, size, quality                  string
	above                                Tokens
	hours                                Hours
}

func (r *Rate) reach() reach {
	return reach{r.Provider, strings.ToLower(r.model()), r.Account, r.Deployment, r.Region, r.Tier, r.Size, r.Quality, r.Above, r.Hours}
}

// during reports whether two rows have a time in common.
func (r *Rate) during(other *Rate) bool {
	before := func(until, from Date) bool { return !until.IsZero() && !from.IsZero() && !until.After(from.Time) }
	return !before(r.Until, other.From) && !before(other.Until, r.From)
}
