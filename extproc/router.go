package extproc

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/tokenizer"
)

// Provider names who is behind a call, where host, route or cluster tell it
// better than the path does.
type Provider struct {
	Name        string
	Dialect     string
	InjectUsage bool // its streams may be asked for usage

	// What the operator knows of the calls that go there, for prices that depend
	// on it; empty: not said.
	Account, Deployment, Region string
	// Tier is the service tier in which it serves calls that ask for none; empty: not
	// known.
	Tier string

	// Matches reports whether a call to an :authority, over Envoy's route and
	// cluster, goes to it.
	Matches func(authority, route, cluster string) bool
}

// Route is one kind of call that the operator describes: it is read by a dialect of
// its own, whatever others would make of its path.
type Route struct {
	Dialect  tokenizer.Dialect
	Provider string // who answers; empty: as for any call

	// Matches is as for a Provider; nil matches every call.
	Matches func(authority, route, cluster string) bool
}

// router finds who will read a call. It is immutable.
type router struct {
	routes    []Route
	dialects  []tokenizer.Dialect
	providers []namedProvider
	knownHost func(string) (tokenizer.Host, bool)
}

type namedProvider struct {
	Provider
	dialect tokenizer.Dialect
}

// way is where a call goes: provider is empty when only the path told.
type way struct {
	dialect   tokenizer.Dialect
	operation string
	provider  string
	asks      bool // its streams may be asked for usage
	known     bool // the host or the configuration says that LLM calls go there

	account, deployment, region, tier string
}

func newRouter(o *Options, rules *Rules) (*router, error) {
	r := &router{dialects: o.Dialects, knownHost: o.KnownHost, routes: rules.Routes}
	for i := range r.routes {
		if r.routes[i].Dialect == nil {
			return nil, fmt.Errorf("route %d: no dialect", i)
		}
	}
	for _, p := range rules.Providers {
		n := namedProvider{Provider: p}
		for _, d := range r.dialects {
			if d.Name() == p.Dialect {
				n.dialect = d
			}
		}
		if n.dialect == nil {
			return nil, fmt.Errorf("provider %q: no dialect %q", p.Name, p.Dialect)
		}
		if p.Matches == nil {
			return nil, fmt.Errorf("provider %q: matches nothing", p.Name)
		}
		r.providers = append(r.providers, n)
	}
	return r, nil
}

// find returns where the request goes; ok says that a dialect meters it. A route
// that takes it has the say how it is read, and by whom where it says that.
func (r *router) find(m *wire.Message, method, path string) (w way, ok bool) {
	taken, operation := r.route(m, method, path)
	w, ok = r.byPlace(m, method, path)
	if taken == nil {
		return w, ok
	}
	if taken.Provider != "" && taken.Provider != w.provider {
		w = way{provider: taken.Provider}
	}
	w.dialect, w.operation, w.known = taken.Dialect, operation, true
	return w, true
}

// route returns the first route that takes the request, or nil.
func (r *router) route(m *wire.Message, method, path string) (taken *Route, operation string) {
	for i := range r.routes {
		t := &r.routes[i]
		operation, ok := t.Dialect.Match(method, path)
		if ok && (t.Matches == nil || t.Matches(m.Header(":authority"), m.Attribute("xds.route_name"), m.Attribute("xds.cluster_name"))) {
			return t, operation
		}
	}
	return nil, ""
}

// byPlace tells by host, route and cluster, and then by the path.
func (r *router) byPlace(m *wire.Message, method, path string) (w way, ok bool) {
	authority := m.Header(":authority")
	if len(r.providers) > 0 {
		route, cluster := m.Attribute("xds.route_name"), m.Attribute("xds.cluster_name")
		for i := range r.providers {
			p := &r.providers[i]
			if p.Matches(authority, route, cluster) {
				w = way{provider: p.Name, asks: p.InjectUsage, known: true, account: p.Account, deployment: p.Deployment, region: p.Region, tier: p.Tier}
				if w.operation, ok = p.dialect.Match(method, path); ok {
					w.dialect = p.dialect
					return w, true
				}
				return r.byPath(w, method, path)
			}
		}
	}
	host, known := r.knownHost(hostOf(authority))
	return r.byPath(way{provider: host.Provider, asks: host.AsksUsage, region: host.Region, known: known}, method, path)
}

// byPath completes w with the dialect that takes the path.
func (r *router) byPath(w way, method, path string) (_ way, ok bool) {
	w.dialect, w.operation, ok = tokenizer.Find(r.dialects, w.provider, method, path)
	return w, ok
}

// hostOf returns a lower-case :authority without its port.
func hostOf(authority string) string {
	host := authority
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(host)
}
