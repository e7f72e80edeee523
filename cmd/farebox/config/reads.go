package config

import "slices"

// Reads is what attribution reads of Envoy, and Envoy therefore must be configured
// to tell. Each list is sorted and has each name once.
type Reads struct {
	Attributes   []string // of request_attributes
	Tokens       []string // providers of tokens whose claims are read
	Certificates bool     // of callers
	XFCC         bool     // x-forwarded-client-cert is believed
}

// Reads returns what c's attribution reads.
func (c *Config) Reads() (r Reads) {
	for _, a := range c.Attributes.List {
		for _, s := range a.Sources {
			of := s.source()
			r.Attributes = append(r.Attributes, of.Attributes()...)
			r.Certificates = r.Certificates || s.SPIFFE != ""
			if s.JWT != nil {
				r.Tokens = append(r.Tokens, s.JWT.Provider)
			}
		}
	}
	r.XFCC = r.Certificates && c.Attributes.TrustXFCC
	for _, list := range []*[]string{&r.Attributes, &r.Tokens} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return r
}
