package lease_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
)

// losing is a store that loses all that it has now and then.
type losing struct {
	*budget.Memory // for what is asked of no data
	now            atomic.Pointer[budget.Memory]
	opened         atomic.Bool
}

func (l *losing) lose() {
	l.opened.Store(false)
	l.now.Store(budget.NewMemory(nil))
}

func (l *losing) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	if !l.opened.Load() {
		return budget.Short{}, budget.ErrFresh
	}
	return l.now.Load().Reserve(ctx, h)
}

func (l *losing) Extend(ctx context.Context, id policy.CallID, n int, most budget.Amounts) (budget.Short, error) {
	return l.now.Load().Extend(ctx, id, n, most)
}

func (l *losing) Settle(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) ([]budget.Crossed, bool, error) {
	return l.now.Load().Settle(ctx, id, n, spent, marks)
}

func (l *losing) Renew(ctx context.Context, r budget.Renewal, marks []int) ([]budget.Crossed, bool, error) {
	return l.now.Load().Renew(ctx, r, marks)
}

func (l *losing) Release(ctx context.Context, id policy.CallID, n int) error {
	return l.now.Load().Release(ctx, id, n)
}

func (l *losing) States(ctx context.Context, all []budget.Account) ([]budget.State, error) {
	if !l.opened.Load() {
		return nil, budget.ErrFresh
	}
	return l.now.Load().States(ctx, all)
}

func (l *losing) Missing(context.Context, []string) ([]string, bool, error) {
	return nil, l.opened.Load(), nil
}

func (l *losing) Add(ctx context.Context, _ []string, states []budget.State) error {
	return l.now.Load().Load(ctx, states)
}

func (l *losing) Hold(ctx context.Context, h budget.Hold) error {
	_, err := l.now.Load().Reserve(ctx, h)
	return err
}

func (l *losing) Open(context.Context) (bool, error) { l.opened.Store(true); return true, nil }

// Calls of shares that are dropped while others change them leave nothing held, and
// spend nothing twice.
func TestSharesAreDroppedInParallel(t *testing.T) {
	l := &losing{Memory: budget.NewMemory(nil)}
	l.lose()
	l.opened.Store(true)
	r := lease.NewReplica(l, lease.Options{From: 1, Every: -1})
	accounts := []budget.Account{{Rule: "r", Unit: budget.Charged, Limit: 1 << 40, Start: time.Unix(1, 0), End: time.Now().Add(time.Hour)}}
	var number, spent atomic.Int64
	var callers, loser sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		callers.Go(func() {
			for range 2000 {
				h := budget.Hold{Accounts: accounts, Most: budget.Amounts{10}, Until: time.Now().Add(time.Hour)}
				binary.BigEndian.PutUint64(h.ID[:], uint64(number.Add(1)))
				if short, err := r.Reserve(t.Context(), h); errors.Is(err, budget.ErrFresh) {
					continue
				} else if err != nil || !short.OK() {
					t.Error(short, err)
				}
				_, _ = r.Extend(t.Context(), h.ID, 0, budget.Amounts{20})
				if _, _, err := r.Settle(t.Context(), h.ID, 0, budget.Amounts{7}, nil); err != nil {
					t.Error(err)
				}
				spent.Add(7)
			}
		})
	}
	loser.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			l.lose()
			_, _, err1 := r.Missing(t.Context(), nil)
			_, err2 := r.Open(t.Context())
			if err := errors.Join(err1, err2, r.Count(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
	callers.Wait()
	close(over)
	loser.Wait()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	states, err := l.States(t.Context(), accounts)
	if err != nil {
		t.Fatal(err)
	}
	if s := states[0]; s.Held != 0 || s.Spent > spent.Load() {
		t.Errorf("%d held, %d spent of %d", s.Held, s.Spent, spent.Load())
	}
}
