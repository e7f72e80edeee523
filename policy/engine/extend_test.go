package engine_test

import (
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/engine"
)

// extend has the engine look at an answer that goes on, whatever is left.
func extend(t *testing.T, e *engine.Engine, ticket *policy.Ticket) {
	t.Helper()
	if why := e.Extend(t.Context(), ticket, true); why != nil {
		t.Errorf("it is stopped: %+v", why)
	}
}

// An answer that outgrows what was held for it has more held, as long as there is
// more, and never more than its caller allows.
func TestAHoldGrowsWithTheAnswer(t *testing.T) {
	e, _, _ := limited(t, nil, month("month", 35_000_000))
	r := numbered(1, "a")
	r.Call.MaxOutput = 3000
	ticket := admit(t, e, r)
	if ticket.Hold.Reach != 3000 {
		t.Fatalf("it is looked at again after %d bytes, want three for each of 1000 tokens", ticket.Hold.Reach)
	}
	extend(t, e, &ticket)
	if _, held := spent(t, e, "month"); held != mostOfACall+10_000_000 || ticket.Hold.Reach != 6000 || int64(ticket.Hold.Most) != held {
		t.Errorf("twice the output: held %d, %+v", held, ticket.Hold)
	}
	extend(t, e, &ticket)
	if _, held := spent(t, e, "month"); held != mostOfACall+20_000_000 || ticket.Hold.Reach != 0 {
		t.Errorf("all that is allowed: held %d, %+v", held, ticket.Hold)
	}
	e.Settle(t.Context(), ticket, answered)
	if s, held := spent(t, e, "month"); s != costOfACall || held != 0 {
		t.Errorf("spent %d, held %d", s, held)
	}
}

func TestAHoldThatCannotGrowStaysAsItIs(t *testing.T) {
	e, _, _ := limited(t, nil, month("month", 15_000_000))
	ticket := admit(t, e, numbered(1, "a"))
	extend(t, e, &ticket)
	if _, held := spent(t, e, "month"); held != mostOfACall || ticket.Hold.Reach != 0 {
		t.Errorf("held %d, %+v", held, ticket.Hold)
	}
	bounded, _, _ := limited(t, func(o *engine.Options) { o.Rules.Bounds = strict(engine.RefuseIt) }, month("month", 1000*usd))
	r := changeable(2)
	r.Content.Bytes = 100
	if ticket := admit(t, bounded, r); ticket.Hold.Reach != 0 {
		t.Errorf("a strict hold is looked at again: %+v", ticket.Hold)
	}
}
