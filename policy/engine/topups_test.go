package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// treasury is a ledger whose top-ups cannot be read while it is shut.
type treasury struct {
	ledgertest.Memory
	shut atomic.Bool
}

func (s *treasury) Topups(ctx context.Context, at time.Time) ([]ledger.Topup, error) {
	if s.shut.Load() {
		return nil, errors.New("shut")
	}
	return s.Memory.Topups(ctx, at)
}

func topUp(t *testing.T, s ledger.Topups, until time.Time, granted bool) {
	t.Helper()
	u := ledger.Topup{Rule: "month", Of: "a", Unit: "usd", Amount: 3 * mostOfACall, Until: until, By: "ann", At: noon}
	if granted {
		u.GrantedBy, u.GrantedAt = "bob", noon
	}
	if _, err := s.Topup(t.Context(), u, ledger.Change{At: noon}); err != nil {
		t.Fatal(err)
	}
}

// TestATopupHoldsUntilItEnds: a second engine over the same ledger has it when it
// sweeps, a third from its start.
func TestATopupHoldsUntilItEnds(t *testing.T) {
	kept := &treasury{}
	now := noon
	rule := month("month", 1)
	start := func() *engine.Engine {
		e, _, _ := limited(t, func(o *engine.Options) {
			o.Topups, o.Budgets = kept, budget.NewMemory(func() time.Time { return now })
		}, rule)
		return e
	}
	passes := func(e *engine.Engine, n byte, want bool) {
		t.Helper()
		r := numbered(n, "a")
		r.At = now
		if why := admit(t, e, r).Refusal; want != (why == nil) {
			t.Errorf("call %d: %+v", n, why)
		}
	}
	first, second := start(), start()
	topUp(t, kept, noon.Add(time.Hour), false)
	if err := first.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	passes(first, 1, false) // it waits
	topUp(t, kept, noon.Add(time.Hour), true)
	if err := first.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	passes(first, 2, true)
	passes(second, 3, false)
	second.Sweep(t.Context())
	passes(second, 4, true)
	if other := admit(t, second, numbered(5, "b")); other.Refusal == nil {
		t.Error("another team has it too")
	}
	if a, is := first.Account("month", "a"); !is || a.Limit != 1+3*mostOfACall {
		t.Errorf("the account is %+v, %v", a, is)
	}
	kept.shut.Store(true)
	if err := first.Raise(t.Context()); err == nil {
		t.Error("a ledger that is shut was read")
	}
	first.Sweep(t.Context())
	passes(first, 6, true) // what was read before stays
	now = noon.Add(time.Hour)
	passes(first, 7, false)
	passes(second, 8, false)
}

// TestARevokedTopupRaisesNothing from then on, and what was held stays.
func TestARevokedTopupRaisesNothing(t *testing.T) {
	kept := &treasury{}
	e, _, _ := limited(t, func(o *engine.Options) { o.Topups = kept }, month("month", 1))
	topUp(t, kept, noon.Add(time.Hour), true)
	if err := e.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	ticket := admit(t, e, numbered(1, "a"))
	if ticket.Refusal != nil {
		t.Fatal(ticket.Refusal)
	}
	c := ledger.Change{At: noon.Add(time.Hour - 1), Actor: "eve", Action: ledger.ActRevokeTopup} // by a clock that is ahead
	if _, err := kept.RevokeTopup(t.Context(), 1, c); err != nil {
		t.Fatal(err)
	}
	if err := e.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
	if why := admit(t, e, numbered(2, "a")).Refusal; why == nil || why.Code != "budget_exhausted" {
		t.Errorf("after it was revoked: %+v", why)
	}
	if _, h := spent(t, e, "month"); h != mostOfACall {
		t.Errorf("held %d", h)
	}
	e.Settle(t.Context(), ticket, answered)
	if s, h := spent(t, e, "month"); s != costOfACall || h != 0 {
		t.Errorf("spent %d, held %d", s, h)
	}
}

// TestANewConfigurationKeepsTopups: rules that were just compiled have them before
// they are in use.
func TestANewConfigurationKeepsTopups(t *testing.T) {
	kept := &treasury{}
	topUp(t, kept, time.Time{}, true)
	e, _, _ := limited(t, func(o *engine.Options) { o.Topups = kept }, month("month", 1))
	rules, err := budget.Compile([]budget.Rule{month("month", 2)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Fill(t.Context(), rules); err != nil {
		t.Fatal(err)
	}
	if a, _ := rules.Of("month", "a", noon); a.Limit != 2+3*mostOfACall {
		t.Errorf("the limit is %d", a.Limit)
	}
	kept.shut.Store(true)
	if err := e.Fill(t.Context(), rules); err == nil {
		t.Error("rules were taken whose top-ups are not known")
	}
}
