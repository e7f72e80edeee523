package config

import (
	"fmt"
	"strings"
)

// Glob is a pattern in which * stands for any characters, none included. The
// empty Glob is not given.
type Glob string

const maxGlob = 256

// UnmarshalText refuses an empty glob, which would match nothing.
func (g *Glob) UnmarshalText(text []byte) error {
	switch {
	case len(text) == 0:
		return &Error{Message: "an empty pattern matches nothing", Hint: "write a name, with * for any characters, or remove the key"}
	case len(text) > maxGlob:
		return &Error{Message: fmt.Sprintf("the pattern is longer than %d bytes", maxGlob)}
	}
	*g = Glob(text)
	return nil
}

// Match reports whether all of s fits g. It takes at most len(s) × len(g) steps
// and does not allocate.
func (g Glob) Match(s string) bool {
	at, star, resume := 0, -1, 0
	for i := 0; i < len(s); {
		switch {
		case at < len(g) && g[at] == '*':
			star, resume = at, i
			at++
		case at < len(g) && g[at] == s[i]:
			at, i = at+1, i+1
		case star >= 0:
			resume++
			at, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(string(g[at:]), "*") == ""
}

// all reports whether g is not asked, or matches everything.
func (g Glob) all() bool { return strings.Trim(string(g), "*") == "" }

// covers reports whether g matches all that h does.
func (g Glob) covers(h Glob) bool {
	return g.all() || !h.all() && g.Match(string(h))
}

// Matches reports whether a call to an :authority, over Envoy's route and
// cluster, goes to p. It is safe for concurrent use.
func (p *Provider) Matches(authority, route, cluster string) bool {
	return p.Match.matches(authority, route, cluster)
}

func (m *Match) matches(authority, route, cluster string) bool {
	return m.host(authority) && (m.Route == "" || m.Route.Match(route)) && (m.Cluster == "" || m.Cluster.Match(cluster))
}

func (m *Match) host(authority string) bool {
	if m.Host == "" {
		return true
	}
	if !m.Host.hasPort() {
		authority = withoutPort(authority)
	}
	return m.Host.Match(strings.ToLower(authority))
}

// hasPort reports whether a host glob speaks of a port too. An IPv6 address in
// brackets has colons and no port.
func (g Glob) hasPort() bool {
	return strings.Contains(string(g), ":") && !strings.HasSuffix(string(g), "]")
}

// withoutPort cuts the port of an authority; [::1] keeps its brackets.
func withoutPort(authority string) string {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") {
		return authority
	}
	return authority[:i]
}

// covers reports whether m surely matches whatever other matches. With a port in
// one of two host globs they read different texts, and nothing is sure.
func (m *Match) covers(other *Match) bool {
	sameText := m.Host.all() || m.Host.hasPort() == other.Host.hasPort()
	return sameText && m.Host.covers(other.Host) && m.Route.covers(other.Route) && m.Cluster.covers(other.Cluster)
}
