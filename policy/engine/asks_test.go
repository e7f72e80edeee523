package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// answerless is a store whose first answers to Reserve are lost: it has done what it
// was asked for.
type answerless struct {
	budget.Store
	lose atomic.Int32
}

func (f *answerless) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	short, err := f.Store.Reserve(ctx, h)
	if f.lose.Add(-1) >= 0 {
		return budget.Short{}, errors.New("the answer was lost")
	}
	return short, err
}

// A store whose answer is lost is asked once more, and holds once.
func TestAnAnswerThatIsLostIsAskedForOnceMore(t *testing.T) {
	for _, c := range []struct {
		lost   int32
		passes bool
	}{{1, true}, {2, false}} {
		store := &answerless{Store: budget.NewMemory(nil)}
		e, _, _ := limited(t, func(o *engine.Options) { o.Budgets = store }, month("month", usd))
		store.lose.Store(c.lost)
		ticket := admit(t, e, numbered(1, "a"))
		if (ticket.Refusal == nil) != c.passes || ticket.Hold.Uncounted {
			t.Fatalf("%d answers are lost: %+v", c.lost, ticket.Refusal)
		}
		if !c.passes { // the store may hold for a call that was turned away
			e.Sweep(t.Context())
			if s, held := spent(t, e, "month"); s > 0 || held > 0 {
				t.Errorf("of a call that was turned away %d are spent and %d held", s, held)
			}
		} else {
			if _, held := spent(t, e, "month"); held != mostOfACall {
				t.Errorf("held %d, want %d", held, mostOfACall)
			}
			e.Settle(t.Context(), ticket, answered)
			if s, held := spent(t, e, "month"); s != costOfACall || held != 0 {
				t.Errorf("spent %d, held %d", s, held)
			}
		}
	}
}
