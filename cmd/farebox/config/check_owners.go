package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/owners"
)

// checkOwners finds what makes the directory say less than it seems to.
func checkOwners(c *Config, now time.Time) (found []Finding) {
	a := &c.Attributes
	if c.Owners == nil {
		if a.OnUnknown != UnknownUnattributed {
			found = append(found, warn("attribution.on_unknown", "there are no owners, so no team is unknown", "list the teams in `owners`"))
		}
		return found
	}
	dir := c.Owners.Directory
	if a.OnUnknown == UnknownRefuse && c.Mode == Observe {
		found = append(found, warn("attribution.on_unknown", "mode observe refuses nothing; calls of unknown teams are only counted", "write `mode: enforce` to refuse them"))
	}
	teams, ended := teamsOf(dir, now)
	if teams == 0 && a.OnUnknown != UnknownAccept {
		found = append(found, warn("owners", "no team is listed from now on, so every call is of an unknown team", "list the teams, or remove `owners`"))
	} else if len(ended) > 0 {
		found = append(found, warn("owners", "the time of these teams has ended: "+some(ended), "give them an entry that holds now, or remove them"))
	}
	return append(found, checkTeamSources(c, dir, now)...)
}

// checkTeamSources finds what no owner will ever answer to.
func checkTeamSources(c *Config, dir *owners.Directory, now time.Time) (found []Finding) {
	for _, have := range c.Attributes.List {
		for i, s := range have.Sources {
			key := fmt.Sprintf("attribution.%s[%d]", have.Name, i)
			if s.APIKey != "" && !dir.HasKeys() {
				found = append(found, warn(key+".api_key", "no owner has a key", "add keys to `owners`"))
			}
			if have.Name == attribution.Team && s.Default != "" && !dir.Has(s.Default, now) && c.Attributes.OnUnknown != UnknownAccept {
				found = append(found, warn(key+".default", fmt.Sprintf("owners list no team %q", s.Default), "add it, or remove the default"))
			}
		}
	}
	return found
}

// teamsOf counts the teams that are there now or later, and names the others.
func teamsOf(dir *owners.Directory, now time.Time) (n int, ended []string) {
	there := map[string]bool{}
	for e := range dir.Entries() {
		there[e.Team] = there[e.Team] || e.Until.IsZero() || e.Until.After(now)
	}
	for team, is := range there {
		if is {
			n++
		} else {
			ended = append(ended, team)
		}
	}
	slices.Sort(ended)
	return n, ended
}

// some names the first few.
func some(names []string) string {
	const most = 5
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
