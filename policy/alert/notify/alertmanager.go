package notify

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/ledger"
)

// Alertmanager posts alerts to one, which routes them further.
// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
type Alertmanager struct {
	url string
	poster
}

// NewAlertmanager makes a notifier of the Alertmanager at an address, the path
// before /api/v2 included.
func NewAlertmanager(address string, h HTTP) *Alertmanager {
	return &Alertmanager{strings.TrimSuffix(address, "/") + "/api/v2/alerts", newPoster(h)}
}

// postable is an alert of the API v2.
type postable struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// lasting is how long an alert without a window is active there.
const lasting = 24 * time.Hour

// Notify implements alert.Notifier. Alertmanager knows an alert by its labels, so
// that one that comes twice is one.
func (m *Alertmanager) Notify(ctx context.Context, n alert.Notice) error {
	all := make([]postable, len(n.Alerts))
	for i := range n.Alerts {
		all[i] = postableOf(&n.Alerts[i])
	}
	body, err := encode(all)
	if err != nil {
		return err
	}
	return m.post(ctx, m.url, body, nil)
}

func postableOf(a *ledger.Alert) postable {
	p := postable{
		Labels: map[string]string{"alertname": "Farebox" + camel(a.Kind), "severity": a.Severity, "kind": a.Kind, "rule": a.Rule},
		Annotations: map[string]string{
			"summary": a.Text, "number": strconv.FormatInt(a.Number, 10), "id": alert.ID(a),
		},
		StartsAt: a.At, EndsAt: a.At.Add(lasting),
	}
	if a.End.After(a.At) {
		p.EndsAt = a.End
	}
	for label, value := range map[string]string{"of": a.Of, "team": a.Team} {
		if value != "" {
			p.Labels[label] = value
		}
	}
	if a.Percent > 0 {
		p.Labels["percent"] = strconv.Itoa(a.Percent)
	}
	return p
}

// camel is spend_spike as SpendSpike.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
