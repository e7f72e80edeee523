// Package attribution says who pays for a call.
//
// In comes an Identity (request headers, Envoy's attributes); out goes an Owner,
// each attribute with the rule that gave it. The package knows no body, no price
// and no budget, and it refuses nothing: it names what is missing and whether
// the configuration wants that refused. A value is taken from the caller as it
// stands; that a caller may say so is the business of who wrote the rules.
//
// An Attribution never changes once made and is safe for concurrent use.
package attribution

import (
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
)

// Bounds of a set of rules, and of one value in bytes.
const (
	MaxSources = 8
	MaxOneOf   = 64
	MaxValue   = 128
)

// Team is the attribute that every Owner has when there is a rule for it:
// policy.Unattributed when nothing gave it.
const Team = "team"

// Source is one place to look for a value.
type Source struct {
	Header string // name of a request header
}

// Rule gives one attribute. Its sources are asked in order, and the first that
// gives a usable value wins.
type Rule struct {
	Name    string // [a-z][a-z0-9_]{0,31}
	Sources []Source
	OneOf   []string // values allowed; empty: any. Another value counts as not given
	Default string   // when no source gives a value; empty: the attribute is absent
}

// Options is what New needs. The zero value attributes nothing.
type Options struct {
	Rules   []Rule   // in the order that an Owner lists them
	Require []string // names of rules; an absent one is listed as missing
	Refuse  bool     // a call with something missing should not pass
	Strip   []string // request headers not to send upstream
}

// Attribution resolves owners.
type Attribution struct {
	rules  []rule
	drop   []string
	refuse bool
}

// rule is a Rule made ready: every text it can say is there already.
type rule struct {
	name     string
	headers  []string
	oneOf    []string
	fallback string
	required bool
	owed     bool // shown as unattributed when absent
	says     texts
}

// New checks options and makes an Attribution.
func New(o Options) (*Attribution, error) {
	rules, err := compile(o)
	if err != nil {
		return nil, err
	}
	drop, err := headerNames(o.Strip)
	if err != nil {
		return nil, err
	}
	return &Attribution{rules: rules, drop: drop, refuse: o.Refuse}, nil
}

// Drop returns the names of the headers not to send upstream, in lower case and
// each once. The caller must not change it.
func (a *Attribution) Drop() []string { return a.drop }

// Refuses reports whether a call with something missing should not pass.
func (a *Attribution) Refuses() bool { return a.refuse }

// Resolve returns who pays and which required attributes nobody gave, nil when
// all are there. Values share memory with what id returned.
func (a *Attribution) Resolve(id policy.Identity) (owner policy.Owner, missing []string) {
	if len(a.rules) == 0 {
		return nil, nil
	}
	owner = make(policy.Owner, 0, len(a.rules))
	for i := range a.rules {
		r := &a.rules[i]
		value, text, given := r.resolve(id)
		if !given {
			if r.required {
				missing = append(missing, r.name)
			}
			if !r.owed {
				continue
			}
		}
		owner = append(owner, policy.Attribute{Name: r.name, Value: value, Rule: text})
	}
	return owner, missing
}

// resolve asks the sources in order. The text names the first of them whose
// value could not be used, if any.
func (r *rule) resolve(id policy.Identity) (value, text string, given bool) {
	flaw := sound
	for i, header := range r.headers {
		value, state := Clean(id.Header(header))
		switch {
		case state == Absent:
			continue
		case state == Unusable:
			flaw = flaw.or(unusable(i))
		case len(r.oneOf) > 0 && !slices.Contains(r.oneOf, value):
			flaw = flaw.or(unlisted(i))
		default:
			return value, r.says.source(i, flaw), true
		}
	}
	if r.fallback != "" {
		return r.fallback, r.says.fallback(flaw), true
	}
	return policy.Unattributed, r.says.missing(flaw), false
}

// How says where a caller can give an attribute ("header x-team"), or "".
func (a *Attribution) How(name string) string {
	for i := range a.rules {
		if r := &a.rules[i]; r.name == name && len(r.headers) > 0 {
			return "header " + strings.Join(r.headers, " or header ")
		}
	}
	return ""
}
