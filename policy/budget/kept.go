package budget

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Noter is a Shared that notes rules beside their marks, so that a process which takes
// one out of use, or starts without it, can go on counting by it: its accounts are then
// whole for others that have it, and when it is put back.
type Noter interface {
	Shared
	// Noted tells what was noted of marks of this process that the store has.
	Noted(ctx context.Context) (map[string]string, error)
	// Note notes texts, by mark.
	Note(ctx context.Context, texts map[string]string) error
	// Forget takes marks of this process away, so that they are Missing.
	Forget(ctx context.Context, marks []string) error
}

// note is how a rule is written down: what it counts, and nothing of what is done then.
type note struct {
	Name    string              `json:"name"`
	Match   map[string][]string `json:"match,omitempty"`
	Per     []string            `json:"per,omitempty"`
	Include Include             `json:"include,omitempty"`
	Unit    Unit                `json:"unit,omitempty"`
	Limit   int64               `json:"limit"`

	Every      Every         `json:"every"`
	Zone       string        `json:"zone,omitempty"`
	WeekStart  time.Weekday  `json:"week_start,omitempty"`
	FirstMonth time.Month    `json:"first_month,omitempty"`
	Length     time.Duration `json:"length,omitempty"`

	Until time.Time `json:"until,omitzero"`
}

// Written is r as it is noted, with the moment until which it counts; zero: there is none.
func (r *Rule) Written(until time.Time) (string, error) {
	n := note{
		Name: r.Name, Match: r.Match, Per: r.Per, Include: r.Include, Unit: r.Unit, Limit: r.Limit,
		Every: r.Window.Every, WeekStart: r.Window.WeekStart, FirstMonth: r.Window.FirstMonth, Length: r.Window.Length, Until: until,
	}
	if r.Window.Location != nil {
		n.Zone = r.Window.Location.String()
	}
	text, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("note budget %q: %w", r.Name, err)
	}
	return string(text), nil
}

// ReadNote is the rule of that mark that Written wrote, which refuses nothing and tells
// nobody. Its Until is the moment.
func ReadNote(mark, text string) (r Rule, err error) {
	var n note
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return r, fmt.Errorf("read note of budget: %w", err)
	}
	r = Rule{Name: n.Name, Match: n.Match, Per: n.Per, Include: n.Include, Unit: n.Unit, Limit: n.Limit, Until: n.Until, OnExhausted: Allow}
	r.Window = Window{Every: n.Every, WeekStart: n.WeekStart, FirstMonth: n.FirstMonth, Length: n.Length}
	if n.Zone != "" {
		if r.Window.Location, err = time.LoadLocation(n.Zone); err != nil {
			return r, fmt.Errorf("read note of budget %q: %w", n.Name, err)
		}
	}
	if r.Mark() != mark {
		return r, fmt.Errorf("read note of budget %q: it is of another", n.Name)
	}
	return r, nil
}

// Keep has calls and charges count by rules too that are out of use: softly, in accounts
// that are Kept. None has the mark of one in use.
func (r *Rules) Keep(all []Rule) {
	kept := make([]*compiled, len(all))
	for i := range all {
		kept[i] = all[i].compile()
	}
	r.kept.Store(&kept)
}

// Keeps reports whether Keep was called.
func (r *Rules) Keeps() bool { return r != nil && r.kept.Load() != nil }

// Kept are the rules of Keep. They must not be changed.
func (r *Rules) Kept() (rules []*Rule) {
	for _, c := range r.outOfUse() {
		rules = append(rules, &c.rule)
	}
	return rules
}

// Uses reports whether a rule of that mark is in use.
func (r *Rules) Uses(mark string) bool {
	if r == nil {
		return false
	}
	for _, c := range r.all {
		if c.mark == mark {
			return true
		}
	}
	return false
}

// Counts reports whether calls that come at now count by a rule of that mark, in use or
// kept.
func (r *Rules) Counts(mark string, now time.Time) bool {
	for _, c := range r.outOfUse() {
		if c.mark == mark && !c.rule.Over(now) {
			return true
		}
	}
	return r.Uses(mark)
}

func (r *Rules) outOfUse() []*compiled {
	if r == nil {
		return nil
	}
	if kept := r.kept.Load(); kept != nil {
		return *kept
	}
	return nil
}

// keptAccounts appends those of rules that are out of use and include what counts.
func (r *Rules) keptAccounts(accounts []Account, includes func(Include) bool, of func(string) string, now time.Time) []Account {
	for _, c := range r.outOfUse() {
		if includes(c.rule.Include) && c.fits(of, now) {
			accounts = append(accounts, c.keptAccount(of, now))
		}
	}
	return accounts
}

func (c *compiled) keptAccount(of func(string) string, now time.Time) (a Account) {
	c.account(&a, of, now)
	a.Kept = true
	return a
}

// AccountBy is Account of one of Rules or Kept.
func (r *Rules) AccountBy(rule *Rule, of func(key string) string, now time.Time) (a Account, fits bool) {
	for _, c := range r.outOfUse() {
		if &c.rule == rule {
			return c.keptAccount(of, now), c.fits(of, now)
		}
	}
	return r.Account(rule.Name, of, now)
}
