package budget

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/farebox/farebox/policy/names"
)

// The keys of a rule that are of the call. All others are attributes of its owner.
const (
	Model     = "model" // as it was asked
	Provider  = "provider"
	Operation = "operation"
)

// Rules say which accounts a call counts against. Once compiled they never change,
// but for what Raise, Carry and Keep give. They are safe for concurrent use.
type Rules struct {
	all   []*compiled
	named map[string]*compiled
	// exact finds rules by a value that one of their keys must have: key, then value,
	// then positions in all. The others are tried for every call.
	exact []exactKey
	other []int32

	charged []int32 // positions of rules that count charges

	kept atomic.Pointer[[]*compiled] // that are out of use; nil: nobody has said
}

type exactKey struct {
	key   string
	rules map[string][]int32
}

// compiled is a rule with what a call is held against.
type compiled struct {
	rule  Rule
	match []condition // by key

	mark   string
	series uint64
	now    atomic.Pointer[span]
	more   atomic.Pointer[map[string][]Extra] // by what an account is of; nil: none has more

	carried atomic.Pointer[Carried] // nil: nothing was
}

// span is the window that was asked for last.
type span struct{ start, end time.Time }

type condition struct {
	key      string
	patterns []string
	exactly  bool // no pattern has a star
}

func (c *condition) fits(value string) bool {
	switch c.key {
	case Model:
		return len(c.patterns) == 1 && c.patterns[0] == "*" || names.ModelFits(c.patterns, value)
	case Provider, Operation:
		return names.OneFits(c.patterns, value)
	default:
		return value != "" && names.OneFits(c.patterns, value)
	}
}

// Accounts returns those that a call counts against at now, in the order of their
// rules. of gives the value of a key: an attribute of the call's owner, or its
// model, provider or operation; empty: it has none. Calls that have no value of a
// key in Per share an account, so that leaving a value out evades no limit.
func (r *Rules) Accounts(of func(key string) string, now time.Time) []Account {
	var room [64]int32
	hits := room[:0]
	for _, i := range r.other {
		hits = r.hit(hits, i, of, now)
	}
	for k := range r.exact {
		e := &r.exact[k]
		for _, i := range e.rules[of(e.key)] {
			hits = r.hit(hits, i, of, now)
		}
	}
	if len(hits) == 0 {
		return r.keptAccounts(nil, Include.OfCalls, of, now)
	}
	slices.Sort(hits)
	accounts := make([]Account, len(hits))
	for n, i := range hits {
		r.all[i].account(&accounts[n], of, now)
	}
	return r.keptAccounts(accounts, Include.OfCalls, of, now)
}

// AccountsOfCharge returns those that a charge counts against at now, in the order of
// their rules. of is as for Accounts: a charge has attributes, and may have a provider
// and a model.
func (r *Rules) AccountsOfCharge(of func(key string) string, now time.Time) (accounts []Account) {
	for _, i := range r.charged {
		if c := r.all[i]; c.fits(of, now) {
			accounts = append(accounts, Account{})
			c.account(&accounts[len(accounts)-1], of, now)
		}
	}
	return r.keptAccounts(accounts, Include.OfCharges, of, now)
}

// hit appends i if that rule is for the call.
func (r *Rules) hit(hits []int32, i int32, of func(string) string, now time.Time) []int32 {
	if !r.all[i].fits(of, now) {
		return hits
	}
	return append(hits, i)
}

func (c *compiled) fits(of func(string) string, now time.Time) bool {
	if c.rule.Over(now) {
		return false
	}
	for k := range c.match {
		if !c.match[k].fits(of(c.match[k].key)) {
			return false
		}
	}
	return true
}

// Account is the one of a single rule that what has the values counts against at now,
// if such counts; false: there is none.
func (r *Rules) Account(rule string, of func(key string) string, now time.Time) (a Account, fits bool) {
	c := r.named[rule]
	if c == nil || !c.fits(of, now) {
		return a, false
	}
	c.account(&a, of, now)
	return a, true
}

// Rule is the rule of that name, or nil. It must not be changed.
func (r *Rules) Rule(name string) *Rule {
	if c := r.find(name); c != nil {
		return &c.rule
	}
	return nil
}

// Continue gives rules that count as those of the same name do in before the accounts
// of those, and all others that add up accounts that nobody has: n is another one
// each time. It is called before r is in use, and returns those that begin anew.
func (r *Rules) Continue(before *Rules, n uint64) (anew []*Rule) {
	for _, c := range r.all {
		if !c.rule.AddsUp() {
			continue
		}
		if was := before.find(c.rule.Name); was != nil && was.mark == c.mark {
			c.series = was.series
			continue
		}
		c.series = series(c.mark, n)
		anew = append(anew, &c.rule)
	}
	return anew
}

func (r *Rules) find(name string) *compiled {
	if r == nil {
		return nil
	}
	return r.named[name]
}

// None reports whether there are no rules.
func (r *Rules) None() bool { return r == nil || len(r.all) == 0 && len(r.outOfUse()) == 0 }

// Rules are all there are, in order. They must not be changed.
func (r *Rules) Rules() []*Rule {
	rules := make([]*Rule, len(r.all))
	for i, c := range r.all {
		rules[i] = &c.rule
	}
	return rules
}

func (c *compiled) account(a *Account, of func(string) string, now time.Time) {
	c.accountOf(a, joined(c.rule.Per, of), now)
}

func (c *compiled) accountOf(a *Account, of string, now time.Time) {
	*a = Account{Rule: c.rule.Name, Of: of, Unit: c.rule.Unit, Series: c.series, Limit: c.rule.Limit, Soft: c.rule.OnExhausted == Allow, Rate: c.rule.Rate}
	if limit, other := c.rule.Except[a.Of]; other {
		a.Limit, a.Named = limit, true
	}
	if more := c.more.Load(); more != nil {
		for i := range (*more)[of] {
			if e := &(*more)[of][i]; e.in(now) {
				a.Limit, a.Named = plus(a.Limit, e.Amount), true
			}
		}
	}
	if carried := c.carried.Load(); carried != nil {
		a.Limit = max(0, plus(a.Limit, carried.amount(of, now)))
	}
	switch {
	case c.rule.Rate > 0:
	case c.rule.Window.Every == Rolling:
		a.Rolling = c.rule.Window.Length
	case c.rule.Window.Every != Total:
		a.Start, a.End = c.window(now)
	}
}

// window is the one that now is in. Most calls are in that of the call before.
func (c *compiled) window(now time.Time) (start, end time.Time) {
	last := c.now.Load()
	if last == nil || now.Before(last.start) || !now.Before(last.end) {
		start, end = c.rule.Window.At(now)
		last = &span{start.UTC(), end.UTC()}
		c.now.Store(last)
	}
	return last.start, last.end
}

// MaxValue bounds a value that is counted apart, in bytes: longer ones are cut,
// and those that begin alike share an account.
const MaxValue = 256

// joined is the values of keys with "/" between them. Of a value, % and / are
// written %25 and %2F.
func joined(keys []string, of func(string) string) string {
	if len(keys) == 1 {
		if v := cut(of(keys[0])); !strings.ContainsAny(v, "%/") {
			return v
		}
	}
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteByte('/')
		}
		v := cut(of(key))
		if i == 0 {
			b.Grow(len(v) + 32*(len(keys)-1))
		}
		if strings.ContainsAny(v, "%/") {
			v = escapes.Replace(v)
		}
		b.WriteString(v)
	}
	return b.String()
}

var escapes = strings.NewReplacer("%", "%25", "/", "%2F")

func cut(v string) string {
	if len(v) <= MaxValue {
		return v
	}
	end := MaxValue
	for end > MaxValue-utf8.UTFMax && !utf8.RuneStart(v[end]) {
		end--
	}
	return v[:end]
}
