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
	h.Reach, h.HeldInput, h.HeldOutput = 0, p.input, p.output
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
// goes on, for its provider would bill it all the same, and is counted; or it is to
// stop, if mayStop says that it can, and why is returned.
func (e *Engine) Extend(ctx context.Context, t *policy.Ticket, mayStop bool) (why *policy.Refusal) {
	heard := t.Hold.Reach / leastBytes
	t.Hold.Reach = 0
	rules := e.rules.Load()
	if !t.Hold.Taken || rules.Budgets.None() {
		return nil
	}
	p := e.plan(rules, t)
	p.input = t.Hold.HeldInput // whatever was learned since
	p.output = min(times(2, max(p.output, t.Hold.HeldOutput, heard)), p.mostOutput())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.o.StoreWait)
	defer cancel()
	short, err := e.grow(ctx, &p)
	if err != nil || short.OK() {
		return nil
	}
	e.metrics.extended.WithLabelValues("short").Inc()
	if !mayStop || rules.Bounds == nil || !rules.Bounds.StopOutgrown {
		return nil
	}
	return e.outgrown(ctx, &p, heard)
}

// grow raises what is held to what p takes at most.
func (e *Engine) grow(ctx context.Context, p *plan) (short budget.Short, err error) {
	p.hold.Most = p.most(p.output)
	switch short, err = e.o.Budgets.Extend(ctx, p.ticket.ID, heldAs(p.ticket), p.hold.Most); {
	case err != nil:
		e.metrics.storeFailed.WithLabelValues("extend").Inc()
	case short.OK():
		e.metrics.extended.WithLabelValues("held").Inc()
		p.holds()
		p.reach()
	}
	return short, err
}
