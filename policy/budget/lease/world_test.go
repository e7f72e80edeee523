package lease_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
)

var errLost = errors.New("the answer was lost")

// flaky is a store that fails now and then, before or after it did what was asked.
type flaky struct {
	*budget.Memory
	random *rand.Rand // nil: it never fails
	asked  int
}

// fails reports whether an operation fails, and then whether it is done all the same.
func (f *flaky) fails() (fails, done bool) {
	f.asked++
	if f.random == nil {
		return false, true
	}
	return f.random.IntN(6) == 0, f.random.IntN(2) == 0
}

func (f *flaky) Reserve(ctx context.Context, h budget.Hold) (short budget.Short, err error) {
	fails, done := f.fails()
	if !fails || done {
		short, err = f.Memory.Reserve(ctx, h)
	}
	if fails {
		return budget.Short{}, errLost
	}
	return short, err
}

func (f *flaky) Extend(ctx context.Context, id policy.CallID, n int, most budget.Amounts) (short budget.Short, err error) {
	fails, done := f.fails()
	if !fails || done {
		short, err = f.Memory.Extend(ctx, id, n, most)
	}
	if fails {
		return budget.Short{}, errLost
	}
	return short, err
}

func (f *flaky) Settle(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) (crossed []budget.Crossed, found bool, err error) {
	fails, done := f.fails()
	if !fails || done {
		crossed, found, err = f.Memory.Settle(ctx, id, n, spent, marks)
	}
	if fails {
		return nil, false, errLost
	}
	return crossed, found, err
}

func (f *flaky) Renew(ctx context.Context, r budget.Renewal, marks []int) (crossed []budget.Crossed, found bool, err error) {
	fails, done := f.fails()
	if !fails || done {
		crossed, found, err = f.Memory.Renew(ctx, r, marks)
	}
	if fails {
		return nil, false, errLost
	}
	return crossed, found, err
}

func (f *flaky) Release(ctx context.Context, id policy.CallID, n int) (err error) {
	fails, done := f.fails()
	if !fails || done {
		err = f.Memory.Release(ctx, id, n)
	}
	if fails {
		return errLost
	}
	return err
}

// world is some replicas over one store, and what calls truly spent and hold.
type world struct {
	*testing.T
	random   *rand.Rand
	now      time.Time
	shared   *flaky
	replicas []*lease.Store
	accounts []budget.Account
	spent    []int64
	held     []int64
	open     []*under
	number   uint64
	crossed  []budget.Crossed
}

// under is a call under way.
type under struct {
	id      policy.CallID
	replica int
	on      []int // accounts
	most    int64
}

func newWorld(t *testing.T, replicas int, seed uint64, fails bool) *world {
	w := &world{T: t, random: rand.New(rand.NewPCG(seed, uint64(replicas))), now: time.Unix(1_700_000_000, 0)}
	w.shared = &flaky{Memory: budget.NewMemory(func() time.Time { return w.now })}
	if fails {
		w.shared.random = w.random
	}
	for range replicas {
		w.replicas = append(w.replicas, lease.New(w.shared, lease.Options{From: 3, Crossed: func(c []budget.Crossed) { w.crossed = append(w.crossed, c...) }}))
	}
	end := w.now.Add(24 * time.Hour)
	for i, limit := range []int64{400_000, 90_000, 60_000, 40_000, 3_000} {
		w.accounts = append(w.accounts, budget.Account{
			Rule: fmt.Sprint("rule ", i), Unit: []budget.Unit{budget.Charged, budget.Tokens, budget.Charged, budget.Contracted, budget.Requests}[i],
			Limit: limit, Start: w.now, End: end,
		})
	}
	w.accounts = append(w.accounts, budget.Account{Rule: "under way", Unit: budget.Concurrency, Limit: 300})
	w.spent, w.held = make([]int64, len(w.accounts)), make([]int64, len(w.accounts))
	return w
}

func (w *world) amounts(n int64) budget.Amounts {
	a := budget.Amounts{n, n, n, n, n}
	a[budget.Requests] = min(1, n)
	return a
}

// combinations of accounts that calls count against: the first is everybody's.
var combinations = [][]int{{0, 1}, {0, 2, 4}, {0, 3}, {5, 0, 2}, {0}}

// call begins a call on a replica, and reports whether it was taken.
func (w *world) call(replica int, on []int, most int64) bool {
	w.number++
	c := &under{replica: replica, on: on, most: most}
	binary.BigEndian.PutUint64(c.id[:], w.number)
	h := budget.Hold{ID: c.id, Most: w.amounts(most), Until: w.now.Add(2 * time.Hour)}
	for _, i := range on {
		h.Accounts = append(h.Accounts, w.accounts[i])
	}
	short, err := w.replicas[replica].Reserve(w.Context(), h)
	if err != nil && w.random.IntN(2) == 0 { // as who must know, soon
		short, err = w.replicas[replica].Reserve(w.Context(), h)
	}
	if err != nil {
		w.until(func() error { return w.replicas[replica].Release(w.Context(), c.id, 0) })
		return false
	}
	if !short.OK() {
		if left := w.left(on[short.At]); w.alone() && (left >= w.amounts(most)[w.accounts[on[short.At]].Unit] || max(0, left) != short.Left) {
			w.Fatalf("refused %d of %s: %+v, but %d are left", most, w.accounts[on[short.At]].Rule, short, left)
		}
		return false
	}
	for _, i := range on {
		w.held[i] += w.amounts(most)[w.accounts[i].Unit]
	}
	w.open = append(w.open, c)
	return true
}

// alone reports whether one replica knows all at any time.
func (w *world) alone() bool { return len(w.replicas) == 1 && w.shared.random == nil }

// left is what calls have truly left of an account.
func (w *world) left(account int) int64 {
	return w.accounts[account].Limit - w.spent[account] - w.held[account]
}

// until does again what fails.
func (w *world) until(do func() error) {
	w.Helper()
	for range 1000 {
		err := do()
		if err == nil {
			return
		}
		if !errors.Is(err, errLost) {
			w.Fatal(err)
		}
	}
	w.Fatal("it fails a thousand times")
}

// settle ends one of the calls under way.
func (w *world) settle(at int, percents ...int) {
	w.Helper()
	c := w.open[at]
	w.open = slices.Delete(w.open, at, at+1)
	spent := w.random.Int64N(c.most + 1)
	w.until(func() error {
		crossed, _, err := w.replicas[c.replica].Settle(w.Context(), c.id, 0, w.amounts(spent), percents)
		w.crossed = append(w.crossed, crossed...)
		return err
	})
	for _, i := range c.on {
		unit := w.accounts[i].Unit
		w.held[i] -= w.amounts(c.most)[unit]
		if unit != budget.Concurrency {
			w.spent[i] += w.amounts(spent)[unit]
		}
	}
}

// look holds the shared store to its limits, and to what calls spent and hold.
func (w *world) look() {
	w.Helper()
	states, err := w.shared.States(w.Context(), w.accounts)
	if err != nil {
		w.Fatal(err)
	}
	for i, s := range states {
		if s.Spent+s.Held > s.Limit {
			w.Fatalf("%s: %d spent and %d held are over %d", s.Rule, s.Spent, s.Held, s.Limit)
		}
		if s.Spent+s.Held < w.spent[i]+w.held[i] || s.Spent > w.spent[i] {
			w.Fatalf("%s: %d spent and %d held, but calls spent %d and hold %d", s.Rule, s.Spent, s.Held, w.spent[i], w.held[i])
		}
	}
}

// told holds what a replica that is alone tells to what calls spent and hold.
func (w *world) told() {
	w.Helper()
	states, err := w.replicas[0].States(w.Context(), w.accounts)
	if err != nil {
		w.Fatal(err)
	}
	for i, s := range states {
		if w.alone() && (s.Spent != w.spent[i] || s.Held != w.held[i]) {
			w.Fatalf("%s: told %d spent and %d held, want %d and %d", s.Rule, s.Spent, s.Held, w.spent[i], w.held[i])
		}
	}
}

// step does something at random.
func (w *world) step() {
	replica := w.random.IntN(len(w.replicas))
	switch w.random.IntN(20) {
	case 0:
		w.now = w.now.Add(time.Duration(w.random.IntN(1500)) * time.Millisecond)
	case 1:
		w.until(func() error { _, err := w.replicas[replica].Lapse(w.Context()); return err })
	case 2, 3:
		if len(w.open) > 0 {
			w.extend(w.open[w.random.IntN(len(w.open))])
		}
	case 4, 5, 6, 7, 8, 9:
		if len(w.open) > 0 {
			w.settle(w.random.IntN(len(w.open)))
		}
	default:
		w.call(replica, combinations[w.random.IntN(len(combinations))], 1+w.random.Int64N(60))
	}
}

func (w *world) extend(c *under) {
	most := c.most + w.random.Int64N(30)
	short, err := w.replicas[c.replica].Extend(w.Context(), c.id, 0, w.amounts(most))
	if err != nil { // it may have been raised: so it is asked for until it is known
		w.until(func() error {
			short, err = w.replicas[c.replica].Extend(w.Context(), c.id, 0, w.amounts(most))
			return err
		})
	}
	if !short.OK() {
		unit := w.accounts[c.on[short.At]].Unit
		if left := w.left(c.on[short.At]); w.alone() && left >= w.amounts(most)[unit]-w.amounts(c.most)[unit] {
			w.Fatalf("not raised to %d of %s: %+v, but %d are left", most, w.accounts[c.on[short.At]].Rule, short, left)
		}
		return
	}
	for _, i := range c.on {
		unit := w.accounts[i].Unit
		w.held[i] += w.amounts(most)[unit] - w.amounts(c.most)[unit]
	}
	c.most = most
}

func (w *world) drain(replicas ...*lease.Store) {
	w.Helper()
	for len(w.open) > 0 {
		w.settle(0)
	}
	for _, r := range replicas {
		w.until(func() error { return r.Close(w.Context()) })
	}
}

// exact holds all accounts to what calls spent.
func (w *world) exact() {
	w.Helper()
	states, err := w.shared.States(w.Context(), w.accounts)
	if err != nil {
		w.Fatal(err)
	}
	for i, s := range states {
		if s.Spent != w.spent[i] || s.Held != 0 {
			w.Errorf("%s: %d spent and %d held, want %d and none", s.Rule, s.Spent, s.Held, w.spent[i])
		}
	}
}

func (f *flaky) End(ctx context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) (crossed []budget.Crossed, found bool, err error) {
	fails, done := f.fails()
	if !fails || done {
		crossed, found, err = f.Memory.End(ctx, id, n, spent, marks)
	}
	if fails {
		return nil, false, errLost
	}
	return crossed, found, err
}
