package budgettest

import (
	"context"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// Renewer is a store that can end a hold in part.
type Renewer interface {
	budget.Store
	Renew(ctx context.Context, r budget.Renewal, thresholds []int) ([]budget.Crossed, bool, error)
}

// RunRenewals holds a Renewer to what a Renewal says. The stores that open makes are
// Renewers.
func RunRenewals(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		hold func(room)
	}{
		{"a hold is ended in part", renewed},
		{"a renewal counts once", renewedOnce},
		{"a renewal raises nothing", renewedHigher},
		{"a renewed hold lives on", renewedLater},
		{"what is not there is not renewed", renewedNothing},
	} {
		t.Run(test.name, func(t *testing.T) { test.hold(room{t, open(t)}) })
	}
}

// renew ends attempt n of call 1 at spent, and holds rest as n + 1 for three hours.
func (r *room) renew(n int, spent, rest int64, percents ...int) ([]budget.Crossed, bool) {
	r.Helper()
	renewer, ok := r.Store.(Renewer)
	if !ok {
		r.Fatal("the store is no Renewer")
	}
	crossed, found, err := renewer.Renew(r.Context(), budget.Renewal{
		ID: ID(1), Attempt: n, Next: n + 1, Spent: all(spent), Rest: all(rest), Until: r.Store.Now().Add(3 * time.Hour),
	}, percents)
	if err != nil {
		r.Fatal(err)
	}
	return crossed, found
}

func (r *room) settleAttempt(n int, spent int64) {
	r.Helper()
	if _, found, err := r.Store.Settle(r.Context(), ID(1), n, all(spent), nil); err != nil || !found {
		r.Errorf("settle attempt %d: %v, %v", n, found, err)
	}
}

func renewed(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	crossed, found := r.renew(0, 25, 30, 10, 25, 26)
	if !found {
		r.Error("the hold is not there")
	}
	for i, a := range accounts {
		r.has(a, 25, 30)
		switch {
		case i < 5:
			r.wantPercents(crossed, a, 10, 25)
		default:
			r.wantPercents(crossed, a)
		}
	}
	r.gone(1)
	r.take(2, 45, accounts[:2]...)
	r.refused(3, 1, accounts[:2]...)
	r.settleAttempt(1, 10)
	for i, a := range accounts {
		r.has(a, 35, 45*b2i(i < 2))
	}
}

func renewedOnce(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	r.renew(0, 25, 30)
	crossed, found := r.renew(0, 25, 30, 1, 25)
	if !found || len(crossed) > 0 {
		r.Errorf("renewed again: %v, %v", crossed, found)
	}
	for _, a := range accounts {
		r.has(a, 25, 30)
	}
}

func renewedHigher(r room) {
	accounts := r.kinds(100)
	r.take(1, 60, accounts...)
	r.renew(0, 5, 90)
	for _, a := range accounts {
		r.has(a, 5, 60)
	}
	if short, err := r.Store.Extend(r.Context(), ID(1), 1, all(95)); err != nil || !short.OK() {
		r.Errorf("raise what was renewed: %+v, %v", short, err)
	}
	for _, a := range accounts {
		r.has(a, 5, 95)
	}
}

func renewedLater(r room) {
	a := total("r", 100)
	r.take(1, 60, a)
	r.Advance(2 * time.Hour) // it is over its time, but nobody has settled it
	r.renew(0, 10, 20)
	if n := r.lapse(); n != 0 {
		r.Errorf("%d lapsed, want none", n)
	}
	r.want(a, 10, 20)
	r.renew(1, 5, 10)
	r.want(a, 15, 10)
	r.Advance(4 * time.Hour)
	if n := r.lapse(); n != 1 {
		r.Errorf("%d lapsed, want 1", n)
	}
	r.want(a, 25, 0)
}

func renewedNothing(r room) {
	if crossed, found := r.renew(0, 10, 20, 1); found || len(crossed) > 0 {
		r.Errorf("renewed what is not there: %v", crossed)
	}
	a := total("r", 100)
	r.take(1, 60, a)
	r.settle(1, all(5))
	if _, found := r.renew(0, 10, 20, 1); found {
		r.Error("renewed what was settled")
	}
	r.want(a, 5, 0)
}
