package api

import (
	"context"
	"fmt"
	"time"
)

// AlertsQuery asks for alerts raised in [From, To). Its times are those of a Query;
// what is empty is not asked for. A zero Limit is 100.
type AlertsQuery struct {
	From, To                              time.Time
	Team, Rule, Of, Kind, Severity, State string
	Review                                bool // only what someone has still to acknowledge
	Limit                                 int
	Cursor                                string // AlertsAnswer.Next of the page before, to the same question
}

// Alerts lists alerts, newest first.
func (c *Client) Alerts(ctx context.Context, q AlertsQuery) (*AlertsAnswer, error) {
	values := times(q.From, q.To)
	for key, value := range map[string]string{"team": q.Team, "rule": q.Rule, "of": q.Of, "kind": q.Kind, "severity": q.Severity, "state": q.State, "cursor": q.Cursor} {
		set(values, key, value)
	}
	if q.Review {
		set(values, "review", "true")
	}
	set(values, "limit", number(q.Limit))
	return ask[AlertsAnswer](ctx, c, alertsPath, values)
}

// Acknowledge says that someone knows of an alert.
func (c *Client) Acknowledge(ctx context.Context, number int64, reason string) (*Alert, error) {
	return post[Alert](ctx, c, fmt.Sprintf("%s/%d/acknowledge", alertsPath, number), Acknowledgement{Reason: reason})
}

// Mutes lists what is muted.
func (c *Client) Mutes(ctx context.Context) (*MutesAnswer, error) {
	return ask[MutesAnswer](ctx, c, mutesPath, nil)
}

// Mute mutes alerts for a time.
func (c *Client) Mute(ctx context.Context, m Mute) (*MuteAnswer, error) {
	return post[MuteAnswer](ctx, c, mutesPath, m)
}

// Rearm has alerts told anew when they come again.
func (c *Client) Rearm(ctx context.Context, r Rearm) (*RearmAnswer, error) {
	return post[RearmAnswer](ctx, c, rearmPath, r)
}
