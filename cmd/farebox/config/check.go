package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severity says how bad a Finding is.
type Severity string

// With an Alarm the configuration must not be used; a Warning is for a person to
// weigh; a Note is what a choice costs, for whoever has made it.
const (
	Alarm   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Severities are all, the worst first.
func Severities() []Severity { return []Severity{Alarm, Warning, Note} }

// Finding is a choice that contradicts another or is unsafe.
type Finding struct {
	Severity Severity
	Key      string // path of the key, such as listen.admin.address
	Message  string
	Hint     string
}

func (f Finding) String() string {
	s := string(f.Severity) + ": " + f.Key + ": " + f.Message
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// Check returns the findings on c, the worst first, nil when there are none.
func Check(c *Config) []Finding { return checkAt(c, time.Now()) }

// checkAt is Check at a time, which may be past what c says ends.
func checkAt(c *Config, now time.Time) []Finding {
	var found []Finding
	for _, rule := range []func(*Config) []Finding{
		checkSizes, checkMetering, checkListen, checkLedger, checkDrain, checkAttributes, checkTrust, checkXFCC, checkStrip, checkProviders, checkRoutes, checkRates, checkAlerts, checkHolds,
	} {
		found = append(found, rule(c)...)
	}
	found = append(found, checkOwners(c, now)...)
	found = append(found, checkTerms(c, now)...)
	found = append(found, checkBudgets(c, now)...)
	found = append(found, checkLimits(c, now)...)
	found = append(found, checkGates(c, now)...)
	rank := Severities()
	slices.SortStableFunc(found, func(a, b Finding) int {
		return slices.Index(rank, a.Severity) - slices.Index(rank, b.Severity)
	})
	return found
}

func warn(key, message, hint string) Finding { return Finding{Warning, key, message, hint} }
func alarm(key, message, hint string) Finding {
	return Finding{Alarm, key, message, hint}
}

func checkSizes(c *Config) (found []Finding) {
	if c.Limits.InflightBytes < c.Metering.MaxRequestBody {
		found = append(found, alarm("limits.inflight_bytes",
			fmt.Sprintf("%v cannot hold one request body of metering.max_request_body, %v", c.Limits.InflightBytes, c.Metering.MaxRequestBody),
			"raise it or lower metering.max_request_body"))
	}
	if c.Limits.InflightBytes < c.Metering.BufferJSON {
		found = append(found, alarm("metering.buffer_json",
			fmt.Sprintf("%v is more than limits.inflight_bytes, %v", c.Metering.BufferJSON, c.Limits.InflightBytes), "lower it"))
	}
	return found
}

func checkLedger(c *Config) (found []Finding) {
	if c.Ledger.Durability == DurableAsync {
		found = append(found, warn("ledger.durability", "the last records are lost when the process is killed", "process costs little"))
	}
	return found
}

// usualGrace is how long Kubernetes waits before it kills, unless told.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
const usualGrace = 30 * time.Second

func checkDrain(c *Config) []Finding {
	if whole := c.Drain.Wait.Std() + c.Drain.Timeout.Std(); whole > usualGrace {
		return []Finding{warn("drain", fmt.Sprintf("a stop can take %v, and Kubernetes kills after %v unless told", Duration(whole), Duration(usualGrace)),
			"set terminationGracePeriodSeconds above it")}
	}
	return nil
}

func checkAttributes(c *Config) (found []Finding) {
	a := &c.Attributes
	if a.OnMissing == MissingRefuse {
		switch {
		case len(a.Require) == 0:
			found = append(found, warn("attribution.on_missing", "nothing is required, so nothing will be refused", "name attributes in attribution.require"))
		case c.Mode == Observe:
			found = append(found, warn("attribution.on_missing", "mode observe refuses nothing; calls without an attribute are only counted", "write `mode: enforce` to refuse them"))
		}
	}
	for i, name := range a.Require {
		key := fmt.Sprintf("attribution.require[%d]", i)
		if slices.Index(a.Require, name) < i {
			found = append(found, warn(key, name+" is there twice", "remove one"))
		}
		for _, have := range a.List {
			if n := len(have.Sources); have.Name == name && n > 0 && have.Sources[n-1].Default != "" {
				found = append(found, warn(key, name+" has a default, so it is never missing", "remove the default, or the requirement"))
			}
		}
	}
	if !slices.ContainsFunc(a.List, func(have Attribute) bool { return have.Name == "team" }) {
		found = append(found, warn("attribution", "there is no attribute team, so no cost is shown for any team", "add one"))
	}
	return found
}

// needed names headers without which a request does not work or is not
// understood by a provider.
var needed = []string{"authorization", "content-type", "content-length", "content-encoding", "transfer-encoding", "x-api-key", "api-key", "x-goog-api-key", "anthropic-version"}

// theirs names headers that are meant for the provider, also when they say who
// pays. https://platform.openai.com/docs/api-reference/authentication
var theirs = []string{"openai-organization", "openai-project"}

func checkStrip(c *Config) (found []Finding) {
	strip := lowered(c.Attributes.Strip)
	for i, name := range strip {
		if slices.Contains(needed, name) {
			found = append(found, warn(fmt.Sprintf("attribution.strip[%d]", i), "providers need "+name, "remove it, unless Envoy sets it after Farebox"))
		}
	}
	for _, a := range c.Attributes.List {
		for i, s := range a.Sources {
			name := strings.ToLower(s.Header)
			if name != "" && !slices.Contains(strip, name) && !slices.Contains(theirs, name) {
				found = append(found, warn(fmt.Sprintf("attribution.%s[%d].header", a.Name, i), name+" is sent to the provider", "add it to attribution.strip"))
			}
		}
	}
	return append(found, checkForged(c, strip)...)
}

func checkProviders(c *Config) (found []Finding) {
	for i := range c.Providers {
		for j := range i {
			if c.Providers[j].Match.covers(&c.Providers[i].Match) {
				found = append(found, warn(fmt.Sprintf("providers[%d]", i),
					fmt.Sprintf("%s is never taken: providers[%d], %s, matches all that it does", c.Providers[i].Name, j, c.Providers[j].Name),
					"put the narrower one first"))
				break
			}
		}
	}
	return found
}

func checkRates(c *Config) (found []Finding) {
	before := make(map[reach][]int) // rows by what they are for
	for i := range c.Prices.Rates {
		r, key := &c.Prices.Rates[i], fmt.Sprintf("prices.rates[%d]", i)
		if r.Provider == "" && strings.Trim(r.Model, "*") == "" {
			what := "it prices every model of every provider"
			if r.Free {
				what = "it makes every model of every provider free"
			}
			found = append(found, warn(key, what, "name a provider or a model"))
		}
		same := before[r.reach()]
		if j := slices.IndexFunc(same, func(j int) bool { return c.Prices.Rates[j].during(r) }); j >= 0 {
			found = append(found, warn(key, fmt.Sprintf("it prices the same calls as prices.rates[%d]", same[j]), "give them dates that do not overlap, or join them"))
		}
		before[r.reach()] = append(same, i)
		if r.Deployment != "" && !slices.ContainsFunc(c.Providers, func(p Provider) bool {
			return p.Deployment == r.Deployment && (r.Provider == "" || p.Name == r.Provider)
		}) {
			found = append(found, warn(key+".deployment", "it holds for no call: none of providers says that it is "+r.Deployment, "add `deployment` to the entry of the provider"))
		}
	}
	return found
}
