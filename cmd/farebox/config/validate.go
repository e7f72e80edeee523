package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/terms"
)

// addAt notes what is wrong with the value of a key, at the place of the key
// that was given, or of the section around it.
func (d *decoder) addAt(key string, e *Error) {
	e.Message = "`" + key + "`: " + e.Message
	for at := key; at != ""; at = parent(at) {
		if n := d.nodes[at]; n != nil {
			d.add(n.place, key, e)
			return
		}
	}
	d.add(place{}, key, e)
}

// parent cuts the last step of a path.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// validate finds what is wrong with values that are each well formed.
func (d *decoder) validate(c *Config) {
	d.validateListen(&c.Listen.Admin)
	d.validateState(&c.State)
	d.validateOwners(c.Owners)
	d.validateAttributes(&c.Attributes, c.directory())
	for i := range c.Providers {
		d.validateProvider(fmt.Sprintf("providers[%d]", i), &c.Providers[i])
	}
	for i := range c.Routes {
		d.validateRoute(fmt.Sprintf("routes[%d]", i), &c.Routes[i])
	}
	d.validateParts(c)
	for i := range c.Prices.Rates {
		d.validateRate(fmt.Sprintf("prices.rates[%d]", i), &c.Prices.Rates[i])
		d.validateCurrency(fmt.Sprintf("prices.rates[%d]", i), &c.Prices.Rates[i], c.Prices.FX)
	}
	d.validateTerms(c)
	d.validateCeiling(&c.Prices)
	d.validateBudgets(c)
	d.validateGates(c)
	d.validateAlerts(c)
	d.validateWhole(c)
}

// validateWhole builds what the configuration describes, when nothing is wrong so
// far.
func (d *decoder) validateWhole(c *Config) {
	if len(d.errs) > 0 {
		return
	}
	if _, err := attribution.New(c.Attribution()); err != nil {
		d.addAt("attribution", &Error{Message: err.Error()})
	}
	if _, err := c.PriceRows(); err != nil {
		d.addRates(err)
	}
	if _, err := terms.New(c.Terms()); err != nil {
		d.addTerms(err)
	}
}

func (d *decoder) validateProvider(key string, p *Provider) {
	if p.Name != "" && !validProvider(p.Name) {
		d.addAt(key+".name", &Error{Message: fmt.Sprintf("%q is no name of a provider", clip(p.Name)), Hint: "write [a-z0-9][a-z0-9._-]*"})
	}
	if strings.Contains(p.Region, "*") {
		d.addAt(key+".region", &Error{Message: fmt.Sprintf("%q is a pattern, and calls run in one region", clip(p.Region)), Hint: "write an entry for each region"})
	}
	d.validatePlaceOf(key+".match", &p.Match)
}

// validatePlaceOf readies where calls go.
func (d *decoder) validatePlaceOf(key string, m *Match) {
	m.Host = Glob(strings.ToLower(string(m.Host)))
	if n := d.nodes[key]; n != nil && n.kind == mapping && len(n.members) == 0 {
		d.addAt(key, &Error{Message: "is empty", Hint: "it needs `host`, `route` or `cluster`"})
	}
}

func validProvider(name string) bool {
	for i := range len(name) {
		c := name[i]
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("._-", rune(c))) {
			return false
		}
	}
	return true
}

// mistakenAt is mistakenBelow, and of key itself.
func (d *decoder) mistakenAt(key string) bool {
	return d.mistakenBelow(key) || slices.ContainsFunc(d.errs, func(e *Error) bool { return e.Key == key })
}

// mistakenBelow reports whether something below key was already noted, so that
// one mistake is not told twice.
func (d *decoder) mistakenBelow(key string) bool {
	for _, e := range d.errs {
		if strings.HasPrefix(e.Key, key+".") {
			return true
		}
	}
	return false
}

// causes are the errors that are joined in err, or err alone.
func causes(err error) []error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		return many.Unwrap()
	}
	return []error{err}
}
