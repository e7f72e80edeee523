package engine

import (
	"context"
	"math"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// leastBytes is how few bytes of text a token has that is long in coming: a hold
// that is learned is looked at again when so many have come for each token of it.
const leastBytes = 3

// reach says how much generated text what is held is enough for. What is not
// learned is never exceeded, and what a caller bounds needs no more than that.
func (p *plan) reach() {
	h := &p.ticket.Hold
	h.Reach = 0
	if !p.learned || p.output == 0 || p.output >= p.mostOutput() {
		return
	}
	h.Reach = times(leastBytes, p.output)
}

// mostOutput is what the caller allows, of all choices.
func (p *plan) mostOutput() int64 {
	sent := p.ticket.Sent()
	if sent.MaxOutput == 0 {
		return math.MaxInt64
	}
	return times(sent.MaxOutput, int64(max(1, sent.Choices)))
}

// Extend holds twice the output for a call whose answer has outgrown what was
// learned of such answers. Where an account has too little left for that, the call
// goes on, for its provider would bill it all the same: it is counted.
func (e *Engine) Extend(ctx context.Context, t *policy.Ticket) {
	rules := e.rules.Load()
	if !t.Hold.Taken || rules.Budgets.None() {
		return
	}
	p := e.plan(rules, t)
	output := min(times(2, max(p.output, t.Hold.Output)), p.mostOutput())
	for p.most(output)[budget.Charged] <= int64(t.Hold.Most) && output < p.mostOutput() {
		output = min(times(2, output), p.mostOutput()) // what is learned has changed since
	}
	p.output, p.hold.Most = output, p.most(output)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	switch short, err := e.o.Budgets.Extend(ctx, t.ID, heldAs(t), p.hold.Most); {
	case err != nil:
		e.metrics.storeFailed.WithLabelValues("extend").Inc()
	case !short.OK():
		e.metrics.extended.WithLabelValues("short").Inc()
	default:
		e.metrics.extended.WithLabelValues("held").Inc()
		p.holds()
		p.reach()
	}
}
