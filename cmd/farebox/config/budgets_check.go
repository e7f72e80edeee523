package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// validateCeiling finds a ceiling that is missing, or that nothing asks for.
func (d *decoder) validateCeiling(p *Prices) {
	switch wants := p.OnUnpriced == UnpricedCeiling; {
	case wants && p.Ceiling == nil:
		d.addAt("prices.on_unpriced", &Error{Message: "is ceiling, and there is no prices.ceiling", Hint: `write ceiling: {input: "15", output: "75"}`})
	case !wants && p.Ceiling != nil:
		d.addAt("prices.ceiling", &Error{Message: "is used by no one", Hint: "write `on_unpriced: ceiling`, or remove it"})
	}
}

// validateBudgets finds what is wrong with budgets and rate limits.
func (d *decoder) validateBudgets(c *Config) {
	for i := range c.Budgets {
		key, b := fmt.Sprintf("budgets[%d]", i), &c.Budgets[i]
		if d.mistakenIn(key) {
			continue
		}
		d.validateLimit(key+".limit", &b.Limit)
		d.validateRollover(key, b)
		d.validateInclude(key, b)
		unit, _ := b.Limit.one()
		for k := range b.Except.List {
			e := &b.Except.List[k]
			at := key + ".except[" + clip(e.Of) + "]"
			d.validateLimit(at, &e.Limit)
			if other, _ := e.Limit.one(); other != unit {
				d.addAt(at, &Error{Message: "is of another unit than limit", Hint: "write `" + unit.String() + "`"})
			}
		}
		d.validateMatch(key+".match", &b.Match, c)
		d.validatePer(key+".per", b.Per, c)
		d.validateRule(key, b.rule())
	}
	for i := range c.RateLimits {
		key, l := fmt.Sprintf("rate_limits[%d]", i), &c.RateLimits[i]
		d.validateMatch(key+".match", &l.Match, c)
		d.validatePer(key+".per", l.Per, c)
		rules := l.rules()
		if len(rules) == 0 && !d.mistakenIn(key) {
			d.addAt(key, &Error{Message: "limits nothing", Hint: "write `requests_per_minute`, `tokens_per_minute` or `concurrent`"})
		}
		for k := range rules {
			d.validateRule(key, rules[k])
		}
	}
	if len(d.errs) == 0 {
		if _, err := budget.Compile(c.Rules()); err != nil {
			for _, e := range causes(err) {
				d.addAt("budgets", &Error{Message: e.Error()})
			}
		}
	}
}

// validateRollover finds what cannot be carried.
func (d *decoder) validateRollover(key string, b *Budget) {
	r := b.Rollover
	if r == nil {
		return
	}
	key += ".rollover"
	if r.Cap != nil {
		d.validateLimit(key+".cap", r.Cap)
		unit, _ := b.Limit.one()
		if other, _ := r.Cap.one(); other != unit {
			d.addAt(key+".cap", &Error{Message: "is of another unit than limit", Hint: "write `" + unit.String() + "`"})
		}
	}
	window := b.Window.window()
	for _, err := range r.rollover().Mistakes(&window) {
		d.addAt(key, &Error{Message: err.Error()})
	}
}

// validateInclude finds what cannot be counted, or is done with calls that are not.
func (d *decoder) validateInclude(key string, b *Budget) {
	unit, _ := b.Limit.one()
	charges := slices.Contains(b.Include, "charges")
	switch {
	case b.Include != nil && len(b.Include) == 0:
		d.addAt(key+".include", &Error{Message: "counts nothing", Hint: "write calls, charges or both"})
	case len(b.Include) == 2 && b.Include[0] == b.Include[1]:
		d.addAt(key+".include", &Error{Message: "names " + b.Include[0] + " twice", Hint: "write it once"})
	case charges && !unit.IsMoney():
		d.addAt(key+".include", &Error{Message: "counts charges, which are money, against a limit of " + unit.String(), Hint: "write a limit in usd or contracted_usd, or remove charges"})
	case charges && len(b.Include) == 1 && b.OnExhausted != "":
		d.addAt(key+".on_exhausted", &Error{Message: "is for calls, which this budget does not count", Hint: "remove it, or add calls to include"})
	}
}

func (d *decoder) validateLimit(key string, a *Amounts) {
	switch {
	case a.given() != 1:
		d.addAt(key, &Error{Message: fmt.Sprintf("limits %d units", a.given()), Hint: "write one of usd, contracted_usd, tokens and requests"})
	case a.USD.Given && a.USD.Nano() <= 0 || a.Contracted.Given && a.Contracted.Nano() <= 0:
		d.addAt(key, &Error{Message: "is not above 0", Hint: "to refuse calls, use a small amount such as \"0.000001\""})
	case a.USD.Nano() == math.MaxInt64 || a.Contracted.Nano() == math.MaxInt64:
		d.addAt(key, &Error{Message: "is more than accounts can count", Hint: "at most 9,000,000,000 USD are possible"})
	}
}

func (d *decoder) validatePer(key string, per []string, c *Config) {
	names := slices.Clone(callKeys)
	for _, a := range c.Attributes.List {
		names = append(names, a.Name)
	}
	for _, name := range per {
		if !slices.Contains(names, name) {
			d.addAt(key, &Error{Message: fmt.Sprintf("no attribute is called %q", clip(name)), Hint: didYouMean(name, names)})
		}
	}
}

// validateRule compiles one rule by itself, so that its mistakes have a place.
func (d *decoder) validateRule(key string, r budget.Rule) {
	if d.mistakenIn(key) {
		return
	}
	if _, err := budget.Compile([]budget.Rule{r}); err != nil {
		for _, e := range causes(err) {
			_, text, _ := strings.Cut(e.Error(), ": ")
			d.addAt(key, &Error{Message: text})
		}
	}
}

// checkBudgets weighs budgets at a time.
func checkBudgets(c *Config, now time.Time) (found []Finding) {
	for i := range c.Budgets {
		key, b := fmt.Sprintf("budgets[%d]", i), &c.Budgets[i]
		if !b.Until.IsZero() && !now.Before(b.Until.Time) {
			found = append(found, warn(key+".until", fmt.Sprintf("the budget %q is over: calls count against it no more", b.Name), "renew it or remove it"))
		}
		if !b.ReviewBy.IsZero() && !now.Before(b.ReviewBy.Time) {
			found = append(found, warn(key+".review_by", fmt.Sprintf("the budget %q is due for review", b.Name), "review it and set a later day"))
		}
		if a := &c.Listen.Admin; b.Topups == "approval" && len(a.Tokens)+len(a.Clients) == 0 {
			found = append(found, warn(key+".topups", fmt.Sprintf("nobody can grant top-ups of the budget %q: all who ask are one", b.Name), "name who asks under listen.admin.tokens or clients"))
		}
		found = append(found, checkForgeable(c, key, b)...)
	}
	if c.Mode == Observe && len(c.Budgets)+len(c.RateLimits) > 0 {
		found = append(found, Finding{Note, "mode", "in observe mode budgets and rate limits are counted and refuse nothing", "write mode: enforce when the figures are right"})
	}
	return found
}

// checkForgeable finds limits that a caller may evade by naming another owner.
func checkForgeable(c *Config, key string, b *Budget) (found []Finding) {
	if b.OnExhausted == string(budget.Allow) || !b.rule().Include.OfCalls() {
		return nil
	}
	for _, name := range slices.Concat(b.Per, b.Match.names()) {
		for i := range c.Attributes.List {
			if a := &c.Attributes.List[i]; a.Name == name && len(a.Sources) > 0 && a.forgeable() {
				found = append(found, warn(key, fmt.Sprintf("budget %q counts by %q, which every caller may write as it likes: its limit can be evaded", b.Name, name),
					"tell "+name+" by a certificate, a token, an API key or a route"))
			}
		}
	}
	return found
}

// forgeable reports whether all sources of an attribute are the caller's word.
func (a *Attribute) forgeable() bool {
	return !slices.ContainsFunc(a.Sources, func(s Source) bool { return s.Header == "" && s.Body == "" })
}

// names are the keys of a match.
func (c *CallMatch) names() []string {
	names := make([]string, len(c.Keys))
	for i := range c.Keys {
		names[i] = c.Keys[i].Name
	}
	return names
}
