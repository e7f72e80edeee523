package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/attribution"
)

// checkTrust finds attributes that a caller can write in place of what Envoy or a
// key proves.
func checkTrust(c *Config) (found []Finding) {
	for i := range c.Attributes.List {
		a := &c.Attributes.List[i]
		proof := slices.IndexFunc(a.Sources, identifies)
		claim := slices.IndexFunc(a.Sources, func(s Source) bool { return !identifies(s) && !s.Trace })
		if claim < 0 {
			continue
		}
		what := a.Sources[claim].source()
		key := fmt.Sprintf("attribution.%s[%d]", a.Name, claim)
		switch {
		case proof > claim:
			first := a.Sources[proof].source()
			found = append(found, warn(key, fmt.Sprintf("a caller overrules %s by %s", first.String(), what.String()), "put what a caller may write last, or remove it"))
		case a.Name != attribution.Team:
		case proof >= 0:
			first := a.Sources[proof].source()
			found = append(found, warn(key, fmt.Sprintf("where %s says nothing, a caller can name any team by %s", first.String(), what.String()), "remove it, unless every caller is trusted"))
		case c.Owners != nil && c.Owners.Directory.HasKeys():
			found = append(found, warn(key, fmt.Sprintf("owners have keys, but a caller can name any team by %s", what.String()), "write {api_key: team} as the only source, unless every caller is trusted"))
		}
	}
	return found
}

func identifies(s Source) bool {
	of := s.source()
	return of.Identifies()
}

// checkForged finds headers that go on as a caller wrote them, although an identity
// says here who pays: what stands behind may believe them.
func checkForged(c *Config, strip []string) (found []Finding) {
	for _, usual := range Default().Attributes.List {
		header := usual.Sources[0].Header
		for _, a := range c.Attributes.List {
			reads := slices.ContainsFunc(a.Sources, func(s Source) bool { return strings.EqualFold(s.Header, header) })
			if a.Name == usual.Name && slices.ContainsFunc(a.Sources, identifies) && !reads && !slices.Contains(strip, header) {
				found = append(found, warn("attribution.strip", fmt.Sprintf("%s of a caller goes on, and what is behind may believe it, although %s is an identity here", header, a.Name), "add it"))
			}
		}
	}
	return found
}

// checkXFCC finds a trust that nothing needs, and says what one costs.
func checkXFCC(c *Config) []Finding {
	const key = "attribution.trust_xfcc"
	reads := slices.ContainsFunc(c.Attributes.List, func(a Attribute) bool {
		return slices.ContainsFunc(a.Sources, func(s Source) bool { return s.SPIFFE != "" })
	})
	switch a := &c.Attributes; {
	case !a.TrustXFCC && len(a.Proxies) > 0:
		return []Finding{warn("attribution.xfcc_proxies", "x-forwarded-client-cert is believed of nobody", "write `trust_xfcc: true`")}
	case !a.TrustXFCC:
		return nil
	case !reads:
		return []Finding{warn(key, "no attribute has a spiffe source, so nothing reads the header", "remove it")}
	case len(a.Proxies) == 0:
		return []Finding{warn(key, "whoever reaches Envoy and may send x-forwarded-client-cert can be anyone", "name the proxies that write it in attribution.xfcc_proxies")}
	}
	return nil
}
