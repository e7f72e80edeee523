package notify

import (
	"context"
	"errors"
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
)

// PagerDutyURL is where events go unless told; accounts in the EU have another.
const PagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

// PagerDuty triggers an incident for each alert.
// https://developer.pagerduty.com/docs/send-alert-event
type PagerDuty struct {
	url    string
	key    Secret
	source string
	poster
}

// NewPagerDuty makes a notifier of the integration whose key is in a file. source
// names this farebox; an empty address is PagerDutyURL.
func NewPagerDuty(address string, key Secret, source string, h HTTP) *PagerDuty {
	if address == "" {
		address = PagerDutyURL
	}
	return &PagerDuty{address, key, source, newPoster(h)}
}

// event is one of the Events API v2.
type event struct {
	Key    string  `json:"routing_key"`
	Action string  `json:"event_action"`
	Dedup  string  `json:"dedup_key"` // PagerDuty makes one incident of all that have it
	Event  payload `json:"payload"`
}

type payload struct {
	Summary   string     `json:"summary"`
	Source    string     `json:"source"`
	Severity  string     `json:"severity"`
	Timestamp time.Time  `json:"timestamp"`
	Component string     `json:"component,omitempty"`
	Group     string     `json:"group,omitempty"`
	Class     string     `json:"class"`
	Details   alert.View `json:"custom_details"`
}

// maxSummary is PagerDuty's bound, in characters; bytes are no fewer.
const maxSummary = 1024

// pagerSeverities are PagerDuty's names for ours.
var pagerSeverities = map[string]string{"info": "info", "warning": "warning", "critical": "error", "emergency": "critical"}

// Notify implements alert.Notifier. What was triggered before an error is
// triggered again, which changes nothing there.
func (p *PagerDuty) Notify(ctx context.Context, n alert.Notice) error {
	key, err := p.key.read()
	if err != nil {
		return err
	}
	var all []error
	final := true
	for i := range n.Alerts {
		if err := p.trigger(ctx, key, &n.Alerts[i]); err != nil {
			all = append(all, err)
			final = final && alert.IsFinal(err)
		}
	}
	switch err := errors.Join(all...); {
	case err != nil && final:
		return alert.Final(err)
	case err != nil:
		return errors.New(err.Error()) // one of them is worth trying again
	}
	return nil
}

func (p *PagerDuty) trigger(ctx context.Context, key string, a *ledger.Alert) error {
	body, err := encode(event{Key: key, Action: "trigger", Dedup: alert.ID(a), Event: payload{
		Summary: a.Text[:min(len(a.Text), maxSummary)], Source: p.source, Severity: pagerSeverities[a.Severity], Timestamp: a.At,
		Component: a.Rule, Group: a.Team, Class: a.Kind, Details: alert.ViewOf(a),
	}})
	if err != nil {
		return err
	}
	return p.post(ctx, p.url, body, nil)
}
