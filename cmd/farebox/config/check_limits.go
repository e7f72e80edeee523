package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/names"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// checkLimits finds budgets and rate limits that contradict others, or what else
// the file says.
func checkLimits(c *Config, now time.Time) (found []Finding) {
	for i := range c.Budgets {
		key, b := fmt.Sprintf("budgets[%d]", i), &c.Budgets[i]
		if b.OnExhausted == string(budget.Downgrade) {
			found = append(found, checkDowngrade(c, key+".downgrade_to", b, now)...)
		}
		found = append(found, checkTeamsOf(c, key, b, now)...)
	}
	found = append(found, checkUnreached(c)...)
	for i := range c.RateLimits {
		key, l := fmt.Sprintf("rate_limits[%d]", i), &c.RateLimits[i]
		for _, unit := range []struct {
			name         string
			minute, hour Tokens
		}{{"tokens", l.TokensPerMinute, l.TokensPerHour}, {"requests", l.RequestsPerMinute, l.RequestsPerHour}} {
			if unit.hour > 0 && unit.minute >= unit.hour {
				found = append(found, warn(key+"."+unit.name+"_per_minute", "it is never reached: "+unit.name+"_per_hour allows no more in a whole hour", "lower it, or raise the other"))
			}
		}
	}
	return found
}

// checkUnreached finds budgets that others exhaust first: they count the same calls
// in the same window, refuse, and allow no more.
func checkUnreached(c *Config) (found []Finding) {
	least := map[string]int{} // by what a budget counts: which of them allows least
	counts := func(i int) (what string, limit int64, plain bool) {
		b := &c.Budgets[i]
		unit, limit := b.Limit.one()
		return fmt.Sprint(unit, b.Window, b.Per, b.Match.patterns()), limit, len(b.Except.List) == 0 && b.Rollover == nil && b.Until.IsZero()
	}
	for i := range c.Budgets {
		what, limit, plain := counts(i)
		if !plain || c.Budgets[i].OnExhausted != "" && c.Budgets[i].OnExhausted != string(budget.Refuse) {
			continue
		}
		if j, there := least[what]; there {
			if _, other, _ := counts(j); other <= limit {
				continue
			}
		}
		least[what] = i
	}
	for i := range c.Budgets {
		what, limit, plain := counts(i)
		j, there := least[what]
		if !there || j == i || !plain {
			continue
		}
		if _, other, _ := counts(j); other <= limit {
			found = append(found, warn(fmt.Sprintf("budgets[%d].limit", i), fmt.Sprintf("it is never reached: budgets[%d], %s, counts the same calls in the same window and allows no more", j, c.Budgets[j].Name),
				"lower it, or remove one of the two"))
		}
	}
	return found
}

// checkDowngrade finds a model to ask instead that is none to save by.
func checkDowngrade(c *Config, key string, b *Budget, now time.Time) (found []Finding) {
	to := strings.ToLower(b.DowngradeTo)
	prices, err := c.Catalogue()
	if err != nil {
		return nil // Parse has refused it
	}
	provider := ""
	if all := b.Match.values(budget.Provider); len(all) == 1 && !strings.Contains(all[0], "*") {
		provider = all[0]
	}
	row, known := prices.Find(price.Query{Provider: provider, Model: to, At: now})
	if !known {
		found = append(found, warn(key, fmt.Sprintf("nobody knows a price of %s, so that nobody knows that it is cheaper", b.DowngradeTo), "mind its spelling, or give it a price in prices.rates"))
	}
	for _, model := range b.Match.values(budget.Model) {
		switch asked, priced := prices.Find(price.Query{Provider: provider, Model: strings.ToLower(model), At: now}); {
		case strings.EqualFold(model, b.DowngradeTo):
			found = append(found, warn(key, "it is a model that the budget counts itself", "name a cheaper one"))
		case known && priced && !strings.Contains(model, "*") && !cheaper(row, asked):
			found = append(found, warn(key, fmt.Sprintf("%s costs no less than %s", b.DowngradeTo, model), "name a cheaper one"))
		}
	}
	for i := range c.Access {
		if a := &c.Access[i]; len(a.Match.Keys) == 0 && a.Approval == "" && len(a.Deny) > 0 && names.ModelFits(a.Deny, to) {
			found = append(found, warn(key, fmt.Sprintf("access[%d] keeps callers from %s, and calls of an exhausted budget ask it all the same", i, b.DowngradeTo), "allow it, or name another"))
		}
	}
	return found
}

// cheaper reports whether input or output costs less by row than by other, and
// neither costs more.
func cheaper(row, other *price.Row) bool {
	less := row.Free && !other.Free
	for _, class := range [...]tokenizer.Class{tokenizer.Input, tokenizer.Output} {
		one, _, _ := row.Rate(class)
		two, _, _ := other.Rate(class)
		if one > two {
			return false
		}
		less = less || one < two
	}
	return less
}

// checkTeamsOf finds teams of a budget that no call is of.
func checkTeamsOf(c *Config, key string, b *Budget, now time.Time) (found []Finding) {
	if c.Owners == nil || c.Attributes.OnUnknown == UnknownAccept {
		return nil
	}
	look := func(at, team string) {
		if team != "" && !strings.Contains(team, "*") && !c.Owners.Directory.Has(team, now) {
			found = append(found, warn(at, fmt.Sprintf("owners list no team %q", team), "mind its spelling, or add it"))
		}
	}
	for _, team := range b.Match.values("team") {
		look(key+".match.team", team)
	}
	if at := slices.Index(b.Per, "team"); at >= 0 {
		for i := range b.Except.List {
			if values := strings.Split(b.Except.List[i].Of, "/"); at < len(values) {
				look(key+".except["+clip(b.Except.List[i].Of)+"]", strings.NewReplacer("%2F", "/", "%25", "%").Replace(values[at]))
			}
		}
	}
	return found
}
