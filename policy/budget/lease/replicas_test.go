package lease_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
)

func TestReplicasPassNoLimit(t *testing.T) {
	for _, fails := range []bool{false, true} {
		for replicas := 1; replicas <= 3; replicas++ {
			for seed := range uint64(4) {
				t.Run(fmt.Sprintf("%d replicas, failing %v, %d", replicas, fails, seed), func(t *testing.T) {
					w := newWorld(t, replicas, seed, fails)
					for range 2500 {
						w.step()
						w.look()
						w.told()
					}
					w.drain(w.replicas...)
					w.exact()
					if w.spent[0] < 5_000 {
						t.Errorf("%d spent: too little to tell anything", w.spent[0])
					}
				})
			}
		}
	}
}

// A replica that dies leaves its shares: they count as spent once they lapse, no
// limit is passed, and what is too much is bounded by what it held.
func TestReplicaDies(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t, 3, seed, false)
		for range 3000 {
			w.step()
		}
		var left []*under
		for _, c := range w.open { // they never end
			if c.replica != 0 {
				left = append(left, c)
			}
		}
		w.open = left
		survivors := w.replicas[1:]
		w.drain(survivors...)
		before, err := w.shared.States(t.Context(), w.accounts)
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(4 * time.Hour)
		if _, err := survivors[0].Lapse(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := w.shared.States(t.Context(), w.accounts)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range after {
			if s.Unit == budget.Concurrency {
				if s.Held != 0 {
					t.Errorf("%d calls are under way of a replica that died", s.Held)
				}
				continue
			}
			if s.Spent > s.Limit || s.Held != 0 || s.Spent != before[i].Spent+before[i].Held || s.Spent < w.spent[i]+w.held[i] {
				t.Errorf("%s: %+v, before %+v; calls spent %d", s.Rule, s, before[i], w.spent[i])
			}
		}
	}
}

// Where nobody is taken any more, less than one call is left.
func TestWhatIsLeftIsUsed(t *testing.T) {
	for replicas := 1; replicas <= 3; replicas++ {
		w := newWorld(t, replicas, 1, false)
		refused := 0
		for n := 0; refused < 100 && n < 100_000; n++ {
			if n%10 == 0 {
				w.now = w.now.Add(50 * time.Millisecond)
			}
			if n%100 == 0 {
				for _, r := range w.replicas {
					w.until(func() error { _, err := r.Lapse(t.Context()); return err })
				}
			}
			if w.call(n%replicas, combinations[0], 40) {
				refused = 0
			} else {
				refused++
			}
			if len(w.open) > 20 {
				w.settle(w.random.IntN(len(w.open)))
				refused = 0
			}
		}
		w.look()
		states, err := w.shared.States(t.Context(), w.accounts[1:2])
		if err != nil {
			t.Fatal(err)
		}
		if left := states[0].Left(); left >= 40 {
			t.Errorf("%d replicas: refused with %d left", replicas, left)
		}
		w.drain(w.replicas...)
		w.exact()
	}
}

// Replicas keep little from each other: the first call that is refused finds a budget
// nearly used up.
func TestRefusedEarlyByLittle(t *testing.T) {
	w := newWorld(t, 3, 1, false)
	for n := 0; w.call(n%3, combinations[0], 40); n++ {
		w.now = w.now.Add(100 * time.Microsecond)
		if len(w.open) > 20 {
			w.settle(w.random.IntN(len(w.open)))
		}
	}
	if left := w.left(1); left > w.accounts[1].Limit/20 {
		t.Errorf("refused with %d left of %d", left, w.accounts[1].Limit)
	}
}

// A store that lost all has lost shares too. What is taken of it again for calls under
// way is settled there.
func TestStoreThatLostAll(t *testing.T) {
	w := newWorld(t, 1, 1, false)
	for range 20 {
		w.call(0, combinations[0], 40)
	}
	w.shared.Memory = budget.NewMemory(func() time.Time { return w.now })
	w.now = w.now.Add(time.Hour) // so that shares are renewed
	if _, err := w.replicas[0].Lapse(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.open[5:] {
		h := budget.Hold{ID: c.id, Accounts: w.accounts[:2], Most: w.amounts(40), Until: w.now.Add(time.Hour)}
		if short, err := w.shared.Reserve(t.Context(), h); err != nil || !short.OK() {
			t.Fatal(short, err)
		}
	}
	for i, c := range w.open {
		_, found, err := w.replicas[0].Settle(t.Context(), c.id, 0, w.amounts(7), nil)
		if err != nil || found != (i >= 5) {
			t.Errorf("call %d: %v, %v", i, found, err)
		}
	}
	w.spent[0], w.spent[1] = 15*7, 15*7
	w.open = nil
	w.drain(w.replicas...)
	w.exact()
}

// The common call asks the store nothing.
func TestMostCallsNeedNoRoundTrip(t *testing.T) {
	w := newWorld(t, 1, 1, false)
	w.accounts[0].Limit, w.accounts[1].Limit = 1e12, 1e12
	const calls = 20_000 // in 20 seconds
	for range calls {
		w.now = w.now.Add(time.Millisecond)
		if !w.call(0, combinations[0], 40) {
			t.Fatal("refused with enough left")
		}
		w.settle(0)
	}
	if w.shared.asked > calls/100 {
		t.Errorf("%d calls asked the store %d times", calls, w.shared.asked)
	}
	w.drain(w.replicas...)
	w.exact()
}

// Calls settle in the window that they were admitted in, and each threshold is told
// once by all replicas.
func TestWindowsAndThresholds(t *testing.T) {
	w := newWorld(t, 2, 3, false)
	percents := []int{25, 50, 75}
	for n := range 4000 {
		w.now = w.now.Add(5 * time.Millisecond)
		w.call(n%2, combinations[0], 30)
		if len(w.open) > 10 {
			w.settle(w.random.IntN(len(w.open)), percents...)
		}
	}
	before := slices.Clone(w.accounts)
	w.now = w.accounts[0].End.Add(time.Minute)
	for i := range w.accounts[:5] {
		w.accounts[i].Start, w.accounts[i].End = w.accounts[i].End, w.accounts[i].End.Add(24*time.Hour)
	}
	for len(w.open) > 0 {
		w.settle(0, percents...)
	}
	for range 100 {
		w.call(1, combinations[0], 30)
	}
	next := int64(0)
	for len(w.open) > 0 {
		was := w.spent[0]
		w.settle(0, percents...)
		next += w.spent[0] - was
	}
	w.drain(w.replicas...)
	states, err := w.shared.States(t.Context(), []budget.Account{before[0], before[1], w.accounts[0]})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{w.spent[0] - next, w.spent[1] - next, next} {
		if states[i].Spent != want || states[i].Held != 0 {
			t.Errorf("window %d: %d spent, %d held, want %d and none", i, states[i].Spent, states[i].Held, want)
		}
	}
	told := map[string]int{}
	for _, c := range w.crossed {
		told[fmt.Sprint(c.Key(), c.Percent)]++
	}
	for i := range before[:2] {
		for _, percent := range percents {
			want := 0
			if states[i].Spent*100 >= int64(percent)*before[i].Limit {
				want = 1
			}
			if got := told[fmt.Sprint(before[i].Key(), percent)]; got != want {
				t.Errorf("%s: %d percent was told %d times, want %d", before[i].Rule, percent, got, want)
			}
		}
	}
	if len(w.crossed) == 0 {
		t.Error("nothing was crossed")
	}
}

// Many callers at once on two replicas, while both count and one is closed.
func TestReplicasInParallel(t *testing.T) {
	shared := budget.NewMemory(nil)
	options := lease.Options{From: 2, Every: time.Millisecond}
	replicas := []*lease.Store{lease.New(shared, options), lease.New(shared, options)}
	accounts := []budget.Account{{Rule: "a", Unit: budget.Charged, Limit: 150_000}, {Rule: "b", Unit: budget.Tokens, Limit: 1_000_000}}
	var wait sync.WaitGroup
	var mu sync.Mutex // guards spent
	var spent int64
	for g := range 16 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(5, uint64(g)))
			for i := range 500 {
				s := replicas[(g+i)%2]
				h := budget.Hold{Accounts: accounts, Most: budget.Amounts{40, 40, 40, 1, 1}, Until: s.Now().Add(time.Hour)}
				binary.BigEndian.PutUint64(h.ID[:], uint64(g*500+i+1))
				short, err := s.Reserve(t.Context(), h)
				if err != nil {
					t.Error(err)
				}
				if !short.OK() {
					continue
				}
				n := random.Int64N(41)
				if _, found, err := s.Settle(t.Context(), h.ID, 0, budget.Amounts{n, n, n}, []int{50}); err != nil || !found {
					t.Errorf("settle: %v, %v", found, err)
				}
				mu.Lock()
				spent += n
				mu.Unlock()
				switch i % 100 {
				case 50:
					if _, err := s.Lapse(t.Context()); err != nil {
						t.Error(err)
					}
				case 70:
					states, err := s.States(t.Context(), accounts)
					if err != nil || states[0].Left() < 0 || states[0].Held < 0 {
						t.Errorf("%+v, %v", states, err)
					}
				case 90:
					if g == 0 && i > 400 {
						if err := replicas[1].Close(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	wait.Wait()
	for _, s := range replicas {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	states, err := shared.States(t.Context(), accounts)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Spent != spent || s.Held != 0 || s.Spent > s.Limit {
			t.Errorf("%s: %d spent, %d held, want %d", s.Rule, s.Spent, s.Held, spent)
		}
	}
}
