package config

import (
	"fmt"
	"path"
	"strings"
)

// Glob is a pattern as of path.Match: * stands for any characters but /, ? for
// one of them. The empty Glob is not given.
type Glob string

const maxGlob = 256

// UnmarshalText refuses what path.Match cannot read, and an empty glob.
func (g *Glob) UnmarshalText(text []byte) error {
	switch {
	case len(text) == 0:
		return &Error{Message: "an empty pattern matches nothing", Hint: "write a name, with * for any characters, or remove the key"}
	case len(text) > maxGlob:
		return &Error{Message: fmt.Sprintf("the pattern is longer than %d bytes", maxGlob)}
	}
	if _, err := path.Match(string(text), ""); err != nil {
		return &Error{Message: fmt.Sprintf("%q is no pattern", text), Hint: "write [ and \\ as \\[ and \\\\"}
	}
	*g = Glob(text)
	return nil
}

// covers reports whether g surely matches all that h does; an empty glob is not
// asked, so it covers everything. Patterns with more than stars are not looked
// into.
func (g Glob) covers(h Glob) bool {
	if g == "" || g == h {
		return true
	}
	if h == "" || strings.ContainsAny(string(g)+string(h), `?[\`) {
		return false
	}
	ok, err := path.Match(string(g), string(h))
	return err == nil && ok
}

// covers reports whether m surely matches whatever other matches.
func (m *Match) covers(other *Match) bool {
	return m.Host.covers(other.Host) && m.Route.covers(other.Route) && m.Cluster.covers(other.Cluster)
}

// hasPort reports whether a host glob ends in a port, which the host it is
// compared with never has. An IPv6 address in brackets has colons and no port.
func hasPort(host Glob) bool {
	return strings.Contains(string(host), ":") && !strings.HasSuffix(string(host), "]")
}
