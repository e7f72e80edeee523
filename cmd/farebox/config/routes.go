package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/generic"
)

// Route is one kind of call that no dialect reads.
type Route struct {
	Method    string       `yaml:"method" one:"GET POST PUT PATCH DELETE" doc:"Of the request; not given: POST."`
	Path      string       `yaml:"path" need:"yes" max:"256" doc:"From its beginning, without query, decoded: each segment is a text, {NAME} for any one that has a name then, or * for any one; ** at the end is any number of them. Between braces of YAML it must be in quotes."`
	Match     Match        `yaml:"match" doc:"Where such calls go, all that are given; not given: anywhere."`
	Operation string       `yaml:"operation" need:"yes" max:"32" doc:"What records call it, [a-z][a-z0-9_]*, such as vector_search."`
	Provider  string       `yaml:"provider" max:"64" doc:"Who answers, as prices call it: [a-z0-9][a-z0-9._-]*. Not given: as for any call, by providers or the host."`
	Model     string       `yaml:"model" max:"256" doc:"What prices call it. In it {NAME} is that part of the path, and {body.a.b} a text or number in the request's JSON; where one is absent the call has no model and no price. Not given: the operation."`
	Queries   string       `yaml:"queries" max:"256" doc:"Where the request's JSON says how many queries a call asks, at least one: names of members joined by dots, * for each element of a list. A path that ends in * counts the elements, any other leads to a number. They are the requests of the call. Not given: one."`
	Usage     []RouteUsage `yaml:"usage" max:"8" doc:"What the JSON of the answer tells. With it the requests of the call are counted only where queries is given too, where a price has a part for them, or where the answer tells nothing."`
}

// RouteUsage is one quantity that an answer tells.
type RouteUsage struct {
	Meter string `yaml:"meter" need:"yes" max:"64" doc:"What is counted, such as gpu_seconds, input or characters."`
	Path  string `yaml:"path" need:"yes" max:"256" doc:"Where the answer tells it, as queries does. Numbers are added up, and a begun unit is a whole one."`
	Times Times  `yaml:"times" min:"1" max:"1000000" doc:"What a number is multiplied by: 3600 where the answer tells hours and the meter counts seconds; not given: 1."`
}

// Times is a factor; 0 is not given.
type Times int64

// MarshalText writes the number, or nothing.
func (n Times) MarshalText() ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	return strconv.AppendInt(nil, int64(n), 10), nil
}

// UnmarshalText reads a whole number.
func (n *Times) UnmarshalText(text []byte) error {
	read, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return &Error{Message: fmt.Sprintf("is %q", clip(string(text))), Hint: "write a whole number in digits"}
	}
	*n = Times(read)
	return nil
}

// Dialect makes what reads the calls of r.
func (r *Route) Dialect() (*generic.Dialect, error) {
	of := generic.Route{Method: r.Method, Path: r.Path, Operation: r.Operation, Model: r.Model, Queries: r.Queries}
	for i, u := range r.Usage {
		class, ok := tokenizer.ParseClass(u.Meter)
		if !ok {
			return nil, fmt.Errorf("usage[%d]: no meter is called %q", i, u.Meter)
		}
		of.Usage = append(of.Usage, generic.Count{Meter: class, Path: u.Path, Times: int64(u.Times)})
	}
	return generic.New(of)
}

// Matches reports whether a call to an :authority, over Envoy's route and
// cluster, goes where r is for. It is safe for concurrent use.
func (r *Route) Matches(authority, route, cluster string) bool {
	return r.Match.matches(authority, route, cluster)
}

func (d *decoder) validateRoute(key string, r *Route) {
	if r.Operation != "" && !attribution.ValidName(r.Operation) {
		d.addAt(key+".operation", &Error{Message: fmt.Sprintf("%q is no name of an operation", clip(r.Operation)), Hint: "write [a-z][a-z0-9_]*, such as vector_search"})
	}
	if r.Provider != "" && !validProvider(r.Provider) {
		d.addAt(key+".provider", &Error{Message: fmt.Sprintf("%q is no name of a provider", clip(r.Provider)), Hint: "write [a-z0-9][a-z0-9._-]*"})
	}
	for i, u := range r.Usage {
		if _, ok := tokenizer.ParseClass(u.Meter); !ok && u.Meter != "" {
			d.addAt(fmt.Sprintf("%s.usage[%d].meter", key, i), &Error{Message: fmt.Sprintf("no meter is called %q", clip(u.Meter)), Hint: didYouMean(u.Meter, meters())})
		}
	}
	d.validatePlaceOf(key+".match", &r.Match)
	if d.mistakenAt(key) {
		return
	}
	_, err := r.Dialect()
	var wrong *generic.Error
	switch {
	case errors.As(err, &wrong):
		d.addAt(key+"."+wrong.Part, &Error{Message: wrong.Err.Error()})
	case err != nil:
		d.addAt(key, &Error{Message: err.Error()})
	}
}

// validateParts holds the sources of attributes to the names that the paths of
// routes have.
func (d *decoder) validateParts(c *Config) {
	var names []string
	for i := range c.Routes {
		p, err := generic.ParsePattern(c.Routes[i].Path)
		if err != nil {
			return // which is told already
		}
		names = append(names, p.Names()...)
	}
	for _, a := range c.Attributes.List {
		for i, s := range a.Sources {
			if s.Path != "" && attribution.ValidName(s.Path) && !slices.Contains(names, s.Path) {
				d.addAt(fmt.Sprintf("attribution.%s[%d].path", a.Name, i), &Error{
					Message: "no path of `routes` has {" + s.Path + "}", Hint: didYouMean(s.Path, names),
				})
			}
		}
	}
}

// checkRoutes finds routes that take too much, or nothing.
func checkRoutes(c *Config) (found []Finding) {
	read := make([]*generic.Dialect, len(c.Routes))
	for i := range c.Routes {
		r, key := &c.Routes[i], fmt.Sprintf("routes[%d]", i)
		var err error
		if read[i], err = r.Dialect(); err != nil {
			return found // Parse has refused it
		}
		if r.Match == (Match{}) && wide(r.Path) {
			found = append(found, warn(key, "it takes every such path of every host, calls of models too", "say in `match` where such calls go"))
		}
		for j := range i {
			if read[j].Covers(read[i]) && c.Routes[j].Match.covers(&r.Match) {
				found = append(found, warn(key, fmt.Sprintf("it is never taken: routes[%d] takes all that it does", j), "put the narrower one first"))
				break
			}
		}
	}
	return found
}

// wide reports whether a path has no segment that is a text.
func wide(path string) bool {
	for s := range strings.SplitSeq(path, "/") {
		if s != "" && s[0] != '*' && s[0] != '{' {
			return false
		}
	}
	return true
}
