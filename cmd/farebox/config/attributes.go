package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/owners"
)

// member takes an attribute: it replaces the one of the same name, or comes
// last. An empty list removes it.
func (a *Attributes) member(d *decoder, path string, m member) bool {
	isSources := m.value.kind == list && !slices.ContainsFunc(m.value.items, func(n *node) bool { return n.kind != mapping })
	s := schemaOf(reflect.TypeFor[Attributes]())
	if !isSources && nearest(m.key, append(s.names(), s.later...)) != "" {
		return false // a misspelt key of the section
	}
	at := join(path, clip(m.key))
	if !attribution.ValidName(m.key) {
		d.add(m.place, at, &Error{Message: fmt.Sprintf("`%s` is no name of an attribute", clip(m.key)), Hint: "write [a-z][a-z0-9_]*, at most 32 bytes"})
		return true
	}
	var sources []Source
	d.value(reflect.ValueOf(&sources).Elem(), m.value, field{max: strconv.Itoa(attribution.MaxSources)}, at)
	i := slices.IndexFunc(a.List, func(have Attribute) bool { return have.Name == m.key })
	switch {
	case len(sources) == 0 && i >= 0:
		a.List = slices.Delete(a.List, i, i+1)
	case len(sources) == 0:
	case i >= 0:
		a.List[i].Sources = sources
	default:
		a.List = append(a.List, Attribute{Name: m.key, Sources: sources})
	}
	return true
}

func (a *Attributes) others() []string { return nil }

// Attribution returns what policy/attribution needs.
func (c *Config) Attribution() attribution.Options {
	o := attribution.Options{
		Require: slices.Clone(c.Attributes.Require),
		Refuse:  c.Attributes.OnMissing == MissingRefuse,
		Strip:   lowered(c.Attributes.Strip),
		Owners:  c.directory(),

		TrustXFCC: c.Attributes.TrustXFCC, Proxies: slices.Clone(c.Attributes.Proxies),
	}
	switch c.Attributes.OnUnknown {
	case UnknownRefuse:
		o.OnUnknown = attribution.RefuseUnknown
	case UnknownAccept:
		o.OnUnknown = attribution.Accept
	}
	for _, a := range c.Attributes.List {
		o.Rules = append(o.Rules, a.rule())
	}
	return o
}

func lowered(names []string) []string {
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(n)
	}
	return lower
}

func (a *Attribute) rule() attribution.Rule {
	r := attribution.Rule{Name: a.Name}
	for _, s := range a.Sources {
		r.Sources = append(r.Sources, s.source())
		r.OneOf, r.Default = slices.Clone(s.OneOf), s.Default
	}
	return r
}

func (s *Source) source() attribution.Source {
	of := attribution.Source{
		Header: s.Header, Body: s.Body, APIKey: s.APIKey, Route: s.Route, Workload: s.Workload, Attribute: s.Attribute, Path: s.Path, Trace: s.Trace, SPIFFE: s.SPIFFE,
	}
	if s.JWT != nil {
		of.JWT = attribution.Claim{Provider: s.JWT.Provider, Name: s.JWT.Claim}
	}
	return of
}

// key is the key that names the source's place, or "".
func (s *Source) key() string {
	for _, k := range [...]struct{ key, given string }{
		{"header", s.Header}, {"body", s.Body}, {"api_key", s.APIKey}, {"route", s.Route}, {"workload", s.Workload}, {"attribute", s.Attribute}, {"path", s.Path}, {"spiffe", s.SPIFFE},
	} {
		if k.given != "" {
			return k.key
		}
	}
	switch {
	case s.Trace:
		return "trace"
	case s.JWT != nil:
		return "jwt"
	}
	return ""
}

// validateAttributes finds what policy/attribution would refuse, with its place.
func (d *decoder) validateAttributes(a *Attributes, dir *owners.Directory) {
	const section = "attribution"
	var facts []string
	if dir != nil {
		facts = dir.Facts()
	}
	if n := len(a.List) + len(facts); n > policy.MaxAttributes {
		d.addAt(section, &Error{Message: fmt.Sprintf("has %d attributes with the default ones and those of owners", n), Hint: fmt.Sprintf("at most %d are possible", policy.MaxAttributes)})
		return
	}
	names := make([]string, len(a.List))
	for i := range a.List {
		names[i] = a.List[i].Name
		if slices.Contains(facts, names[i]) {
			d.addAt(section+"."+names[i], &Error{Message: "owners know it too", Hint: "remove the attribute, or the key from `owners`"})
		}
		d.validateSources(section+"."+names[i], a.List[i].Sources, dir)
	}
	for i, name := range a.Require {
		if !slices.Contains(names, name) {
			d.addAt(fmt.Sprintf("%s.require[%d]", section, i), &Error{Message: fmt.Sprintf("no attribute is called %q", clip(name)), Hint: didYouMean(name, names)})
		}
	}
	for i, p := range a.Proxies {
		if err := attribution.CheckProxy(p); err != nil && p != "" {
			d.addAt(fmt.Sprintf("%s.xfcc_proxies[%d]", section, i), &Error{Message: err.Error()})
		}
	}
	for i, name := range a.Strip {
		if !attribution.ValidHeader(name) {
			d.addAt(fmt.Sprintf("%s.strip[%d]", section, i), &Error{Message: fmt.Sprintf("%q is no header that can be removed", clip(name))})
		}
	}
}

func (d *decoder) validateSources(key string, sources []Source, dir *owners.Directory) {
	for i := range sources {
		at := fmt.Sprintf("%s[%d]", key, i)
		d.validatePlace(at, sources[:i+1], dir)
		if last := i == len(sources)-1; last {
			d.validateValues(at, sources[i])
		} else if sources[i].Default != "" || sources[i].OneOf != nil {
			d.addAt(at, &Error{Message: "one_of and default speak of the attribute", Hint: "write them in its last source"})
		}
	}
}

const placesHint = "write one of spiffe, jwt, api_key, workload, route, attribute, path, header, body, or trace: true"

// validatePlace looks at the last of sources.
func (d *decoder) validatePlace(at string, sources []Source, dir *owners.Directory) {
	s := sources[len(sources)-1].source()
	key := sources[len(sources)-1].key()
	err := s.Check()
	same := func(other Source) bool { o := other.source(); return o.String() == s.String() }
	switch {
	case key == "" && d.mistakenAt(at):
	case key == "":
		d.addAt(at, &Error{Message: "names no place to look", Hint: placesHint})
	case key == "jwt" && d.mistakenBelow(at):
	case len(d.given(at)) > 1:
		d.addAt(at, &Error{Message: "names several places: " + strings.Join(d.given(at), ", "), Hint: "write each as a source of its own"})
	case err != nil:
		d.addAt(at+"."+key, &Error{Message: err.Error()})
	case slices.ContainsFunc(sources[:len(sources)-1], same):
		d.addAt(at+"."+key, &Error{Message: s.String() + " is given twice"})
	case s.APIKey != "" && dir == nil:
		d.addAt(at+"."+key, &Error{Message: "nobody knows whose a key is", Hint: "list teams and their keys in `owners`"})
	}
}

// given names the places that a source in the file names.
func (d *decoder) given(at string) (keys []string) {
	if n := d.nodes[at]; n != nil {
		for _, m := range n.members {
			if m.key != "one_of" && m.key != "default" {
				keys = append(keys, m.key)
			}
		}
	}
	return keys
}

func (d *decoder) validateValues(at string, s Source) {
	usable := func(v string) bool {
		clean, state := attribution.Clean(v)
		return state == attribution.Usable && clean == v
	}
	for i, v := range s.OneOf {
		if v != "" && !usable(v) {
			d.addAt(fmt.Sprintf("%s.one_of[%d]", at, i), &Error{Message: fmt.Sprintf("no caller can give the value %q", clip(v))})
		}
	}
	switch {
	case s.Default == "":
	case !usable(s.Default):
		d.addAt(at+".default", &Error{Message: fmt.Sprintf("%q can be no value", clip(s.Default))})
	case len(s.OneOf) > 0 && !slices.Contains(s.OneOf, s.Default):
		d.addAt(at+".default", &Error{Message: fmt.Sprintf("%q is not in one_of", clip(s.Default)), Hint: didYouMean(s.Default, s.OneOf)})
	}
}
