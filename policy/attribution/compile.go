package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
)

// compile checks the rules and makes them ready. facts are the attributes that
// the owners add.
func compile(o Options, facts []string) ([]rule, error) {
	if n := len(o.Rules) + len(facts); n > policy.MaxAttributes {
		return nil, fmt.Errorf("attribute calls: %d attributes, at most %d are possible", n, policy.MaxAttributes)
	}
	rules := make([]rule, 0, len(o.Rules))
	for _, given := range o.Rules {
		if index(rules, given.Name) >= 0 {
			return nil, fmt.Errorf("attribute calls: %q has two rules", given.Name)
		}
		if slices.Contains(facts, given.Name) {
			return nil, fmt.Errorf("attribute calls: %q has a rule, and the owners know it too", given.Name)
		}
		r, err := compileRule(given, o)
		if err != nil {
			return nil, fmt.Errorf("attribute calls: %q: %w", given.Name, err)
		}
		rules = append(rules, r)
	}
	for _, name := range o.Require {
		i := index(rules, name)
		if i < 0 {
			return nil, fmt.Errorf("attribute calls: %q is required and has no rule", name)
		}
		rules[i].required, rules[i].owed = true, true
	}
	return rules, nil
}

func index(rules []rule, name string) int {
	return slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
}

func compileRule(given Rule, o Options) (rule, error) {
	if !ValidName(given.Name) {
		return rule{}, fmt.Errorf("not a name: it must match [a-z][a-z0-9_]{0,31}")
	}
	if n := len(given.Sources); n == 0 || n > MaxSources {
		return rule{}, fmt.Errorf("%d sources, 1 to %d are possible", n, MaxSources)
	}
	if n := len(given.OneOf); n > MaxOneOf {
		return rule{}, fmt.Errorf("%d values to choose from, at most %d are possible", n, MaxOneOf)
	}
	for _, v := range given.OneOf {
		if !plain(v) {
			return rule{}, fmt.Errorf("no caller can give the value %q", v)
		}
	}
	switch d := given.Default; {
	case d == "":
	case !plain(d):
		return rule{}, fmt.Errorf("the default %q is no value", d)
	case len(given.OneOf) > 0 && !slices.Contains(given.OneOf, d):
		return rule{}, fmt.Errorf("the default %q is not one of the values allowed", d)
	}
	sources, err := compileSources(given.Sources)
	if err != nil {
		return rule{}, err
	}
	if o.Owners == nil && slices.ContainsFunc(sources, func(s source) bool { return s.kind == fromKey }) {
		return rule{}, fmt.Errorf("nobody knows whose an API key is: there are no owners")
	}
	return rule{
		name: given.Name, sources: sources, oneOf: slices.Clone(given.OneOf), fallback: given.Default,
		owed: given.Name == Team, listed: given.Name == Team && o.Owners != nil && o.OnUnknown != Accept, says: newTexts(sources),
	}, nil
}

// plain reports whether v is a value that Clean would leave as it is.
func plain(v string) bool {
	clean, state := Clean(v)
	return state == Usable && clean == v
}

func compileSources(given []Source) ([]source, error) {
	ready := make([]source, 0, len(given))
	for i := range given {
		s, err := given[i].ready()
		if err != nil {
			return nil, err
		}
		if slices.Contains(ready, s) {
			return nil, fmt.Errorf("a source is named twice: %s", s.says)
		}
		ready = append(ready, s)
	}
	return ready, nil
}

// headerNames lower-cases names, drops repetitions and refuses what is no
// header name.
func headerNames(names []string) ([]string, error) {
	lower := make([]string, 0, len(names))
	for _, n := range names {
		if !ValidHeader(n) {
			return nil, fmt.Errorf("%q is not the name of a header that can be read and removed", n)
		}
		if l := strings.ToLower(n); !slices.Contains(lower, l) {
			lower = append(lower, l)
		}
	}
	return lower, nil
}

// ValidName reports whether name matches [a-z][a-z0-9_]{0,31}.
func ValidName(name string) bool {
	if name == "" || len(name) > 32 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// ValidHeader reports whether name is an HTTP field name (a token, RFC 9110
// section 5.6.2) of at most 128 bytes other than host, which no proxy may
// remove.
func ValidHeader(name string) bool {
	if name == "" || len(name) > 128 || strings.EqualFold(name, "host") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}
