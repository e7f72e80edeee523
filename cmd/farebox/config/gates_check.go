package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/schedule"
)

// validateGates finds what is wrong with access, schedule, shape and runaway.
func (d *decoder) validateGates(c *Config) {
	for i, r := range c.AccessRules() {
		d.validateMatch(r.Name+".match", &c.Access[i].Match, c)
		for k := range c.Access[i].Except {
			e, at := &c.Access[i].Except[k], fmt.Sprintf("%s.except[%d]", r.Name, k)
			d.validateMatch(at, &e.Match, c)
			if len(e.Match.Keys) == 0 && !d.mistakenAt(at) {
				d.addAt(at, &Error{Message: "frees every call", Hint: "name whom it frees, or remove the rule"})
			}
		}
		d.addRule(r.Name, func() error {
			_, err := access.New([]access.Rule{r}, nil)
			return err
		})
	}
	for i, r := range c.ScheduleRules() {
		d.validateMatch(r.Name+".match", &c.Schedule[i].Match, c)
		d.addRule(r.Name, func() error {
			_, err := schedule.New([]schedule.Rule{r})
			return err
		})
	}
	for i := range c.Shape {
		key, s := fmt.Sprintf("shape[%d]", i), &c.Shape[i]
		d.validateMatch(key+".match", &s.Match, c)
		if s.MaxOutput == 0 && !s.Concise && !s.JSON && !d.mistakenAt(key) {
			d.addAt(key, &Error{Message: "shapes nothing", Hint: "write `max_output_tokens`, `concise` or `json`"})
		}
	}
	for i := range c.Runaway.For {
		d.validateMatch(fmt.Sprintf("runaway.for[%d].match", i), &c.Runaway.For[i].Match, c)
	}
}

// addRule notes why a rule cannot be compiled, where nothing is said of it yet.
func (d *decoder) addRule(key string, compile func() error) {
	if d.mistakenAt(key) {
		return
	}
	if err := compile(); err != nil {
		_, text, _ := strings.Cut(err.Error(), ": ")
		d.addAt(key, &Error{Message: text})
	}
}

// checkGates weighs access, schedule, shape and runaway at a time.
func checkGates(c *Config, now time.Time) (found []Finding) {
	for i := range c.Access {
		key, a := fmt.Sprintf("access[%d]", i), &c.Access[i]
		for k, e := range a.Except {
			if !e.Until.IsZero() && !now.Before(e.Until.Time) {
				found = append(found, warn(fmt.Sprintf("%s.except[%d].until", key, k), "the exception is over", "renew it or remove it"))
			}
		}
		names := a.Match.names()
		for k := range a.Except {
			names = append(names, a.Except[k].Match.names()...)
		}
		if a.Approval != "" {
			names = append(names, "team")
		}
		found = append(found, c.forged(key, names)...)
	}
	for i := range c.Schedule {
		found = append(found, c.forged(fmt.Sprintf("schedule[%d]", i), c.Schedule[i].Match.names())...)
	}
	if c.Mode == Observe && len(c.Access)+len(c.Schedule)+len(c.Shape) > 0 {
		found = append(found, Finding{Note, "mode", "in observe mode access, schedule and shape are counted: they refuse and change nothing", "write mode: enforce when the figures are right"})
	}
	return found
}

// forged warns of a rule that matches by what a caller may write as it likes. Kinds
// of requests are the caller's word by their nature.
func (c *Config) forged(key string, names []string) []Finding {
	for _, name := range names {
		for i := range c.Attributes.List {
			a := &c.Attributes.List[i]
			if a.Name == name && name != "request_type" && len(a.Sources) > 0 && a.forgeable() {
				return []Finding{warn(key, fmt.Sprintf("it goes by %q, which every caller may write as it likes: it can be evaded", name),
					"tell "+name+" by a certificate, a token, an API key or a route")}
			}
		}
	}
	return nil
}
