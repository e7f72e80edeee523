package budget

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farebox/farebox/policy"
)

func callID(n int) (id policy.CallID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func holdOf(n int, most int64, accounts ...Account) Hold {
	h := Hold{ID: callID(n), Accounts: accounts, Until: time.Now().Add(time.Hour)}
	for _, a := range accounts {
		h.Most[a.Unit] = most
	}
	return h
}

func left(t *testing.T, m *Memory, a Account) int64 {
	t.Helper()
	states, err := m.States(t.Context(), []Account{a})
	if err != nil {
		t.Fatal(err)
	}
	return states[0].Left()
}

func reserve(t *testing.T, m *Memory, h Hold) Short {
	t.Helper()
	short, err := m.Reserve(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return short
}

// Many callers at once never take more than there is, whatever they use of it.
func TestMemoryNeverOverspends(t *testing.T) {
	m := NewMemory(nil)
	wide := Account{Rule: "all", Unit: Charged, Limit: 100_000}
	narrow := Account{Rule: "team", Of: "a", Unit: Charged, Limit: 60_000}
	var wait sync.WaitGroup
	for g := range 64 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for i := range 300 {
				h := holdOf(g*1000+i, 1+random.Int64N(500), wide, narrow)
				if short, _ := m.Reserve(t.Context(), h); !short.OK() {
					continue
				}
				for _, a := range h.Accounts {
					if n := left(t, m, a); n < 0 {
						t.Errorf("%s has %d left", a.Rule, n)
					}
				}
				if random.IntN(4) == 0 {
					m.Release(t.Context(), h.ID, 0)
					continue
				}
				m.Settle(t.Context(), h.ID, 0, Amounts{Charged: random.Int64N(h.Most[Charged] + 1)}, nil)
			}
		})
	}
	wait.Wait()
	states, _ := m.States(t.Context(), []Account{wide, narrow})
	if states[0].Held != 0 || states[1].Held != 0 || states[0].Spent != states[1].Spent || states[0].Spent < 59_000 {
		t.Errorf("at the end: %+v", states)
	}
}

func TestMemorySettlesOnce(t *testing.T) {
	m := NewMemory(nil)
	a := Account{Rule: "r", Unit: Charged, Limit: 1000}
	reserve(t, m, holdOf(1, 600, a))
	if short := reserve(t, m, holdOf(2, 500, a)); short.OK() || short.Left != 400 || short.At != 0 {
		t.Errorf("a second hold: %+v", short)
	}
	crossed, found, _ := m.Settle(t.Context(), callID(1), 0, Amounts{Charged: 950}, []int{50, 75, 90, 100})
	if !found || len(crossed) != 3 || crossed[2].Percent != 90 || crossed[2].Spent != 950 {
		t.Errorf("crossed %+v", crossed)
	}
	if _, found, _ := m.Settle(t.Context(), callID(1), 0, Amounts{Charged: 950}, nil); found || left(t, m, a) != 50 {
		t.Error("it was settled twice")
	}
	m.Spend(t.Context(), spending(m.now(), Amounts{Charged: -900}, a), nil)
	if left(t, m, a) != 950 {
		t.Error("what was corrected is not given back")
	}
}

func TestMemoryExtends(t *testing.T) {
	m := NewMemory(nil)
	a := Account{Rule: "r", Unit: Tokens, Limit: 1000}
	reserve(t, m, holdOf(1, 600, a))
	if short, _ := m.Extend(t.Context(), callID(1), 0, Amounts{Tokens: 1100}); short.OK() || left(t, m, a) != 400 {
		t.Error("it was extended beyond the limit")
	}
	if short, _ := m.Extend(t.Context(), callID(1), 0, Amounts{Tokens: 900}); !short.OK() || left(t, m, a) != 100 {
		t.Error("it was not extended")
	}
	m.Release(t.Context(), callID(1), 0)
	if left(t, m, a) != 1000 {
		t.Error("it was not given back")
	}
}

// A rate refills evenly, and what was held for too much comes back, as far as it
// was not refilled already.
func TestMemoryRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		a := Account{Rule: "rate", Unit: Tokens, Limit: 600, Rate: time.Minute}
		reserve(t, m, holdOf(1, 600, a))
		short := reserve(t, m, holdOf(2, 100, a))
		if again := time.Until(short.Again); short.OK() || again != 10*time.Second {
			t.Errorf("%+v, again in %v", short, again)
		}
		if short := reserve(t, m, holdOf(3, 601, a)); short.OK() || !short.Again.IsZero() {
			t.Errorf("more than all: %+v", short)
		}
		time.Sleep(10 * time.Second)
		if n := left(t, m, a); n != 100 {
			t.Errorf("after ten seconds: %d", n)
		}
		m.Settle(t.Context(), callID(1), 0, Amounts{Tokens: 200}, nil)
		if n := left(t, m, a); n != 500 {
			t.Errorf("after 400 came back: %d", n)
		}
		reserve(t, m, holdOf(4, 100, a))
		time.Sleep(time.Minute)
		reserve(t, m, holdOf(5, 600, a))
		m.Settle(t.Context(), callID(4), 0, Amounts{Tokens: 0}, nil)
		if n := left(t, m, a); n != 0 {
			t.Errorf("what was refilled came back once more: %d", n)
		}
	})
}

func TestMemoryRolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		a := Account{Rule: "hour", Unit: Charged, Limit: 1000, Rolling: time.Hour}
		m.Load(t.Context(), []State{{Account: a, Spent: 300, At: time.Now().Add(-30 * time.Minute)}, {Account: a, Spent: 100}})
		reserve(t, m, holdOf(1, 600, a))
		m.Settle(t.Context(), callID(1), 0, Amounts{Charged: 500}, nil)
		short := reserve(t, m, holdOf(2, 200, a))
		if short.OK() || short.Left != 100 || time.Until(short.Again) < 30*time.Minute || time.Until(short.Again) > 32*time.Minute {
			t.Errorf("%+v, in %v", short, time.Until(short.Again))
		}
		time.Sleep(time.Until(short.Again))
		if short := reserve(t, m, holdOf(3, 200, a)); !short.OK() {
			t.Errorf("when it was told: %+v", short)
		}
		time.Sleep(2 * time.Hour)
		m.Settle(t.Context(), callID(3), 0, Amounts{Charged: 200}, nil)
		if n := left(t, m, a); n != 1000 {
			t.Errorf("after all left the window: %d", n)
		}
	})
}

func TestMemoryForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		day := Account{Rule: "day", Unit: Charged, Limit: 1000, Start: time.Now(), End: time.Now().Add(24 * time.Hour)}
		accounts := []Account{
			day, {Rule: "roll", Unit: Charged, Limit: 1000, Rolling: time.Hour}, {Rule: "rate", Unit: Tokens, Limit: 1000, Rate: time.Minute},
			{Rule: "cap", Unit: Concurrency, Limit: 1000},
		}
		reserve(t, m, holdOf(1, 10, accounts...))
		time.Sleep(time.Hour)
		if n, _ := m.Lapse(t.Context()); n != 1 || left(t, m, day) != 990 {
			t.Errorf("%d lapsed, %d left", n, left(t, m, day))
		}
		time.Sleep(25 * time.Hour)
		m.Lapse(t.Context())
		time.Sleep(keepOver)
		m.Lapse(t.Context())
		if len(m.accounts) != 0 {
			t.Errorf("%d accounts are remembered", len(m.accounts))
		}
	})
}

// What a call under way counts against is kept, also where nothing is held of it: of a
// model without a price, what it cost is known when it ends.
func TestMemoryKeepsWhatCallsUnderWayCountAgainst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		roll := Account{Rule: "roll", Unit: Charged, Limit: 1000, Rolling: 24 * time.Hour}
		h := holdOf(1, 0, roll)
		h.Until = time.Now().Add(5 * time.Hour)
		reserve(t, m, h)
		m.Lapse(t.Context())
		time.Sleep(2 * keepOver)
		m.Lapse(t.Context())
		if _, found, _ := m.Settle(t.Context(), callID(1), 0, Amounts{Charged: 40}, nil); !found || left(t, m, roll) != 960 {
			t.Errorf("found %v, %d left, want 960", found, left(t, m, roll))
		}
	})
}

// A rate that calls have overdrawn is kept until it is full again.
func TestMemoryKeepsRatesThatAreOverdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		rate := Account{Rule: "rate", Unit: Tokens, Limit: 1000, Rate: time.Hour}
		if _, err := m.Spend(t.Context(), spending(m.now(), Amounts{Tokens: 10_000}, rate), nil); err != nil {
			t.Fatal(err)
		}
		m.Lapse(t.Context())
		time.Sleep(2 * keepOver)
		m.Lapse(t.Context())
		if short := reserve(t, m, holdOf(1, 1, rate)); short.OK() {
			t.Error("a call passes while nine parts in ten are owed")
		}
	})
}

// However large a rate is, no call is free of it.
func TestNothingOfARateIsFree(t *testing.T) {
	huge := Account{Unit: Tokens, Limit: 1e12, Rate: time.Minute}
	if n := cost(&huge, 1); n != 1 {
		t.Errorf("a token refills in %d ns, want 1", n)
	}
	if n := cost(&huge, -20); n != -1 { // 1.2 ns: what is given back is no more than was taken
		t.Errorf("what is given back is worth %d ns, want -1", n)
	}
}

// A clock that was set ahead and back finds windows as they were: what was spent in
// them cannot be spent again.
func TestMemoryIsSpentWhenItsClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead time.Duration
		start := time.Now()
		m := NewMemory(func() time.Time { return time.Now().Add(ahead) })
		accounts := []Account{
			{Rule: "day", Unit: Charged, Limit: 1000, Start: start, End: start.Add(24 * time.Hour)},
			{Rule: "roll", Unit: Charged, Limit: 1000, Rolling: 24 * time.Hour},
		}
		reserve(t, m, holdOf(1, 1000, accounts...))
		if _, _, err := m.Settle(t.Context(), callID(1), 0, Amounts{Charged: 900}, nil); err != nil {
			t.Fatal(err)
		}
		for range 3 { // each time for less than is waited
			ahead = 400 * 24 * time.Hour
			for range 50 {
				m.Lapse(t.Context())
				time.Sleep(time.Minute)
			}
			ahead = 0
			m.Lapse(t.Context())
			for _, a := range accounts {
				if n := left(t, m, a); n != 100 {
					t.Fatalf("%s: %d are left, want 100", a.Rule, n)
				}
			}
		}
	})
}

func TestMemoryKeepsToInt64(t *testing.T) {
	m := NewMemory(nil)
	a := Account{Rule: "huge", Unit: Charged, Limit: math.MaxInt64, Soft: true}
	for n := range 3 {
		reserve(t, m, holdOf(n, math.MaxInt64/2+1, a))
	}
	for n := range 3 {
		m.Settle(t.Context(), callID(n), 0, Amounts{Charged: math.MaxInt64}, []int{50})
	}
	if n := left(t, m, a); n > 0 {
		t.Errorf("%d left", n)
	}
}

func BenchmarkMemory(b *testing.B) {
	m := NewMemory(nil)
	accounts := make([]Account, 5)
	for i := range accounts {
		accounts[i] = Account{Rule: string(rune('a' + i)), Of: "team", Unit: Unit(i % 4), Limit: math.MaxInt64}
	}
	h := Hold{Accounts: accounts, Most: Amounts{100, 100, 100, 1, 1}}
	var n uint64
	for b.Loop() {
		n++
		binary.BigEndian.PutUint64(h.ID[:], n)
		m.Reserve(b.Context(), h)
		m.Settle(b.Context(), h.ID, 0, Amounts{50, 50, 50, 1, 1}, []int{50, 75, 90, 100})
	}
}

func TestMemoryAdds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(nil)
		total, rolling := Account{Rule: "total", Limit: 1000}, Account{Rule: "hour", Limit: 1000, Rolling: time.Hour}
		m.Spend(t.Context(), spending(m.now(), Amounts{Charged: 100}, total, rolling), nil)
		m.Add(t.Context(), []State{{Account: total, Spent: 300}, {Account: rolling, Spent: 200, At: time.Now().Add(-50 * time.Minute)}, {Account: rolling, Spent: 50}})
		if left(t, m, total) != 600 || left(t, m, rolling) != 650 {
			t.Errorf("left %d and %d", left(t, m, total), left(t, m, rolling))
		}
		time.Sleep(15 * time.Minute)
		if n := left(t, m, rolling); n != 850 {
			t.Errorf("left %d after the first part has passed", n)
		}
	})
}

// spending is what is spent of accounts, by a name that nothing else has.
func spending(now time.Time, spent Amounts, accounts ...Account) (h Hold) {
	h = Hold{Accounts: accounts, Most: spent, Until: now.Add(time.Hour)}
	binary.BigEndian.PutUint64(h.ID[:], rand.Uint64())
	return h
}
