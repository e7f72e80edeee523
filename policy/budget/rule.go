package budget

import (
	"fmt"
	"hash/fnv"
	"time"
)

// Rule is one budget, rate limit or cap as it was written down.
type Rule struct {
	Name string
	// Match says which calls count: for each key, an attribute of the owner or one
	// of model, provider and operation, patterns of which one must fit. Empty: all.
	Match map[string][]string
	// Per lists attributes, or model, provider and operation, whose values are counted
	// apart. Empty: all calls that match share one account.
	Per []string
	// Include is whether calls count, or charges, or both.
	Include Include
	Unit    Unit
	Limit   int64
	// Except are other limits for single owners: values of Per joined by "/".
	Except map[string]int64
	Window Window
	// Rate makes it a rate limit: Limit is refilled over this time.
	Rate time.Duration
	// Until is when the rule ends; zero: never.
	Until       time.Time
	OnExhausted Action
	To          string    // of Downgrade: the model to ask instead
	Throttled   int64     // of Throttle: calls a minute that pass all the same
	Thresholds  []int     // percents of spent, ascending
	Page        bool      // people may be woken when it is exhausted
	Note        string    // for people: what it is for
	Approve     bool      // more is given by two: who asks, and another who grants
	ReviewBy    time.Time // when somebody is to look at it again; zero: never
	Rollover    *Rollover // what a window leaves to the next; nil: nothing
}

// Action is what happens to a call that an account has too little for.
type Action string

// Refuse answers 429. Allow lets it pass and counts it. Shrink lowers the most
// that may be generated to what is left. Downgrade asks a cheaper model. Throttle
// lets a few pass a minute.
const (
	Refuse    Action = "refuse"
	Allow     Action = "allow"
	Shrink    Action = "shrink"
	Downgrade Action = "downgrade"
	Throttle  Action = "throttle"
)

// Every is how often a window begins anew.
type Every string

// The calendar's windows; Total never ends; Rolling moves with the clock.
const (
	Hour    Every = "hour"
	Day     Every = "day"
	Week    Every = "week"
	Month   Every = "month"
	Quarter Every = "quarter"
	Year    Every = "year"
	Total   Every = "total"
	Rolling Every = "rolling"
)

// Window is when an account begins anew.
type Window struct {
	Every    Every
	Location *time.Location // nil: UTC
	// WeekStart is the first day of a Week.
	WeekStart time.Weekday
	// FirstMonth is the first month of a fiscal Year, and of its quarters; 0: January.
	FirstMonth time.Month
	// Length is that of a Rolling window.
	Length time.Duration
}

// Mark tells rules apart whose accounts count otherwise: what was spent by one says
// nothing of another. Limits, and what is done at them, are no part of it.
func (r *Rule) Mark() string {
	mark := fmt.Sprintf("%s %v %v %v %v", r.Name, r.Unit, r.Per, r.Window, r.Match)
	if r.Include != Calls {
		mark += fmt.Sprintf(" %v", r.Include.Names())
	}
	return mark
}

// AddsUp reports whether r counts what the ledger has too. Calls under way, and what
// is refilled, it does not.
func (r *Rule) AddsUp() bool { return r.Rate == 0 && r.Unit != Concurrency }

// series is that of accounts that count as mark says, which is the n-th time that
// they begin in this process; 0: as all processes have it.
func series(mark string, n uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", mark, n)
	return h.Sum64()
}
