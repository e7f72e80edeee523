package alert

import (
	"strconv"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// View is an alert as programs see it: webhooks, and those who ask the API.
type View struct {
	Number   int64      `json:"number" doc:"Grows from alert to alert."`
	ID       string     `json:"id" doc:"The same wherever this alert is told, so that one that comes twice is known."`
	At       time.Time  `json:"at"`
	Kind     string     `json:"kind" doc:"budget, spend_spike, runaway, unpriced, unattributed, store_degraded, fail_open or hold_exceeded."`
	Severity string     `json:"severity" doc:"info, warning, critical or emergency."`
	State    string     `json:"state" doc:"new: not everyone is told yet; sent; failed: someone could not be told; kept: nobody was to be told; outdone: a higher share of the limit was told in its place; muted; acknowledged."`
	Rule     string     `json:"rule" doc:"The budget, or the watch that saw it."`
	Of       string     `json:"of,omitempty" doc:"Whose it is, as the budget counts apart."`
	Percent  int        `json:"percent,omitempty" doc:"Of the limit that is spent."`
	Unit     string     `json:"unit,omitempty" doc:"Of spent and limit."`
	Spent    string     `json:"spent,omitempty" doc:"Decimal text, in US dollars where unit is money."`
	Limit    string     `json:"limit,omitempty" doc:"Likewise."`
	Start    *time.Time `json:"window_start,omitempty"`
	End      *time.Time `json:"window_end,omitempty" doc:"Not included."`
	Team     string     `json:"team,omitempty"`
	Lead     string     `json:"lead,omitempty" doc:"E-mail address of the team's lead."`
	Text     string     `json:"text" doc:"For a person."`
	Review   bool       `json:"review_required" doc:"Someone has still to acknowledge it."`
	Rearmed  bool       `json:"rearmed,omitempty" doc:"The same is told anew when it comes again."`

	Acknowledged   *time.Time `json:"acknowledged_at,omitempty"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	Note           string     `json:"note,omitempty" doc:"Of who acknowledged it."`
}

// ViewOf shows a.
func ViewOf(a *ledger.Alert) View {
	v := View{
		Number: a.Number, ID: ID(a), At: a.At, Kind: a.Kind, Severity: a.Severity, State: a.State(), Rule: a.Rule, Of: a.Of,
		Percent: a.Percent, Unit: a.Unit, Start: given(a.Start), End: given(a.End), Team: a.Team, Lead: a.Lead, Text: a.Text,
		Review: a.Unreviewed(), Rearmed: a.Rearmed, Acknowledged: given(a.Acknowledged), AcknowledgedBy: a.AcknowledgedBy, Note: a.Note,
	}
	if a.Limit != 0 {
		v.Spent, v.Limit = exact(a.Spent, a.Unit), exact(a.Limit, a.Unit)
	}
	return v
}

// given is a time that there is.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func exact(n int64, unit string) string {
	if isMoney(unit) {
		return money.Nano(n).String()
	}
	return strconv.FormatInt(n, 10)
}

func isMoney(unit string) bool { return unit == "usd" || unit == "contracted_usd" }
