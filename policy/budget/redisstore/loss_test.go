package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
)

// holdOf is a hold of call n for an hour.
func holdOf(s *Store, n int, most int64, accounts ...budget.Account) budget.Hold {
	h := budget.Hold{ID: budgettest.ID(n), Accounts: accounts, Until: s.Now().Add(time.Hour)}
	for unit := range h.Most {
		h.Most[unit] = most
	}
	return h
}

func reserveOne(t *testing.T, s *Store, n int, most int64, accounts ...budget.Account) {
	t.Helper()
	if short, err := s.Reserve(t.Context(), holdOf(s, n, most, accounts...)); err != nil || !short.OK() {
		t.Fatalf("reserve: %+v, %v", short, err)
	}
}

func state(t *testing.T, s *Store, a budget.Account) budget.State {
	t.Helper()
	states, err := s.States(t.Context(), []budget.Account{a})
	if err != nil {
		t.Fatal(err)
	}
	return states[0]
}

// A store that is new, or has lost all, opens no limit before it was loaded.
func TestStoreIsFreshUntilReady(t *testing.T) {
	at := startServer(t)
	s := open(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	for round := range 2 {
		if fresh, err := s.Fresh(t.Context()); err != nil || !fresh {
			t.Fatalf("round %d: Fresh = %v, %v", round, fresh, err)
		}
		_, err1 := s.Reserve(t.Context(), holdOf(s, 1, 1, a))
		_, err2 := s.Extend(t.Context(), budgettest.ID(1), 0, budget.Amounts{5})
		_, err3 := s.Spend(t.Context(), budgettest.Spending(s.Now(), budget.Amounts{5}, a), nil)
		_, err4 := s.States(t.Context(), []budget.Account{a})
		for i, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, ErrFresh) {
				t.Errorf("round %d: call %d: %v, want ErrFresh", round, i, err)
			}
		}
		if _, found, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{5}, nil); found || err != nil {
			t.Errorf("round %d: settle: %v, %v", round, found, err)
		}
		if n, err := s.Lapse(t.Context()); n != 0 || err != nil {
			t.Errorf("round %d: lapse: %v, %v", round, n, err)
		}
		if err := s.Load(t.Context(), []budget.State{{Account: a, Spent: 90}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if fresh, err := s.Fresh(t.Context()); err != nil || fresh {
			t.Errorf("round %d: after Ready, Fresh = %v, %v", round, fresh, err)
		}
		reserveOne(t, s, 2, 10, a)
		if short, err := s.Reserve(t.Context(), holdOf(s, 3, 1, a)); err != nil || short.OK() {
			t.Errorf("round %d: beyond what was loaded: %+v, %v", round, short, err)
		}
		at.command("FLUSHALL")
	}
}

// What was acknowledged is there after the server was killed and started again,
// and the store goes on with it. With appendfsync everysec it may not be: while the
// server waits for the disk it answers before it has written.
func TestStoreAfterAKill(t *testing.T) {
	at := startServer(t, "--appendonly", "yes", "--appendfsync", "always")
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 1e9}
	var held, spent, unsure atomic.Int64 // unsure is what lost answers may have changed, either way
	var enough sync.WaitGroup
	var wait sync.WaitGroup
	enough.Add(500)
	for g := range 20 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(5, uint64(g)))
			for i := 0; ; i++ {
				most := 1 + random.Int64N(100)
				h := holdOf(s, g<<20+i, most, a)
				if _, err := s.Reserve(t.Context(), h); err != nil {
					unsure.Add(most)
					return
				}
				held.Add(most)
				if i < 50 && g < 10 {
					enough.Done()
				}
				if i%3 == 0 {
					continue
				}
				if _, _, err := s.Settle(t.Context(), h.ID, 0, budget.Amounts{most / 2}, nil); err != nil {
					unsure.Add(most)
					return
				}
				held.Add(-most)
				spent.Add(most / 2)
			}
		})
	}
	enough.Wait()
	at.kill()
	wait.Wait()
	at.start()
	untilAnswered(t, s)
	got := state(t, s, a)
	if d := got.Spent - spent.Load(); d < 0 || d > unsure.Load() {
		t.Errorf("spent %d, want %d and at most %d more", got.Spent, spent.Load(), unsure.Load())
	}
	if d := got.Held - held.Load(); d < -unsure.Load() || d > unsure.Load() {
		t.Errorf("held %d, want %d within %d", got.Held, held.Load(), unsure.Load())
	}
	if spent.Load() == 0 || held.Load() == 0 || unsure.Load() == 0 {
		t.Error("the server was killed too early, or too late")
	}
	reserveOne(t, s, 1<<40, 1, a)
}

// untilAnswered waits for a server that comes back.
func untilAnswered(t *testing.T, s *Store) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); ; <-tick.C {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := s.Fresh(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after 2 minutes: %v", err)
		}
	}
}

// A server that hangs holds nobody longer than their context, and serves again.
func TestCallsEndWithTheirContext(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	reserveOne(t, s, 1, 10, a)
	at.process.Process.Signal(syscall.SIGSTOP)
	var wait sync.WaitGroup
	for n := range 20 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := s.Reserve(ctx, holdOf(s, 10+n, 1, a)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("reserve: %v, want that its time is over", err)
			}
		})
	}
	wait.Wait()
	at.process.Process.Signal(syscall.SIGCONT)
	untilAnswered(t, s)
	for n := range 20 { // whether they ran or not, they can be given back
		if err := s.Release(t.Context(), budgettest.ID(10+n), 0); err != nil {
			t.Error(err)
		}
	}
	if got := state(t, s, a); got.Held != 10 || got.Spent != 0 {
		t.Errorf("%+v", got)
	}
}

func TestScriptsAreSentAgain(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	reserveOne(t, s, 1, 10, a)
	at.command("SCRIPT", "FLUSH")
	reserveOne(t, s, 2, 10, a)
	if got := state(t, s, a); got.Held != 20 {
		t.Errorf("%+v", got)
	}
}

// A server whose memory is full takes no more holds, but settles those it has.
func TestFullServerSettles(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	reserveOne(t, s, 1, 10, a)
	late := holdOf(s, 2, 10, a)
	late.Until = s.Now().Add(-time.Minute)
	if short, err := s.Reserve(t.Context(), late); err != nil || !short.OK() {
		t.Fatal(short, err)
	}
	at.command("CONFIG", "SET", "maxmemory", "1")
	if _, err := s.Reserve(t.Context(), holdOf(s, 3, 10, a)); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("reserve: %v, want that memory is full", err)
	}
	if _, found, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{7}, nil); err != nil || !found {
		t.Errorf("settle: %v, %v", found, err)
	}
	if n, err := s.Lapse(t.Context()); err != nil || n != 1 {
		t.Errorf("lapse: %d, %v", n, err)
	}
	if got := state(t, s, a); got.Spent != 17 || got.Held != 0 {
		t.Errorf("%+v, want 17 spent", got)
	}
}

// Servers that forget are refused, until they do not.
func TestServersThatForget(t *testing.T) {
	at := startServer(t, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru")
	s, err := New(Options{Addresses: []string{at.address}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Fresh(t.Context()); err == nil || !strings.Contains(err.Error(), "noeviction") || !NotMeant(err) {
		t.Errorf("a server that forgets: %v", err)
	}
	at.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
	untilAnswered(t, s)
}

// A store may be made before its server is there. Until then calls fail, not later
// than their context, and soon after it has come they do not.
func TestServerComesLater(t *testing.T) {
	at := startServer(t)
	at.kill()
	s, err := New(Options{Addresses: []string{at.address}})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := s.States(t.Context(), []budget.Account{{Rule: "r"}}); err == nil || !strings.Contains(err.Error(), at.address) || NotMeant(err) {
				t.Errorf("no server: %v, want its address", err)
			}
		})
	}
	wait.Wait()
	if apart := time.Until(s.Now()).Abs(); apart > time.Minute {
		t.Errorf("without a server the clock is %v ahead", apart)
	}
	at.start()
	untilAnswered(t, s)
	s.Close()
	if _, err := s.Fresh(t.Context()); err == nil {
		t.Error("after Close: no error")
	}
	unused, err := New(Options{Addresses: []string{at.address}})
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	if _, err := unused.Fresh(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("after Close of what was never used: %v", err)
	}
}

// A server that takes connections and says nothing holds no call longer than its
// context.
func TestServerIsSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Addresses: []string{silent.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := s.Release(ctx, budgettest.ID(1), 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("release: %v, want that its time is over", err)
			}
		})
	}
	wait.Wait()
	silent.Close() // ends the dial that goes on
	s.Close()
}

// A store that loses all in the midst of calls is loaded by whichever replicas see
// it first. What is spent beyond the limit is at most what was under way.
func TestLossAmidCalls(t *testing.T) {
	at := startServer(t)
	o := Options{Addresses: []string{at.address}, Org: newOrg()}
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 10_000}
	const callers, most, losses = 20, 10, 3
	var ledger, loads atomic.Int64 // what all calls have spent; how often it was loaded
	var loading sync.RWMutex       // no sum that is loaded is of before a loss
	var wait sync.WaitGroup
	for g := range callers {
		s := open(t, o)
		wait.Go(func() {
			for i := 0; ; i++ {
				h := holdOf(s, g<<20+i, most, a)
				short, err := s.Reserve(t.Context(), h)
				if errors.Is(err, ErrFresh) {
					loads.Add(1)
					loading.RLock()
					if err = s.Load(t.Context(), []budget.State{{Account: a, Spent: ledger.Load()}}); err == nil {
						err = s.Ready(t.Context())
					}
					loading.RUnlock()
					if err == nil {
						continue
					}
				}
				if err != nil {
					t.Errorf("reserve: %v", err)
					return
				}
				if !short.OK() {
					return
				}
				if spent := ledger.Add(most); spent == 2500 || spent == 5000 || spent == 7500 {
					loading.Lock()
					at.command("FLUSHALL")
					loading.Unlock()
				}
				if _, _, err := s.Settle(t.Context(), h.ID, 0, budget.Amounts{most}, nil); err != nil {
					t.Errorf("settle: %v", err)
					return
				}
			}
		})
	}
	wait.Wait()
	if spent := ledger.Load(); spent < a.Limit || spent > a.Limit+losses*callers*most || loads.Load() < 1+losses {
		t.Errorf("%d of %d were spent, and %d replicas loaded", spent, a.Limit, loads.Load())
	}
}
