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
		if d.mistakenAt(key) {
			continue
		}
		d.validateLimit(key+".limit", &b.Limit)
		d.validateRollover(key, b)
		d.validateInclude(key, b)
		d.validateAction(key, b)
		d.validateWindow(key+".window", &b.Window)
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
		if len(rules) == 0 && !d.mistakenAt(key) {
			d.addAt(key, &Error{Message: "limits nothing", Hint: "write `requests_per_minute`, `tokens_per_minute` or `concurrent`"})
		}
		for k := range rules {
			d.validateRule(key, rules[k])
		}
	}
	d.validateNamesOf(c)
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

// validateAction finds keys of a budget that need each other.
func (d *decoder) validateAction(key string, b *Budget) {
	downgrades, throttles := b.OnExhausted == string(budget.Downgrade), b.OnExhausted == string(budget.Throttle)
	switch {
	case downgrades && b.DowngradeTo == "":
		d.addAt(key+".on_exhausted", &Error{Message: "is downgrade, and no model is named", Hint: "write `downgrade_to`"})
	case !downgrades && b.DowngradeTo != "":
		d.addAt(key+".downgrade_to", &Error{Message: "is asked by no one", Hint: "write `on_exhausted: downgrade`, or remove it"})
	case throttles && b.Throttle == 0:
		d.addAt(key+".on_exhausted", &Error{Message: "is throttle, and nobody says how many calls pass", Hint: "write `throttle_per_minute`"})
	case !throttles && b.Throttle != 0:
		d.addAt(key+".throttle_per_minute", &Error{Message: "is used by no one", Hint: "write `on_exhausted: throttle`, or remove it"})
	}
	if len(b.Except.List) > 0 && len(b.Per) == 0 {
		d.addAt(key+".except", &Error{Message: "has limits of single values, and no values are counted apart", Hint: "write `per`, or budgets of their own with `match`"})
	}
	if !slices.IsSorted(b.Thresholds) {
		d.addAt(key+".thresholds", &Error{Message: "do not ascend", Hint: "write the least first, such as [50, 75, 90, 100]"})
	}
}

// validateWindow finds a length that is missing, or that is of no window.
func (d *decoder) validateWindow(key string, w *Window) {
	switch rolls := w.Every == string(budget.Rolling); {
	case rolls && w.Length == 0:
		d.addAt(key, &Error{Message: "moves with the clock and has no length", Hint: "write `length`, such as 720h for thirty days"})
	case !rolls && w.Length != 0:
		d.addAt(key+".length", &Error{Message: "is of a rolling window alone", Hint: "write `every: rolling`, or remove it"})
	}
}

// validateNamesOf finds names that two limits have.
func (d *decoder) validateNamesOf(c *Config) {
	first := map[string]string{}
	once := func(key, name, rule string) {
		if other, there := first[rule]; there {
			d.addAt(key+".name", &Error{Message: fmt.Sprintf("%q is the name of %s too", clip(name), other), Hint: "give each a name of its own"})
			return
		}
		first[rule] = key
	}
	for i := range c.Budgets {
		if name := c.Budgets[i].Name; name != "" {
			once(fmt.Sprintf("budgets[%d]", i), name, name)
		}
	}
	for i := range c.RateLimits {
		l, key := &c.RateLimits[i], fmt.Sprintf("rate_limits[%d]", i)
		for _, r := range l.rules() {
			if !d.mistakenAt(key + ".name") {
				once(key, l.Name, r.Name)
			}
		}
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
	if d.mistakenAt(key) {
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
		found = append(found, checkIdle(key, b)...)
	}
	if c.NeedBudget && !slices.ContainsFunc(c.Budgets, func(b Budget) bool {
		unit, _ := b.Limit.one()
		return unit.IsMoney() && b.OnExhausted != string(budget.Allow) && b.rule().Include.OfCalls()
	}) {
		found = append(found, warn("require_budget", "no budget in USD refuses anything, so that all calls will be refused", "add a budget, or remove it"))
	}
	if c.Mode == Observe && len(c.Budgets)+len(c.RateLimits) > 0 {
		found = append(found, Finding{Note, "mode", "in observe mode budgets and rate limits are counted and refuse nothing", "write mode: enforce when the figures are right"})
	}
	return found
}

// checkIdle finds keys of a budget that change nothing.
func checkIdle(key string, b *Budget) (found []Finding) {
	unit, _ := b.Limit.one()
	if unit == budget.Requests && (b.OnExhausted == string(budget.Shrink) || b.OnExhausted == string(budget.Downgrade)) {
		found = append(found, warn(key+".on_exhausted", fmt.Sprintf("a call is one request, however short its answer and whichever its model: %s refuses all when %q is exhausted", b.OnExhausted, b.Name),
			"write refuse, allow or throttle, or limit tokens or USD"))
	}
	w := &b.Window
	for _, k := range []struct {
		name string
		set  bool
		of   []budget.Every // windows that it is of
	}{
		{"timezone", w.Timezone != "", []budget.Every{budget.Hour, budget.Day, budget.Week, budget.Month, budget.Quarter, budget.Year}},
		{"week_start", w.WeekStart != "", []budget.Every{budget.Week}},
		{"first_month", w.FirstMonth != 0, []budget.Every{budget.Quarter, budget.Year}},
	} {
		if k.set && !slices.Contains(k.of, budget.Every(w.Every)) {
			found = append(found, warn(key+".window."+k.name, "changes nothing where every is "+w.Every, "remove it, or mind `every`"))
		}
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
