// Package schedule says when calls may be made: those that can wait, off-peak.
//
// In come rules, what a call is and a moment; out goes whether it may be made then,
// by which rule not, and when it next may. It refuses to know prices, budgets and
// how a call is turned away. A Schedule never changes and is safe for concurrent
// use.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/names"
)

// Rule confines the calls that match to windows.
type Rule struct {
	Name     string
	Match    map[string][]string // see names.NewWhich; empty: all calls
	Allow    []Window            // at least one
	Location *time.Location      // whose clocks; nil: UTC
}

// Bounds of a Schedule.
const (
	MaxRules   = 256
	MaxWindows = 32 // of a rule
)

// Schedule is a list of rules. A call may be made when all that match allow it.
type Schedule struct{ rules []rule }

type rule struct {
	name  string
	which names.Which
	allow []Window
	loc   *time.Location
}

// New compiles rules, or says which of them is wrong.
func New(rules []Rule) (*Schedule, error) {
	s := &Schedule{}
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("schedule: %d rules, at most %d are possible", len(rules), MaxRules)
	}
	for i := range rules {
		r := rule{name: rules[i].Name, allow: rules[i].Allow, loc: rules[i].Location}
		if r.loc == nil {
			r.loc = time.UTC
		}
		var err error
		if r.which, err = names.NewWhich(rules[i].Match); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if len(r.allow) == 0 || len(r.allow) > MaxWindows {
			return nil, fmt.Errorf("%s: %w", r.name, errors.New("allow has no window, or too many"))
		}
		for _, w := range r.allow {
			if err := w.check(); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
		s.rules = append(s.rules, r)
	}
	return s, nil
}

// Closed says that a call may not be made now.
type Closed struct {
	Rule    string    // the first that does not allow it
	Windows string    // what that rule allows, for a person
	Next    time.Time // when all rules allow it, by the clocks of Rule; zero: not within two weeks
}

// Look returns nil when the call that of describes may be made at now.
func (s *Schedule) Look(of names.Of, now time.Time) *Closed {
	var room [8]*rule
	mine, shut := room[:0], (*rule)(nil)
	for i := range s.rules {
		r := &s.rules[i]
		if !r.which.Fits(of) {
			continue
		}
		mine = append(mine, r)
		if shut == nil && !r.open(now) {
			shut = r
		}
	}
	if shut == nil {
		return nil
	}
	c := &Closed{Rule: shut.name, Windows: shut.windows()}
	if next := nextOpen(mine, now); !next.IsZero() {
		c.Next = next.In(shut.loc)
	}
	return c
}

// open reports whether a window of the rule has the moment.
func (r *rule) open(at time.Time) bool {
	local := at.In(r.loc)
	for i := range r.allow {
		if r.allow[i].holds(local) {
			return true
		}
	}
	return false
}

func (r *rule) windows() string {
	texts := make([]string, len(r.allow))
	for i, w := range r.allow {
		texts[i] = w.String()
	}
	return strings.Join(texts, ", ") + " (" + r.loc.String() + ")"
}

// horizon is how far ahead is looked: all windows come again each week, but where
// clocks change.
const horizon = 15 // days

// nextOpen is the first moment after now that all rules allow, or zero. Where one
// begins to allow, a window of it begins, or its clocks change: no other moments
// need be looked at.
func nextOpen(rules []*rule, now time.Time) (next time.Time) {
	for _, r := range rules {
		r.beginnings(now, func(at time.Time) {
			if !at.After(now) || !next.IsZero() && !at.Before(next) {
				return
			}
			for _, other := range rules {
				if !other.open(at) {
					return
				}
			}
			next = at
		})
	}
	return next
}

// beginnings calls f with every moment in the horizon at which the rule may begin
// to allow, and perhaps others.
func (r *rule) beginnings(now time.Time, f func(time.Time)) {
	local := now.In(r.loc)
	for d := range horizon {
		date := time.Date(local.Year(), local.Month(), local.Day()+d, 0, 0, 0, 0, time.UTC)
		// The zone's offsets around that date: it is read off each clock.
		for _, near := range [...]time.Time{date.AddDate(0, 0, -1), date.AddDate(0, 0, 2)} {
			_, offset := near.In(r.loc).Zone()
			for _, w := range r.allow {
				f(date.Add(time.Duration(w.From)*time.Minute - time.Duration(offset)*time.Second))
			}
			if _, change := near.In(r.loc).ZoneBounds(); !change.IsZero() {
				f(change)
			}
		}
	}
}
