package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
)

// tardy answers after a while, and remembers how often it was asked.
type tardy struct {
	budget.Store
	takes time.Duration
	asked int
}

func (s *tardy) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	s.asked++
	select {
	case <-time.After(s.takes):
		return s.Store.Reserve(ctx, h)
	case <-ctx.Done():
		return budget.Taken, ctx.Err()
	}
}

// TestAStoreIsGivenItsTimeTwice: a call takes no longer than that.
func TestAStoreIsGivenItsTimeTwice(t *testing.T) {
	for name, c := range map[string]struct {
		wait, takes, lasts time.Duration
		asked              int
		code               string
	}{
		"in time":           {0, 90 * time.Millisecond, 90 * time.Millisecond, 1, ""},
		"too late":          {0, time.Second, 200 * time.Millisecond, 2, "unavailable"},
		"in a time it has":  {2 * time.Second, time.Second, time.Second, 1, ""},
		"later than it may": {30 * time.Millisecond, 90 * time.Millisecond, 60 * time.Millisecond, 2, "unavailable"},
		"never, with more":  {time.Second, time.Hour, 2 * time.Second, 2, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &tardy{Store: budget.NewMemory(func() time.Time { return noon }), takes: c.takes}
				e, _, _ := limited(t, func(o *engine.Options) { o.Budgets, o.StoreWait = store, c.wait }, month("month", usd))
				store.asked = 0
				began := time.Now()
				code := ""
				if why := admit(t, e, numbered(1, "a")).Refusal; why != nil {
					code = why.Code
				}
				if lasted := time.Since(began); lasted != c.lasts || store.asked != c.asked || code != c.code {
					t.Errorf("it took %v, asked %d times: %q", lasted, store.asked, code)
				}
			})
		})
	}
}
