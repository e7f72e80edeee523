package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
)

// Actions of the audit on alerts.
const (
	AlertAcknowledge = ledger.ActAcknowledge
	AlertMute        = ledger.ActMute
	AlertRearm       = ledger.ActRearm
)

// Alert is one alert, and what became of telling it.
type Alert struct {
	alert.View
	Deliveries []Delivery `json:"deliveries" doc:"Whom it is told, and what became of that."`
}

// Delivery is what became of telling one receiver.
type Delivery struct {
	Receiver string     `json:"receiver" doc:"Of receivers in the configuration."`
	To       string     `json:"to,omitempty" doc:"The address, where the receiver has several."`
	State    string     `json:"state" doc:"new, sent or failed."`
	Tries    int        `json:"tries"`
	At       *time.Time `json:"at,omitempty" doc:"Of the last try."`
	Error    string     `json:"error,omitempty" doc:"Of the last try."`
}

// AlertsAnswer is a page of alerts, newest first.
type AlertsAnswer struct {
	Alerts []Alert `json:"alerts"`
	Next   string  `json:"next,omitempty" doc:"The cursor of the next page; absent: this is the last."`
}

// alertsQuestion is GET /api/v1/alerts.
type alertsQuestion struct {
	Period
	Team     string `query:"team" maxLength:"256" doc:"Only alerts of this team."`
	Rule     string `query:"rule" maxLength:"128" doc:"Only of this budget or watch."`
	Of       string `query:"of" maxLength:"1024" doc:"Only of this, as the budget counts apart."`
	Kind     string `query:"kind" enum:"budget,spend_spike,runaway,unpriced,unattributed,store_degraded,fail_open,hold_exceeded" doc:"Only of this kind."`
	Severity string `query:"severity" enum:"info,warning,critical,emergency" doc:"Only as grave as this."`
	State    string `query:"state" enum:"new,sent,failed,kept,outdone,muted,acknowledged" doc:"Only in this state."`
	Review   string `query:"review" enum:"true" doc:"true: only those that someone has still to acknowledge."`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" doc:"Alerts of one page. Default: 100."`
	Cursor   string `query:"cursor" maxLength:"1024" doc:"The next of the page before, added to the same question."`
}

func (s *server) alerts(ctx context.Context, who Who, q *alertsQuestion) (*AlertsAnswer, error) {
	from, to, _, refused := q.read(s.now())
	if refused != nil {
		return nil, refused
	}
	team, err := who.scope(q.Team)
	if err != nil {
		return nil, err
	}
	search := ledger.AlertSearch{
		From: from, To: to, Team: team, Rule: q.Rule, Of: q.Of, Kind: q.Kind, Severity: q.Severity, State: q.State, Review: q.Review != "", Limit: limitOr(q.Limit) + 1,
	}
	question := digest("alerts", q.From, q.To, q.Zone, q.Team, q.Rule, q.Of, q.Kind, q.Severity, q.State, q.Review)
	if q.Cursor != "" {
		c, refused := readCursor[int64](q.Cursor, question)
		if refused != nil {
			return nil, refused
		}
		search.From, search.To, search.Below = c.From, c.To, c.After
	}
	all, err := s.ledger.Alerts(ctx, search)
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	a := &AlertsAnswer{Alerts: []Alert{}}
	if len(all) == search.Limit {
		all = all[:search.Limit-1]
		c := cursor[int64]{question, search.From, search.To, all[len(all)-1].Number}
		a.Next = c.String()
	}
	for i := range all {
		a.Alerts = append(a.Alerts, alertAnswer(&all[i]))
	}
	return a, nil
}

func alertAnswer(a *ledger.Alert) Alert {
	v := Alert{View: alert.ViewOf(a), Deliveries: []Delivery{}}
	for _, d := range a.Deliveries {
		shown := Delivery{Receiver: d.Receiver, To: d.To, State: d.State, Tries: d.Tries, Error: d.Error}
		if !d.At.IsZero() {
			shown.At = &d.At
		}
		v.Deliveries = append(v.Deliveries, shown)
	}
	return v
}

// Acknowledgement says that someone knows.
type Acknowledgement struct {
	_      struct{} `additionalProperties:"false"`
	Reason string   `json:"reason,omitempty" maxLength:"1024" doc:"What is done about it, for a person."`
}

// acknowledgePost is POST /api/v1/alerts/{number}/acknowledge.
type acknowledgePost struct {
	Number string `path:"number" doc:"Of the alert."`
	Body   Acknowledgement
}

func (s *server) acknowledge(ctx context.Context, who Who, q *acknowledgePost) (*Alert, error) {
	missing := &Error{Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("no alert has the number %.32q", q.Number)}
	number, err := strconv.ParseInt(q.Number, 10, 64)
	if err != nil {
		return nil, missing
	}
	a, err := s.ledger.Alert(ctx, number)
	if errors.Is(err, ledger.ErrNoAlert) || err == nil && !who.sees(a.Team) {
		return nil, missing
	}
	if err == nil {
		a, err = s.ledger.Acknowledge(ctx, number, s.change(who, AlertAcknowledge, q.Body.Reason))
	}
	if err != nil {
		return nil, fmt.Errorf("acknowledge alert: %w", err)
	}
	v := alertAnswer(&a)
	return &v, nil
}

func (s *server) change(who Who, action, reason string) ledger.Change {
	return ledger.Change{At: s.now(), Actor: who.Name, Role: who.Role.String(), Action: action, Reason: reason}
}

// Mute keeps alerts from being told for a time.
type Mute struct {
	_      struct{}  `additionalProperties:"false"`
	Rule   string    `json:"rule" minLength:"1" maxLength:"128" doc:"The budget or the watch."`
	Of     string    `json:"of,omitempty" maxLength:"1024" doc:"Only of this, as the budget counts apart."`
	Team   string    `json:"team,omitempty" maxLength:"256" doc:"Only of this team. Not needed by who has one team."`
	Until  time.Time `json:"until" doc:"Just before which it ends. A time that has passed ends one that is there."`
	Reason string    `json:"reason,omitempty" maxLength:"1024" doc:"Why, for a person."`
}

// MuteAnswer is a mute that holds.
type MuteAnswer struct {
	Mute
	By string    `json:"by" doc:"Who said it."`
	At time.Time `json:"at"`
}

// MutesAnswer are the mutes that hold, the next to end first.
type MutesAnswer struct {
	Mutes []MuteAnswer `json:"mutes"`
}

// MaxMute bounds how long alerts are muted: what is not to be told at all is set
// up so.
const MaxMute = 366 * 24 * time.Hour

func (s *server) mutes(ctx context.Context, who Who, _ *struct{}) (*MutesAnswer, error) {
	all, err := s.ledger.Mutes(ctx, s.now())
	if err != nil {
		return nil, fmt.Errorf("list mutes: %w", err)
	}
	a := &MutesAnswer{Mutes: []MuteAnswer{}}
	for i := range all {
		if m := &all[i]; m.Team == "" || who.sees(m.Team) {
			a.Mutes = append(a.Mutes, muteAnswer(m))
		}
	}
	return a, nil
}

func muteAnswer(m *ledger.Mute) MuteAnswer {
	return MuteAnswer{Mute: Mute{Rule: m.Rule, Of: m.Of, Team: m.Team, Until: m.Until.UTC(), Reason: m.Why}, By: m.By, At: m.At.UTC()}
}

// mutePost is POST /api/v1/alerts/mutes.
type mutePost struct{ Body Mute }

func (s *server) mute(ctx context.Context, who Who, q *mutePost) (*MuteAnswer, error) {
	team, err := who.scope(q.Body.Team)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if q.Body.Until.Sub(now) > MaxMute {
		return nil, &Error{Status: http.StatusUnprocessableEntity, Code: InvalidBody, Message: "until is more than a year away"}
	}
	m := ledger.Mute{Rule: q.Body.Rule, Of: q.Body.Of, Team: team, At: now, Until: q.Body.Until, By: who.Name, Why: q.Body.Reason}
	if err := s.ledger.Mute(ctx, m, s.change(who, AlertMute, m.Why)); err != nil {
		return nil, fmt.Errorf("mute alerts: %w", err)
	}
	a := muteAnswer(&m)
	return &a, nil
}

// Rearm asks for alerts to be told anew when they come again.
type Rearm struct {
	_      struct{} `additionalProperties:"false"`
	Rule   string   `json:"rule" minLength:"1" maxLength:"128" doc:"The budget or the watch."`
	Of     string   `json:"of,omitempty" maxLength:"1024" doc:"Only of this, as the budget counts apart."`
	Team   string   `json:"team,omitempty" maxLength:"256" doc:"Only of this team. Not needed by who has one team."`
	Reason string   `json:"reason,omitempty" maxLength:"1024" doc:"Why, for a person."`
}

// RearmAnswer is how many there were.
type RearmAnswer struct {
	Rearmed int `json:"rearmed"`
}

// rearmPost is POST /api/v1/alerts/rearm.
type rearmPost struct{ Body Rearm }

func (s *server) rearm(ctx context.Context, who Who, q *rearmPost) (*RearmAnswer, error) {
	team, err := who.scope(q.Body.Team)
	if err != nil {
		return nil, err
	}
	n, err := s.ledger.Rearm(ctx, ledger.Mute{Rule: q.Body.Rule, Of: q.Body.Of, Team: team}, s.change(who, AlertRearm, q.Body.Reason))
	if err != nil {
		return nil, fmt.Errorf("re-arm alerts: %w", err)
	}
	if s.rearmed != nil {
		s.rearmed()
	}
	return &RearmAnswer{n}, nil
}

// ofBodies may be the answer to what is sent.
var ofBodies = []int{http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

func (s *server) registerAlerts() {
	register(s, operation{
		method: http.MethodGet, path: alertsPath, id: "alerts", summary: "What people should know",
		text: "Alerts, newest first: budgets of which a share is spent, and what the watches saw.", least: Viewer,
	}, s.alerts)
	register(s, operation{
		method: http.MethodPost, path: alertsPath + "/{number}/acknowledge", id: "acknowledge-alert", summary: "Say that someone knows",
		text:  "Acknowledges an alert: who has not been told yet is not told any more, and it needs no review. The first word stays. It is audited.",
		least: Owner, errors: append([]int{http.StatusNotFound}, ofBodies...),
	}, s.acknowledge)
	register(s, operation{
		method: http.MethodGet, path: mutesPath, id: "mutes", summary: "What is muted",
		text: "The mutes that hold, the next to end first.", least: Viewer,
	}, s.mutes)
	register(s, operation{
		method: http.MethodPost, path: mutesPath, id: "mute-alerts", summary: "Mute alerts for a time",
		text:  "Keeps alerts of a budget or a watch from being told until a time, in place of a mute of the same. They are kept all the same, and are not told afterwards. It is audited.",
		least: Owner, errors: ofBodies,
	}, s.mute)
	register(s, operation{
		method: http.MethodPost, path: rearmPath, id: "rearm-alerts", summary: "Have alerts told anew",
		text:  "Has the alerts of a budget or a watch told anew when they come again. A budget whose limit was raised needs none: its shares are others then. It is audited.",
		least: Owner, errors: ofBodies,
	}, s.rearm)
}
