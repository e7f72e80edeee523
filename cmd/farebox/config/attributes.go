package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
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
		r.Sources = append(r.Sources, attribution.Source{Header: s.Header})
		r.OneOf, r.Default = slices.Clone(s.OneOf), s.Default
	}
	return r
}

// validateAttributes finds what policy/attribution would refuse, with its place.
func (d *decoder) validateAttributes(a *Attributes) {
	const section = "attribution"
	if len(a.List) > policy.MaxAttributes {
		d.addAt(section, &Error{Message: fmt.Sprintf("has %d attributes with the default ones", len(a.List)), Hint: fmt.Sprintf("at most %d are possible", policy.MaxAttributes)})
		return
	}
	names := make([]string, len(a.List))
	for i := range a.List {
		names[i] = a.List[i].Name
		d.validateSources(section+"."+names[i], a.List[i].Sources)
	}
	for i, name := range a.Require {
		if !slices.Contains(names, name) {
			d.addAt(fmt.Sprintf("%s.require[%d]", section, i), &Error{Message: fmt.Sprintf("no attribute is called %q", clip(name)), Hint: didYouMean(name, names)})
		}
	}
	for i, name := range a.Strip {
		if !attribution.ValidHeader(name) {
			d.addAt(fmt.Sprintf("%s.strip[%d]", section, i), &Error{Message: fmt.Sprintf("%q is no header that can be removed", clip(name))})
		}
	}
}

func (d *decoder) validateSources(key string, sources []Source) {
	for i, s := range sources {
		at := fmt.Sprintf("%s[%d]", key, i)
		same := func(other Source) bool { return strings.EqualFold(other.Header, s.Header) }
		switch {
		case s.Header != "" && !attribution.ValidHeader(s.Header):
			d.addAt(at+".header", &Error{Message: fmt.Sprintf("%q is no name of a header", clip(s.Header))})
		case s.Header != "" && slices.IndexFunc(sources, same) < i:
			d.addAt(at+".header", &Error{Message: fmt.Sprintf("%q is given twice", s.Header)})
		}
		if last := i == len(sources)-1; !last {
			if s.Default != "" || s.OneOf != nil {
				d.addAt(at, &Error{Message: "one_of and default speak of the attribute", Hint: "write them in its last source"})
			}
			continue
		}
		d.validateValues(at, s)
	}
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
