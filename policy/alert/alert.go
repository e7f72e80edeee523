// Package alert tells people what they should know about what calls cost.
//
// In come events: a budget that is nearly spent, a team that suddenly spends more,
// a store that does not answer. Out go alerts, which are in the ledger before
// anyone is told, and notices to receivers, which tell them. It refuses to know how
// spend is counted, what an event was seen by, and how a notice travels.
//
// An event becomes one alert however often it comes, and on however many replicas:
// alerts have a key, and the ledger takes each once. Who could not be told is told
// later, after a restart too; a receiver may therefore be told twice of one alert,
// which has an id that stays. A Desk is safe for concurrent use.
package alert

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Kind is what an event is about.
type Kind string

// The kinds. What each is seen by is its caller's business.
const (
	Budget        Kind = "budget"         // a share of a limit is spent, or a call was refused for it
	SpendSpike    Kind = "spend_spike"    // a team spends much more than the hour before
	Runaway       Kind = "runaway"        // an agent calls without end
	Unpriced      Kind = "unpriced"       // calls have no price, so that their cost is not known
	Unattributed  Kind = "unattributed"   // too much of what is spent is nobody's
	StoreDegraded Kind = "store_degraded" // a store does not answer, or too slowly
	FailOpen      Kind = "fail_open"      // calls pass without a decision
	HoldExceeded  Kind = "hold_exceeded"  // a call took more than was held for it
)

// Kinds are all of them.
var Kinds = []Kind{Budget, SpendSpike, Runaway, Unpriced, Unattributed, StoreDegraded, FailOpen, HoldExceeded}

// Severity is how grave an event is. The zero Severity is not told: see Event.
type Severity uint8

// The severities, each graver than the one before.
const (
	Info      Severity = iota + 1 // is counted and kept
	Warning                       // someone should know
	Critical                      // someone has to look
	Emergency                     // someone has to act
)

var severityNames = []string{"", "info", "warning", "critical", "emergency"}

func (s Severity) String() string { return severityNames[s] }

// Severities are the names of all of them, the least first.
func Severities() []string { return slices.Clone(severityNames[Info:]) }

// ParseSeverity is the inverse of String.
func ParseSeverity(name string) (Severity, error) {
	i := slices.Index(severityNames, name)
	if i < int(Info) {
		return 0, fmt.Errorf("read severity: %q is none of %q", name, severityNames[Info:])
	}
	return Severity(i), nil
}

// SeverityOf is the ladder of budgets: how grave it is that so many percent of a
// limit are spent.
func SeverityOf(percent int) Severity {
	switch {
	case percent >= 100:
		return Emergency
	case percent >= 90:
		return Critical
	case percent >= 75:
		return Warning
	}
	return Info
}

// Event is something that someone should know. Two are the same alert when they
// agree in Kind, Rule, Of, Unit, Start, Percent and Limit, so that a limit that was
// raised is told of anew; without a Start, a Budget's are the same within a day and
// others within an hour (UTC).
type Event struct {
	Kind     Kind
	Severity Severity // zero: as Rules.Kinds say; else of a Budget by SeverityOf, of others Warning
	Rule     string   // the budget or the watch; empty: the name of Kind
	Of       string   // whose it is, as Rule counts apart; empty: there is one
	Percent  int      // of Limit that is spent; several at once: the highest alone is told
	Spent    int64    // in Unit
	Limit    int64    // in Unit
	Unit     string   // usd and contracted_usd are nano-USD
	Start    time.Time
	End      time.Time // of the window, half open; zero: it has none
	Team     string
	Lead     string    // e-mail address of the team's; empty: as the directory says
	At       time.Time // zero: now
	Page     bool      // it may wake people: receivers that page are told
	// Message is what else to say, one sentence; no prompt, answer or key. A Budget has
	// one of its own, which Message follows.
	Message string
}

// begin fills in when an event was and what it is of.
func (e *Event) begin(now time.Time) {
	if e.At.IsZero() {
		e.At = now
	}
	if e.Rule == "" {
		e.Rule = string(e.Kind)
	}
}

// since is the beginning of the time in which two events are the same.
func (e *Event) since() time.Time {
	switch {
	case !e.Start.IsZero():
		return e.Start
	case e.Kind == Budget:
		return e.At.UTC().Truncate(24 * time.Hour)
	}
	return e.At.UTC().Truncate(time.Hour)
}

// family is what events of several percents of one limit have in common.
func (e *Event) family() string {
	return fmt.Sprintf("%s %q %q %s %d %d", e.Kind, e.Rule, e.Of, e.Unit, e.since().Unix(), e.Limit)
}

// key is what makes two events the same.
func (e *Event) key() string { return e.family() + " " + strconv.Itoa(e.Percent) }
