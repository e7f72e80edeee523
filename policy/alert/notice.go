package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/ledger"
)

// Notice is what a receiver is told at once.
type Notice struct {
	Alerts []ledger.Alert // the gravest first; at least one
	To     string         // the address; empty: the Notifier knows
}

// ID is the same whenever the same alerts are told at once.
func (n *Notice) ID() string {
	var b strings.Builder
	for i := range n.Alerts {
		b.WriteString(ID(&n.Alerts[i]) + " ")
	}
	return hash(b.String())
}

// ID names an alert for receivers, who may be told of it twice.
func ID(a *ledger.Alert) string { return hash(fmt.Sprintf("%d %s", a.Number, a.Key)) }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// Severity is that of the gravest alert.
func (n *Notice) Severity() string { return n.Alerts[0].Severity }

// Title is one line.
func (n *Notice) Title() string {
	if len(n.Alerts) == 1 {
		return fmt.Sprintf("[%s] %s", n.Severity(), n.Alerts[0].Text)
	}
	return fmt.Sprintf("[%s] %d alerts, first: %s", n.Severity(), len(n.Alerts), n.Alerts[0].Text)
}

// Lines are a line for each alert.
func (n *Notice) Lines() []string {
	lines := make([]string, len(n.Alerts))
	for i := range n.Alerts {
		lines[i] = line(&n.Alerts[i])
	}
	return lines
}

func line(a *ledger.Alert) string {
	s := fmt.Sprintf("[%s] %s", a.Severity, a.Text)
	if a.Review {
		s += fmt.Sprintf(" (to be acknowledged: farebox alerts ack %d)", a.Number)
	}
	return s
}

// noticeOf puts the gravest first, and of equals the oldest.
func noticeOf(alerts []ledger.Alert, to string) Notice {
	alerts = slices.Clone(alerts)
	rank := func(a ledger.Alert) int { return slices.Index(severityNames, a.Severity) }
	slices.SortStableFunc(alerts, func(a, b ledger.Alert) int { return rank(b) - rank(a) })
	return Notice{Alerts: alerts, To: to}
}
