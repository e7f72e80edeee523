// Package attribution says who pays for a call.
//
// In comes a Request (its headers, Envoy's attributes, the claims of a token that
// Envoy has verified, members of its body, the hash of its key); out goes an Owner,
// each attribute with the rule that gave it.
// With a directory of owners it also says what that knows of the team. The
// package reads no body by itself, knows no price and no budget, and it refuses
// nothing: it names what is missing or unknown and whether the configuration
// wants that refused. A value is taken from the caller as it stands; that a
// caller may say so is the business of who wrote the rules.
//
// An Attribution never changes once made and is safe for concurrent use.
package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/owners"
)

// Bounds of a set of rules, and of one value in bytes.
const (
	MaxSources = 8
	MaxOneOf   = 64
	MaxValue   = 128
)

// Team is the attribute that every Owner has when there is a rule for it:
// policy.Unattributed when nothing gave it. It is what a directory of owners
// lists.
const Team = "team"

// Rule gives one attribute. Its sources are asked in order, and the first that
// gives a usable value wins.
type Rule struct {
	Name    string // [a-z][a-z0-9_]{0,31}
	Sources []Source
	OneOf   []string // values allowed; empty: any. Another value counts as not given
	Default string   // when no source gives a value; empty: the attribute is absent
}

// OnUnknown says what becomes of a team that the owners do not list.
type OnUnknown uint8

// Unattribute: as if nobody had named a team. RefuseUnknown: the same, and the
// call should not pass. Accept: the team is taken as it stands.
const (
	Unattribute OnUnknown = iota
	RefuseUnknown
	Accept
)

// Options is what New needs. The zero value attributes nothing.
type Options struct {
	Rules     []Rule   // in the order that an Owner lists them
	Require   []string // names of rules; an absent one is listed as missing
	Refuse    bool     // a call with something missing should not pass
	Strip     []string // request headers not to send upstream
	Owners    *owners.Directory
	OnUnknown OnUnknown // of a team that Owners does not list; nothing without Owners
	// TrustXFCC takes the caller's certificate from x-forwarded-client-cert, where
	// there is that header: its last element. Whoever may send it may be anyone. It is
	// not sent upstream then.
	TrustXFCC bool
	// Proxies are patterns of the SPIFFE IDs of those whose header is believed. None:
	// everyone's is.
	Proxies []string
}

// Attribution resolves owners.
type Attribution struct {
	rules     []rule
	drop      []string
	refuse    bool
	owners    *owners.Directory
	facts     []string // that the owners know
	onUnknown OnUnknown
	trustXFCC bool
	proxies   []string
}

// rule is a Rule made ready: every text it can say is there already.
type rule struct {
	name     string
	sources  []source
	oneOf    []string
	fallback string
	required bool
	owed     bool // shown as unattributed when absent
	listed   bool // a value must be a team of the owners
	says     texts
}

// New checks options and makes an Attribution.
func New(o Options) (*Attribution, error) {
	a := &Attribution{refuse: o.Refuse, owners: o.Owners, onUnknown: o.OnUnknown, trustXFCC: o.TrustXFCC, proxies: slices.Clone(o.Proxies)}
	if o.Owners != nil {
		a.facts = o.Owners.Facts()
	}
	var err error
	if a.rules, err = compile(o, a.facts); err != nil {
		return nil, err
	}
	for _, p := range a.proxies {
		if err := CheckProxy(p); err != nil {
			return nil, fmt.Errorf("attribute calls: %w", err)
		}
	}
	if o.TrustXFCC {
		o.Strip = append(slices.Clone(o.Strip), xfccHeader)
	}
	if a.drop, err = headerNames(o.Strip); err != nil {
		return nil, err
	}
	return a, nil
}

// Drop returns the names of the headers not to send upstream, in lower case and
// each once. The caller must not change it.
func (a *Attribution) Drop() []string { return a.drop }

// Refuses reports whether a call with something missing should not pass.
func (a *Attribution) Refuses() bool { return a.refuse }

// RefusesUnknown reports whether a call of a team that the owners do not list
// should not pass.
func (a *Attribution) RefusesUnknown() bool { return a.onUnknown == RefuseUnknown }

// Answer is who pays for a call.
type Answer struct {
	Owner   policy.Owner
	Missing []string // required attributes that nobody gave, nil when all are there
	Unknown string   // what named a team that the owners do not list ("header x-team"), or empty
}

// Resolve returns who pays. Values share memory with what r's Identity returned.
func (a *Attribution) Resolve(r *policy.Request) (who Answer) {
	if len(a.rules) == 0 {
		return who
	}
	who.Owner = make(policy.Owner, 0, len(a.rules)+len(a.facts))
	for i := range a.rules {
		rule := &a.rules[i]
		value, text, f := rule.resolve(r, a)
		if f.unknown >= 0 {
			who.Unknown = rule.place(f.unknown)
		}
		if !f.given {
			if rule.required {
				who.Missing = append(who.Missing, rule.name)
			}
			if !rule.owed {
				continue
			}
		}
		who.Owner = append(who.Owner, policy.Attribute{Name: rule.name, Value: value, Rule: text})
	}
	return a.addFacts(who, r)
}

// addFacts appends what the owners know of the team at the time of the call.
func (a *Attribution) addFacts(who Answer, r *policy.Request) Answer {
	if len(a.facts) == 0 {
		return who
	}
	team, ok := a.owners.At(who.Owner.Value(Team), r.At)
	if !ok {
		return who
	}
	for _, name := range a.facts {
		if v := team.Fact(name); v != "" {
			who.Owner = append(who.Owner, policy.Attribute{Name: name, Value: v, Rule: "owners"})
		}
	}
	return who
}

// fate is how resolving a rule ended.
type fate struct {
	given   bool
	unknown int // the source that named no owner, len(sources) for the default; -1: none
}

// resolve asks the sources in order. The text names the first of them whose
// value could not be used, if any.
func (r *rule) resolve(call *policy.Request, a *Attribution) (value, text string, f fate) {
	flaw, stranger := sound, -1
	for i := range r.sources {
		raw, is := r.sources[i].read(call, a)
		value, state := Clean(raw)
		switch {
		case is == ofNobody:
			flaw = flaw.or(unknown(i))
			if stranger < 0 {
				stranger = i
			}
		case is == misfit:
			flaw = flaw.or(unusable(i))
		case state == Absent:
		case state == Unusable:
			flaw = flaw.or(unusable(i))
		case len(r.oneOf) > 0 && !slices.Contains(r.oneOf, value):
			flaw = flaw.or(unlisted(i))
		case r.listed && !a.owners.Has(value, call.At):
			return policy.Unattributed, r.says.unknown(unknown(i)), fate{unknown: i}
		default:
			return value, r.says.source(i, flaw), fate{given: true, unknown: -1}
		}
	}
	switch {
	case r.fallback == "" && stranger >= 0 && r.listed:
		return policy.Unattributed, r.says.unknown(unknown(stranger)), fate{unknown: stranger}
	case r.fallback == "":
		return policy.Unattributed, r.says.missing(flaw), fate{unknown: -1}
	case r.listed && !a.owners.Has(r.fallback, call.At):
		return policy.Unattributed, r.says.unknown(unknown(len(r.sources))), fate{unknown: len(r.sources)}
	}
	return r.fallback, r.says.fallback(flaw), fate{given: true, unknown: -1}
}

func (r *rule) place(i int) string {
	if i == len(r.sources) {
		return "default"
	}
	return r.sources[i].says
}

// How says where a caller can give an attribute ("header x-team"), or "".
func (a *Attribution) How(name string) string {
	var places []string
	for i := range a.rules {
		if r := &a.rules[i]; r.name == name {
			for _, s := range r.sources {
				if s.kind == fromHeader || s.kind == fromBody || s.kind == fromKey || s.kind == fromClaim {
					places = append(places, s.says)
				}
			}
		}
	}
	return strings.Join(places, " or ")
}
