package engine

import (
	"fmt"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/alert"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/money"
)

// exceeds notes on the record of a call that it took more than was held for it,
// counts that and tells of it. By so much its limits may be exceeded.
func (e *Engine) exceeds(t *policy.Ticket, rec *policy.Record) {
	if !t.Hold.Taken {
		return
	}
	spent := took(rec)
	charged, tokens := money.Nano(spent[budget.Charged]), spent[budget.Tokens]
	var why string
	switch {
	case charged > t.Hold.Most:
		why = fmt.Sprintf("%s USD, and %s were held", charged.Amount(), t.Hold.Most.Amount())
	case t.Hold.MostTokens > 0 && tokens > t.Hold.MostTokens:
		why = fmt.Sprintf("%d tokens, and %d were held", tokens, t.Hold.MostTokens)
	default:
		return
	}
	e.metrics.exceeded.Inc()
	rec.Rulings = append(rec.Rulings[:len(rec.Rulings):len(rec.Rulings)], policy.Ruling{Rule: "holds", Did: policy.HoldExceeded, Why: why})
	now := e.o.Now()
	if e.budgets.first(&budget.Account{Rule: string(alert.HoldExceeded), Start: now.Truncate(time.Hour)}, now) {
		e.alert(alert.Event{Kind: alert.HoldExceeded, Message: "Call " + rec.ID.String() + " took more than was held for it: " + why + "."})
	}
}

// holds notes on the ticket what is held for its call.
func (p *plan) holds() {
	h := &p.ticket.Hold
	h.Most, h.MostTokens = max(h.Most, money.Nano(p.hold.Most[budget.Charged])), max(h.MostTokens, p.hold.Most[budget.Tokens])
}
