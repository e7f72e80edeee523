package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/policy/terms"
	"github.com/farebox/farebox/tokenizer"
)

// validateTerms finds what is wrong with rows of discounts and of the rate card.
func (d *decoder) validateTerms(c *Config) {
	for i := range c.Prices.Discounts {
		key, row := fmt.Sprintf("prices.discounts[%d]", i), &c.Prices.Discounts[i]
		fixed := len(row.Rates.Per) > 0
		switch {
		case d.mistakenBelow(key):
		case fixed && (row.Percent.Given || len(row.Volume) > 0):
			d.addAt(key, &Error{Message: "has rates, and a percentage too", Hint: "remove one of the two"})
		case !fixed && !row.Percent.Given && len(row.Volume) == 0:
			d.addAt(key, &Error{Message: "takes nothing off", Hint: "write `percent`, `rates` or `volume`"})
		}
		d.validateMatch(key+".match", &row.Match, c)
	}
	for i := range c.Prices.RateCard {
		key, row := fmt.Sprintf("prices.rate_card[%d].match", i), &c.Prices.RateCard[i]
		for name, instead := range map[string]string{"model": "service", "provider": "provider"} {
			if row.Match.values(name) != nil {
				d.addAt(key+"."+name, &Error{Message: "is a key of the row itself", Hint: "write `" + instead + "` beside `unit`"})
			}
		}
		d.validateMatch(key, &row.Match, c)
	}
}

// validateMatch holds the attributes of a match to those that there are.
func (d *decoder) validateMatch(key string, m *CallMatch, c *Config) {
	names := slices.Clone(callKeys)
	for _, a := range c.Attributes.List {
		names = append(names, a.Name)
	}
	for i := range m.Keys {
		name := m.Keys[i].Name
		if len(m.Keys[i].Values) == 0 && !d.mistakenBelow(key) {
			d.addAt(key+"."+name, &Error{Message: "is an empty list, which matches nothing", Hint: "write a pattern, or remove the key"})
		}
		if !slices.Contains(names, name) {
			d.addAt(key+"."+name, &Error{Message: fmt.Sprintf("no attribute is called %q", clip(name)), Hint: didYouMean(name, names)})
		}
	}
}

// addTerms notes the errors of package terms at their places.
func (d *decoder) addTerms(err error) {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			d.addTerms(e)
		}
		return
	}
	var one *terms.Error
	if !errors.As(err, &one) {
		d.addAt("prices", &Error{Message: err.Error()})
		return
	}
	key := strings.TrimPrefix(one.ID, "config:")
	part := one.Key
	if strings.HasPrefix(key, "prices.rate_card") {
		part = strings.NewReplacer("match.model", "service", "match.provider", "provider").Replace(part)
	}
	if part != "" {
		key += "." + part
	}
	d.addAt(key, &Error{Message: strings.ReplaceAll(one.Message, "config:", ""), Hint: one.Hint})
}

// checkTerms weighs discounts and the rate card at a time.
func checkTerms(c *Config, now time.Time) (found []Finding) {
	over := func(key string, until Date) {
		if !until.IsZero() && !now.Before(until.Time) {
			found = append(found, warn(key+".until", "the row is over, it holds for no call any more", "renew it or remove it"))
		}
	}
	for i := range c.Prices.Discounts {
		key, d := fmt.Sprintf("prices.discounts[%d]", i), &c.Prices.Discounts[i]
		over(key, d.Until)
		if d.Percent.Given && d.Percent.String() == "100" {
			found = append(found, warn(key+".percent", "it makes what it matches free", "write what is paid"))
		}
		off := d.Percent.Percent
		for j, b := range d.Volume {
			if b.Percent.Percent < off {
				found = append(found, warn(fmt.Sprintf("%s.volume[%d].percent", key, j), "it takes off less than the band before", "greater volumes mostly cost less"))
			}
			off = b.Percent.Percent
		}
	}
	for i := range c.Prices.RateCard {
		key, r := fmt.Sprintf("prices.rate_card[%d]", i), &c.Prices.RateCard[i]
		over(key, r.Until)
		if !r.Unit.Counted() {
			found = append(found, warn(key+".unit", "nothing counts a "+r.Unit.Name+" yet, so nothing is charged by this row", "leave it for later, or remove it"))
		}
	}
	return append(found, checkLosses(c, now)...)
}

// checkLosses finds rows of the rate card by which a team is charged less than
// is paid for the same call, as far as prices are known.
func checkLosses(c *Config, now time.Time) (found []Finding) {
	if len(c.Prices.RateCard) == 0 {
		return nil
	}
	all, err := terms.New(c.Terms())
	if err != nil {
		return nil // Parse has refused it
	}
	losses := make(map[string]string)
	for rec, row := range models(c, now) {
		for _, who := range c.cardOwners() {
			rec.Owner, rec.Operation = who.Owner, who.Operation
			for id, loss := range lossesOf(all, &rec, row) {
				if losses[id] == "" {
					losses[id] = loss
				}
			}
		}
	}
	for i := range c.Prices.RateCard {
		key := fmt.Sprintf("prices.rate_card[%d]", i)
		if loss := losses["config:"+key]; loss != "" {
			found = append(found, warn(key+".price", loss, "raise it, unless the difference is meant as a subsidy"))
		}
	}
	return found
}

// lossesOf returns, by row of the rate card, what is lost with every meter of
// text that the row is for.
func lossesOf(all *terms.Terms, rec *policy.Record, row *price.Row) map[string]string {
	const million = 1_000_000
	losses, gains := make(map[string]string), make(map[string]bool)
	for _, class := range []tokenizer.Class{tokenizer.Input, tokenizer.Output} {
		rate, _, ok := row.Rate(class)
		if !ok {
			continue
		}
		l := policy.Line{Model: rec.Model, Class: class, Quantity: million, State: policy.Priced, List: rate.Times(million)}
		all.Apply(&l, rec)
		if l.ChargeID == "" {
			continue
		}
		if l.Charged.Cmp(l.Contracted) >= 0 {
			gains[l.ChargeID] = true
			continue
		}
		losses[l.ChargeID] = fmt.Sprintf("a million tokens of %s %s at %s are charged %s USD and cost %s",
			rec.Model, class, orAny(rec.Provider), l.Charged, l.Contracted)
	}
	for id := range gains { // a blended price may lie between the two
		delete(losses, id)
	}
	return losses
}

func orAny(provider string) string {
	if provider == "" {
		return "any provider"
	}
	return provider
}

// models yields a call of each model that has a price at a time, and the price:
// those of the catalogue, and those that the rate card names at a provider.
func models(c *Config, now time.Time) func(yield func(policy.Record, *price.Row) bool) {
	return func(yield func(policy.Record, *price.Row) bool) {
		prices, err := c.Catalogue()
		if err != nil {
			return // Parse has refused it
		}
		var names [][2]string
		for r := range prices.All() {
			names = append(names, [2]string{r.Provider, r.Model})
		}
		for i := range c.Prices.RateCard {
			r := &c.Prices.RateCard[i]
			names = append(names, [2]string{string(r.Provider), string(r.Service)})
		}
		seen := make(map[[2]string]bool)
		for _, name := range names {
			if seen[name] || strings.Contains(name[0]+name[1], "*") {
				continue
			}
			seen[name] = true
			row, ok := prices.Find(price.Query{Provider: name[0], Model: name[1], At: now})
			if ok && !row.Free && !yield(policy.Record{Provider: name[0], Model: name[1], ModelAsked: name[1], Admitted: now, Completed: now}, row) {
				return
			}
		}
	}
}

// cardOwners are the callers that the rate card tells apart: nobody in
// particular, and one for each row that names whom it is for.
func (c *Config) cardOwners() []policy.Record {
	const most = 50
	callers, keys := []policy.Record{{}}, []string{""}
	for i := range c.Prices.RateCard {
		var one policy.Record
		for _, k := range c.Prices.RateCard[i].Match.Keys {
			value := strings.ReplaceAll(k.Values[0], "*", "")
			if k.Name == "operation" {
				one.Operation = value
				continue
			}
			one.Owner = append(one.Owner, policy.Attribute{Name: k.Name, Value: value})
		}
		key := fmt.Sprint(one.Owner, one.Operation)
		if len(callers) < most && !slices.Contains(keys, key) {
			callers, keys = append(callers, one), append(keys, key)
		}
	}
	return callers
}
