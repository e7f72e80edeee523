package budget

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/names"
)

// Bounds of rules.
const (
	MaxRules    = 10_000
	MaxRuleName = 128 // bytes
	MaxKeys     = 16  // of Match, and of Per
	MaxPatterns = 1000
	MaxPercent  = 1000 // the highest threshold
)

// minRolling is the shortest Rolling window: it is counted in parts of a second
// and more.
const minRolling = time.Minute

// Compile checks rules and returns them ready for calls, or every mistake with
// the name of its rule.
func Compile(rules []Rule) (*Rules, error) {
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("compile budgets: %d rules are more than %d", len(rules), MaxRules)
	}
	r := &Rules{named: make(map[string]*compiled, len(rules))}
	var wrong []error
	for i := range rules {
		rule := &rules[i]
		for _, err := range rule.mistakes() {
			wrong = append(wrong, fmt.Errorf("compile budget %.40q: %w", rule.Name, err))
		}
		if r.named[rule.Name] != nil {
			wrong = append(wrong, fmt.Errorf("compile budget %.40q: another has that name", rule.Name))
		}
		c := rule.compile()
		r.all, r.named[rule.Name] = append(r.all, c), c
		if rule.Include.OfCalls() {
			r.index(c, int32(i))
		}
		if rule.Include.OfCharges() {
			r.charged = append(r.charged, int32(i))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return r, nil
}

// compile copies what a caller may still change.
func (r *Rule) compile() *compiled {
	c := &compiled{rule: *r}
	c.rule.Per, c.rule.Thresholds = slices.Clone(r.Per), slices.Clone(r.Thresholds)
	c.rule.Match, c.rule.Except = maps.Clone(r.Match), maps.Clone(r.Except)
	if r.Rollover != nil {
		rollover := *r.Rollover
		c.rule.Rollover = &rollover
	}
	for _, key := range slices.Sorted(maps.Keys(r.Match)) {
		cond := condition{key: key, patterns: slices.Clone(r.Match[key]), exactly: true}
		c.rule.Match[key] = slices.Clone(cond.patterns)
		for i, p := range cond.patterns {
			if key == Model || key == Provider || key == Operation {
				cond.patterns[i] = strings.ToLower(p)
			}
			cond.exactly = cond.exactly && !strings.Contains(p, "*")
		}
		slices.Sort(cond.patterns)
		cond.patterns = slices.Compact(cond.patterns)
		c.match = append(c.match, cond)
	}
	c.mark = c.rule.Mark()
	if c.rule.AddsUp() {
		c.series = series(c.mark, 0)
	}
	return c
}

// index puts rule i under the values of one of its keys, if those are given
// exactly. A model has many names, so it is none of them.
func (r *Rules) index(c *compiled, i int32) {
	for k := range c.match {
		m := &c.match[k]
		if !m.exactly || m.key == Model {
			continue
		}
		at := slices.IndexFunc(r.exact, func(e exactKey) bool { return e.key == m.key })
		if at < 0 {
			at = len(r.exact)
			r.exact = append(r.exact, exactKey{m.key, map[string][]int32{}})
		}
		for _, value := range m.patterns {
			r.exact[at].rules[value] = append(r.exact[at].rules[value], i)
		}
		return
	}
	r.other = append(r.other, i)
}

// mistakes are what is wrong with a rule by itself.
func (r *Rule) mistakes() (wrong []error) {
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	say(r.Name == "" || len(r.Name) > MaxRuleName, "a name has 1 to %d bytes", MaxRuleName)
	say(strings.ContainsFunc(r.Name, func(c rune) bool { return c <= ' ' || c == 0x7f }), "a name has no spaces and no controls")
	say(r.Unit >= units, "there is no unit %d", uint8(r.Unit))
	say(r.Include >= includes, "there is nothing to include of number %d", uint8(r.Include))
	say(r.Include.OfCharges() && (!r.Unit.IsMoney() || r.Rate > 0), "charges are money: they count against limits in USD alone")
	say(r.Limit <= 0, "limit %d is not above 0", r.Limit)
	say(len(r.Match) > MaxKeys || len(r.Per) > MaxKeys, "match and per have at most %d keys", MaxKeys)
	for key, patterns := range r.Match {
		say(!validKey(key), "match: %.40q is no attribute", key)
		say(len(patterns) == 0 || len(patterns) > MaxPatterns, "match: %.40q has 1 to %d patterns", key, MaxPatterns)
		say(slices.ContainsFunc(patterns, func(p string) bool { return p == "" || len(p) > names.MaxName }),
			"match: a pattern of %.40q has 1 to %d bytes", key, names.MaxName)
	}
	for i, key := range r.Per {
		say(!validKey(key), "per: %.40q is no attribute", key)
		say(slices.Contains(r.Per[:i], key), "per: %.40q is there twice", key)
	}
	for of, limit := range r.Except {
		say(limit <= 0, "except %.60q: limit %d is not above 0", of, limit)
		say(!r.wellFormed(of), "except %.60q: want the values of per joined by /, in them %%2F for / and %%25 for %%", of)
	}
	for i, p := range r.Thresholds {
		say(p < 1 || p > MaxPercent, "threshold %d is not in 1 to %d percent", p, MaxPercent)
		say(i > 0 && p <= r.Thresholds[i-1], "threshold %d does not ascend", p)
	}
	say(!slices.Contains([]Action{"", Refuse, Allow, Shrink, Downgrade, Throttle}, r.OnExhausted), "there is no action %.40q", r.OnExhausted)
	say((r.To == "") == (r.OnExhausted == Downgrade), "a model to ask instead is named for downgrade, and for it alone")
	say(r.Throttled < 0 || (r.Throttled == 0) == (r.OnExhausted == Throttle), "calls a minute are given for throttle, and for it alone")
	return slices.Concat(wrong, r.timeMistakes(), r.Rollover.Mistakes(&r.Window))
}

// timeMistakes are what is wrong with when a rule counts.
func (r *Rule) timeMistakes() (wrong []error) {
	w := &r.Window
	say := func(bad bool, text string) {
		if bad {
			wrong = append(wrong, errors.New(text))
		}
	}
	switch w.Every {
	case Hour, Day, Week, Month, Quarter, Year, Total, Rolling:
	default:
		wrong = append(wrong, fmt.Errorf("there is no window %.40q", w.Every))
	}
	say(w.Every == Rolling && w.Length < minRolling, "a rolling window is a minute long at least")
	say(w.Every != Rolling && w.Length != 0, "only a rolling window has a length")
	say(w.WeekStart < time.Sunday || w.WeekStart > time.Saturday, "a week starts on a day of it")
	say(w.FirstMonth < 0 || w.FirstMonth > time.December, "a fiscal year begins with month 1 to 12")
	say(r.Rate < 0, "a rate is above 0")
	say(r.Rate > 0 && (w.Every != Total || r.Unit == Concurrency), "a rate has no window, and calls under way have no rate")
	say(r.Unit == Concurrency && w.Every != Total, "calls under way have no window")
	return wrong
}

// validKey reports whether key can be the name of an attribute.
func validKey(key string) bool {
	return key != "" && len(key) <= 64 && !strings.ContainsFunc(key, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.'
	})
}

// wellFormed reports whether of can be what joined writes for r.
func (r *Rule) wellFormed(of string) bool {
	if len(r.Per) == 0 {
		return false
	}
	values := strings.Split(of, "/")
	if len(values) != len(r.Per) {
		return false
	}
	for _, v := range values {
		plain := strings.NewReplacer("%2F", "", "%25", "").Replace(v)
		if strings.Contains(plain, "%") {
			return false
		}
	}
	return true
}
