package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

// Notifier tells people.
type Notifier interface {
	// Notify tells of n. It gives up when ctx ends. An error that Final made is not
	// tried again, any other is. It may be called for one notice more than once.
	Notify(ctx context.Context, n Notice) error
}

// Receiver is someone who is told.
type Receiver struct {
	Name     string   // required, and its own
	Least    Severity // of what is told; all that is graver is told too
	Pages    bool     // it wakes people: only what has Event.Page is told
	To       string   // whom, separated by commas; LeadOf stands for the team's lead. Empty: the Notifier knows
	Notifier Notifier // required
}

// LeadOf stands for the lead of the team in Receiver.To.
const LeadOf = "{{lead}}"

// Rules say who is told, and when.
type Rules struct {
	Receivers []Receiver
	// Digest is how long alerts gather before a receiver is told of all of them in one
	// message; 0 is none.
	Digest time.Duration
	// GiveUp is how old an alert may be to be told; 0 is DefaultGiveUp.
	GiveUp time.Duration
	// Kinds say how events are told that do not say it themselves. Of a kind that is
	// here without a severity nothing is kept or told.
	Kinds map[Kind]How
	// Lead is the e-mail address of a team's lead at a time, or "". Nil knows none.
	Lead func(team string, at time.Time) string
}

// How is how grave events of a kind are, and whether they may wake people.
type How struct {
	Severity Severity
	Page     bool
}

// complete says how an event is told; false: not at all.
func (r *Rules) complete(e *Event) bool {
	if how, ok := r.Kinds[e.Kind]; ok {
		if how.Severity == 0 {
			return false
		}
		e.Page = e.Page || how.Page
		if e.Severity == 0 {
			e.Severity = how.Severity
		}
	}
	switch {
	case e.Severity != 0:
	case e.Kind == Budget:
		e.Severity = SeverityOf(e.Percent)
	default:
		e.Severity = Warning
	}
	return true
}

// Defaults of Rules, as the configuration has them.
const (
	DefaultDigest = 10 * time.Second
	DefaultGiveUp = 24 * time.Hour
)

// Check reports receivers that cannot be told.
func (r *Rules) Check() error {
	for i, v := range r.Receivers {
		switch {
		case v.Name == "" || v.Notifier == nil:
			return fmt.Errorf("alerts: receiver %d has no name or no notifier", i)
		case v.Least < Info || v.Least > Emergency:
			return fmt.Errorf("alerts: receiver %s has no severity", v.Name)
		case slices.IndexFunc(r.Receivers, func(o Receiver) bool { return o.Name == v.Name }) < i:
			return fmt.Errorf("alerts: two receivers are called %s", v.Name)
		}
	}
	return nil
}

// deliveries are for whom an event is: one for each address.
func (r *Rules) deliveries(e *Event) (all []ledger.Delivery) {
	for _, v := range r.Receivers {
		if e.Severity < v.Least || v.Pages && !e.Page {
			continue
		}
		d := ledger.Delivery{Receiver: v.Name, State: ledger.AlertNew}
		if v.To == "" {
			all = append(all, d)
			continue
		}
		to := addresses(v.To, e.Lead)
		for _, d.To = range to {
			all = append(all, d)
		}
		if len(to) == 0 {
			d.State, d.At, d.Error = ledger.AlertFailed, e.At, "owners know no lead of the team: give it one"
			all = append(all, d)
		}
	}
	return all
}

// addresses puts the lead into to. Without a lead the others remain.
func addresses(to, lead string) (all []string) {
	for one := range strings.SplitSeq(to, ",") {
		one = strings.TrimSpace(strings.ReplaceAll(one, LeadOf, lead))
		if one != "" && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// alert is what the ledger keeps of an event.
func (r *Rules) alert(e *Event) ledger.Alert {
	if e.Lead == "" && e.Team != "" && r.Lead != nil {
		e.Lead = r.Lead(e.Team, e.At)
	}
	a := ledger.Alert{
		Key: e.key(), At: e.At, Kind: string(e.Kind), Severity: e.Severity.String(), Rule: e.Rule, Of: e.Of, Unit: e.Unit,
		Percent: e.Percent, Spent: e.Spent, Limit: e.Limit, Start: e.Start, End: e.End, Team: e.Team, Lead: e.Lead, Text: e.text(),
		Review: e.Kind == Budget && e.Severity >= Critical, Deliveries: r.deliveries(e),
	}
	if e.Kind == Budget {
		a.Family = e.family()
	}
	return a
}

// final is an error of what will not become better by trying again.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks an error of a Notifier that trying again does not help; nil is nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

// IsFinal reports whether Final made err.
func IsFinal(err error) bool {
	var f final
	return errors.As(err, &f)
}
