package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Alert is one thing that someone should know, and what became of telling them.
// Kind and Severity are words of policy/alert.
type Alert struct {
	Number int64 `json:"-"` // from 1, in the order in which they were raised; 0: the store gives it
	// Key is what makes two alerts the same: while one is there, another of its key is
	// not kept. Re-arming takes it away.
	Key string `json:"key"`
	// Family is what alerts of several shares of one limit have in common; empty: none.
	// Of a family the one of the highest Percent alone is told.
	Family   string    `json:"family,omitempty"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity"`
	Rule     string    `json:"rule"` // the budget, or the watch that saw it
	Of       string    `json:"of,omitempty"`
	Unit     string    `json:"unit,omitempty"` // of Spent and Limit: usd and contracted_usd are nano-USD
	Percent  int       `json:"percent,omitempty"`
	Spent    int64     `json:"spent,omitempty"`
	Limit    int64     `json:"limit,omitempty"`
	Start    time.Time `json:"start,omitzero"` // of the window; zero: it has none
	End      time.Time `json:"end,omitzero"`   // just after it; zero: it does not end
	Team     string    `json:"team,omitempty"`
	Lead     string    `json:"lead,omitempty"`
	Text     string    `json:"text"` // one sentence for a person

	Review  bool `json:"review,omitempty"` // someone has to acknowledge it
	Muted   bool `json:"muted,omitempty"`  // nobody is told
	Outdone bool `json:"outdone,omitempty"`
	Rearmed bool `json:"rearmed,omitempty"`
	// Elsewhere says that it was raised in another ledger, and is told from there.
	Elsewhere bool `json:"elsewhere,omitempty"`

	Acknowledged   time.Time  `json:"acknowledged,omitzero"` // zero: it is not
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	Note           string     `json:"note,omitempty"` // of who acknowledged it
	Deliveries     []Delivery `json:"deliveries,omitempty"`
}

// Delivery is what became of telling one receiver, or one of those behind it.
type Delivery struct {
	Receiver string    `json:"receiver"`
	To       string    `json:"to,omitempty"` // whom; empty: the receiver knows
	State    string    `json:"state"`        // AlertNew, AlertSent or AlertFailed
	Tries    int       `json:"tries,omitempty"`
	At       time.Time `json:"at,omitzero"`     // of the last try; zero: there was none
	Error    string    `json:"error,omitempty"` // of the last try
}

// States of an alert. Those of a Delivery are the first three.
const (
	AlertNew          = "new"          // not everyone is told yet
	AlertSent         = "sent"         // everyone is told
	AlertFailed       = "failed"       // someone could not be told
	AlertKept         = "kept"         // nobody was to be told
	AlertOutdone      = "outdone"      // a higher share of the limit is told in its place
	AlertMuted        = "muted"        // nobody was told, as someone had asked
	AlertAcknowledged = "acknowledged" // someone has said that they know
)

// AlertStates are all of them.
var AlertStates = []string{AlertNew, AlertSent, AlertFailed, AlertKept, AlertOutdone, AlertMuted, AlertAcknowledged}

// ErrNoAlert is the answer to a number that no alert has.
var ErrNoAlert = errors.New("there is no such alert")

// State is one of AlertStates: the last of them that holds.
func (a *Alert) State() string {
	states := func(s string) bool {
		return slices.ContainsFunc(a.Deliveries, func(d Delivery) bool { return d.State == s })
	}
	switch {
	case !a.Acknowledged.IsZero():
		return AlertAcknowledged
	case a.Muted:
		return AlertMuted
	case a.Outdone:
		return AlertOutdone
	case len(a.Deliveries) == 0:
		return AlertKept
	case states(AlertNew):
		return AlertNew
	case states(AlertFailed):
		return AlertFailed
	}
	return AlertSent
}

// Open reports whether someone is still to be told, from here.
func (a *Alert) Open() bool {
	return !a.Elsewhere && slices.ContainsFunc(a.Deliveries, func(d Delivery) bool { return d.State == AlertNew })
}

// Unreviewed reports whether someone has still to acknowledge it.
func (a *Alert) Unreviewed() bool { return a.Review && a.Acknowledged.IsZero() }

// Silence takes back what was not told yet.
func (a *Alert) Silence() {
	a.Deliveries = slices.DeleteFunc(slices.Clone(a.Deliveries), func(d Delivery) bool { return d.State == AlertNew })
}

// Place decides whether a new alert is told, as mutes and its family have it. It
// returns those of the family that changed.
func (a *Alert) Place(family []Alert, mutes []Mute) (changed []Alert) {
	a.Muted = slices.ContainsFunc(mutes, func(m Mute) bool { return m.Fits(a) })
	a.Outdone = slices.ContainsFunc(family, func(o Alert) bool { return o.Percent > a.Percent })
	if a.Muted || a.Outdone {
		a.Deliveries = nil
	}
	for _, o := range family {
		if o.Percent < a.Percent && o.Open() {
			o.Silence()
			o.Outdone = len(o.Deliveries) == 0
			changed = append(changed, o)
		}
	}
	return changed
}

// Acknowledge notes who knows, unless someone did before.
func (a *Alert) Acknowledge(c *Change) {
	a.Silence()
	if a.Acknowledged.IsZero() {
		a.Acknowledged, a.AcknowledgedBy, a.Note = c.At, c.Actor, c.Reason
	}
}

// Subject is what the audit calls a.
func (a *Alert) Subject() string { return fmt.Sprintf("alert %d of %s", a.Number, a.Rule) }

// Kept is a as ledgers keep it: its times to the microsecond, in UTC.
func (a Alert) Kept() Alert {
	a.Deliveries = slices.Clone(a.Deliveries)
	for _, t := range []*time.Time{&a.At, &a.Start, &a.End, &a.Acknowledged} {
		*t = kept(*t)
	}
	for i := range a.Deliveries {
		a.Deliveries[i].At = kept(a.Deliveries[i].At)
	}
	return a
}

func kept(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Tell notes how a try to tell d.To of d.Receiver went, unless that had ended.
func (a *Alert) Tell(d Delivery) {
	a.Deliveries = slices.Clone(a.Deliveries)
	for i := range a.Deliveries {
		if have := &a.Deliveries[i]; have.Receiver == d.Receiver && have.To == d.To && have.State == AlertNew {
			have.State, have.Tries, have.At, have.Error = d.State, have.Tries+1, d.At, d.Error
		}
	}
}

// Mute keeps alerts from being told. Empty is any.
type Mute struct {
	Rule  string
	Of    string
	Team  string
	At    time.Time // since when
	Until time.Time // just before which it ends
	By    string
	Why   string
}

func (m *Mute) String() string {
	s := "alerts of " + m.Rule
	if m.Of != "" {
		s += " for " + m.Of
	}
	if m.Team != "" {
		s += " of team " + m.Team
	}
	return s
}

// Said is what m says, as the audit keeps it.
func (m *Mute) Said() json.RawMessage {
	said, err := json.Marshal(struct {
		Until time.Time `json:"until"`
		By    string    `json:"by"`
		Why   string    `json:"reason"`
	}{kept(m.Until), m.By, m.Why})
	if err != nil {
		panic(err) // two texts and a time can be written
	}
	return said
}

// Check reports why m mutes nothing.
func (m *Mute) Check() error {
	if m.Rule == "" {
		return errors.New("mute alerts: name the budget or the watch")
	}
	return nil
}

// Fits reports whether m keeps a from being told.
func (m *Mute) Fits(a *Alert) bool {
	return !m.Lifted() && m.Rule == a.Rule && (m.Of == "" || m.Of == a.Of) && (m.Team == "" || m.Team == a.Team) && a.At.Before(m.Until)
}

// AlertSearch asks for alerts, newest first. What is empty is not asked for.
type AlertSearch struct {
	From, To                              time.Time // raised in [From, To)
	State, Severity, Kind, Rule, Of, Team string
	Review                                bool  // only those that someone has still to acknowledge
	Below                                 int64 // the number of the last of the page before; 0: from the newest on
	Limit                                 int   // alerts at most, 1 to MaxPage
}

// Check reports why s cannot be asked. Stores call it first.
func (s *AlertSearch) Check() error {
	if s.Limit < 1 || s.Limit > MaxPage {
		return fmt.Errorf("search alerts: a limit of %d, want 1 to %d", s.Limit, MaxPage)
	}
	return nil
}

// Alerts keep what someone should know. All of it may run beside Write and itself,
// and is whole or not at all.
type Alerts interface {
	// Raise keeps a, and returns it with its number. When one of its Key is there it
	// returns that, and fresh is false. One that a Mute fits, or whose family has one of
	// a higher Percent, is kept and not told; of lower ones what was not told yet is
	// taken back.
	Raise(ctx context.Context, a Alert) (kept Alert, fresh bool, err error)
	// Tell notes of each alert how a try to tell d.To of d.Receiver went.
	Tell(ctx context.Context, numbers []int64, d Delivery) error
	// Untold returns alerts that a receiver, or where it is "" anyone, is still to be
	// told of, oldest first, at most limit.
	Untold(ctx context.Context, receiver string, limit int) ([]Alert, error)
	// Alert returns one; ErrNoAlert.
	Alert(ctx context.Context, number int64) (Alert, error)
	// Alerts returns those that s asks for, newest first.
	Alerts(ctx context.Context, s AlertSearch) ([]Alert, error)
	// Acknowledge notes that c.Actor knows at c.At, and takes back what was not told
	// yet. The first word stays. c goes to the audit. ErrNoAlert.
	Acknowledge(ctx context.Context, number int64, c Change) (Alert, error)
	// Rearm takes their keys from all alerts of a rule, and where they are not empty of
	// of and team, so that the same is told again when it comes again. c goes to the
	// audit. It returns how many there were.
	Rearm(ctx context.Context, m Mute, c Change) (int, error)
	// Mute keeps m in place of one of the same rule, of and team; one that ends before
	// it began mutes nothing. c goes to the audit.
	Mute(ctx context.Context, m Mute, c Change) error
	// Mutes returns those that mute, and end after at, the next to end first.
	Mutes(ctx context.Context, at time.Time) ([]Mute, error)
}
