package budgettest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// callers is how many call at once, each how often, and what they may hold of
// calls under way.
const (
	callers      = 200
	calls        = 12
	underWayMost = 4000
)

// stores are the store and, if there is one, another replica.
func (r *room) stores() []budget.Store {
	if r.Another == nil {
		return []budget.Store{r.Store}
	}
	return []budget.Store{r.Store, r.Another()}
}

// crowd is many callers who settle at most what they held, or crash.
type crowd struct {
	*room
	accounts       []budget.Account
	spent          atomic.Int64 // by all that was settled, and will be by what lapses
	under, crashed atomic.Int64
	short          atomic.Int64
}

// parallel: whatever callers do at once, on whichever replica, no account ever has
// more spent and held than its limit, and at the end each sum is exact.
func parallel(r room) {
	c := &crowd{room: &r, accounts: r.kinds(60_000)}
	c.accounts[0].Limit, c.accounts[6].Limit = 15_000, underWayMost
	stores := r.stores()
	var wait sync.WaitGroup
	for g := range callers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(11, uint64(g)))
			for i := range calls {
				c.call(stores[(g+i)%len(stores)], random, g*calls+i)
			}
		})
	}
	wait.Wait()
	r.Advance(2 * time.Hour)
	if n := r.lapse(); int64(n) != c.crashed.Load() {
		r.Errorf("%d lapsed, but %d callers crashed", n, c.crashed.Load())
	}
	for _, a := range c.accounts {
		if a.Rate == 0 {
			r.has(a, c.spent.Load(), 0)
		}
	}
	if c.short.Load() == 0 || c.crashed.Load() == 0 || c.spent.Load() < 13_000 {
		r.Errorf("%d were short, %d crashed, %d spent: the crowd is too small", c.short.Load(), c.crashed.Load(), c.spent.Load())
	}
}

// call makes one call, and looks how the accounts stand while it is under way.
func (c *crowd) call(s budget.Store, random *rand.Rand, n int) {
	ctx := c.Context()
	accounts := append([]budget.Account{}, c.accounts...)
	random.Shuffle(len(accounts), func(i, j int) { accounts[i], accounts[j] = accounts[j], accounts[i] })
	most := 1 + random.Int64N(50)
	short, err := s.Reserve(ctx, c.holdOf(n, most, accounts...))
	if err != nil {
		c.Errorf("reserve: %v", err)
		return
	}
	if !short.OK() {
		c.short.Add(1)
		return
	}
	if now := c.under.Add(most); now > underWayMost {
		c.Errorf("calls under way hold %d of %d", now, underWayMost)
	}
	if random.IntN(3) == 0 {
		more := most + random.Int64N(20)
		if short, err := s.Extend(ctx, ID(n), 0, all(more)); err != nil {
			c.Errorf("extend: %v", err)
		} else if short.OK() {
			c.under.Add(more - most)
			most = more
		}
	}
	c.look(ctx, s)
	if random.IntN(25) == 0 { // it crashes: what it held stays held, of calls under way too
		c.spent.Add(most)
		c.crashed.Add(1)
		return
	}
	c.end(s, random, n, most)
}

func (c *crowd) look(ctx context.Context, s budget.Store) {
	states, err := s.States(ctx, c.accounts)
	if err != nil {
		c.Errorf("states: %v", err)
	}
	for _, s := range states {
		if s.Left() < 0 || s.Held < 0 {
			c.Errorf("%s has spent %d and holds %d of %d", s.Rule, s.Spent, s.Held, s.Limit)
		}
	}
}

func (c *crowd) end(s budget.Store, random *rand.Rand, n int, most int64) {
	c.under.Add(-most)
	if random.IntN(5) == 0 {
		if err := s.Release(c.Context(), ID(n), 0); err != nil {
			c.Errorf("release: %v", err)
		}
		return
	}
	spent := random.Int64N(most + 1)
	if _, found, err := s.Settle(c.Context(), ID(n), 0, all(spent), nil); err != nil || !found {
		c.Errorf("settle: %v, %v", found, err)
	}
	c.spent.Add(spent)
}

// parallelThresholds: of many settlements at once, one tells each threshold.
func parallelThresholds(r room) {
	percents := []int{10, 25, 50, 75, 90, 100}
	a, other := r.day("r", 10_000), total("other", 20_000)
	a.Soft = true
	stores := r.stores()
	var wait sync.WaitGroup
	var mu sync.Mutex // guards told
	var told []budget.Crossed
	for n := range callers {
		s, h := stores[n%len(stores)], r.holdOf(n, 50, a, other)
		wait.Go(func() {
			if short, err := s.Reserve(r.Context(), h); err != nil || !short.OK() {
				r.Errorf("reserve: %+v, %v", short, err)
			}
			crossed, _, err := s.Settle(r.Context(), h.ID, 0, all(50), percents)
			if n%10 == 0 && err == nil {
				crossed2, err2 := s.Spend(r.Context(), Spending(r.Store.Now(), all(1), a, other), percents)
				crossed, err = append(crossed, crossed2...), err2
			}
			if err != nil {
				r.Errorf("settle: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			told = append(told, crossed...)
		})
	}
	wait.Wait()
	r.wantPercents(told, a, percents...)
	r.wantPercents(told, other, 10, 25, 50)
	within := int64(50)
	if r.Batches {
		within *= callers
	}
	for _, c := range told {
		if mark := c.Limit / 100 * int64(c.Percent); c.Spent < mark || c.Spent > mark+within {
			r.Errorf("%d percent of %d was told at %d", c.Percent, c.Limit, c.Spent)
		}
	}
}

// parallelSettles: of several that end the same hold at once, one does.
func parallelSettles(r room) {
	accounts := r.kinds(1_000_000)
	stores := r.stores()
	var ended atomic.Int64
	var wait sync.WaitGroup
	const holds = 60
	for n := range holds {
		r.take(n, 100, accounts...)
	}
	r.Advance(2 * time.Hour)
	for n := range holds {
		for k := range 4 {
			s := stores[k%len(stores)]
			wait.Go(func() {
				if _, found, err := s.Settle(r.Context(), ID(n), 0, all(100), nil); err != nil {
					r.Errorf("settle: %v", err)
				} else if found {
					ended.Add(1)
				}
			})
		}
		if n%10 == 0 {
			wait.Go(func() {
				lapsed, err := stores[0].Lapse(r.Context())
				if err != nil {
					r.Errorf("lapse: %v", err)
				}
				ended.Add(int64(lapsed))
			})
		}
	}
	wait.Wait()
	if ended.Load() != holds {
		r.Errorf("%d holds ended %d times", holds, ended.Load())
	}
	for _, a := range accounts {
		if a.Rate == 0 {
			r.has(a, 100*holds, 0)
		}
	}
}

// replicas: what one holds the other sees, and may settle.
func replicas(r room) {
	if r.Another == nil {
		r.Skip("the store is of one process alone")
	}
	accounts := r.kinds(100)
	other := room{r.T, r.Harness}
	other.Store = r.Another()
	if apart := r.Store.Now().Sub(other.Store.Now()).Abs(); apart > time.Second {
		r.Errorf("clocks are %v apart", apart)
	}
	r.take(1, 60, accounts...)
	for i, a := range accounts {
		other.has(a, 0, 60)
		if short := other.refused(10+i, 41, a); short.Left != 40 {
			r.Errorf("%s: %+v", a.Rule, short)
		}
	}
	other.take(1, 60, accounts...) // it is there
	other.take(2, 40, accounts...)
	other.wantPercents(other.settle(1, all(50), 50), accounts[0], 50)
	r.gone(1)
	r.wantPercents(r.settle(2, all(10), 50, 60), accounts[0], 60)
	for _, a := range accounts {
		r.has(a, 60, 0)
		other.has(a, 60, 0)
	}
	r.take(3, 10, accounts...)
	third := room{r.T, r.Harness}
	third.Store = r.Another()
	third.want(accounts[0], 60, 10)
	third.settle(3, all(1))
	r.Advance(time.Hour)
	if moved := third.Store.Now().Sub(r.Store.Now()).Abs(); third.states(accounts...) == nil || r.states(accounts...) == nil || moved > 2*time.Hour {
		r.Error(fmt.Sprint("clocks are apart by ", moved))
	}
}
