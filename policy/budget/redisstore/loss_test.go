package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
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
		_, err3 := s.Charge(t.Context(), []budget.Account{a}, budget.Amounts{5}, nil)
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
// and the store goes on with it.
func TestStoreAfterAKill(t *testing.T) {
	at := startServer(t, "--appendonly", "yes")
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
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := s.Fresh(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after 30 seconds: %v", err)
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

// Servers that forget are refused, and nobody is at home where none is.
func TestNewRefuses(t *testing.T) {
	at := startServer(t, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru")
	if _, err := New(t.Context(), Options{Addresses: []string{at.address}}); err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("a server that forgets: %v", err)
	}
	at.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
	s, err := New(t.Context(), Options{Addresses: []string{at.address}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	at.kill()
	if _, err := New(t.Context(), Options{Addresses: []string{at.address}}); err == nil || !strings.Contains(err.Error(), at.address) {
		t.Errorf("no server: %v", err)
	}
	if _, err := New(t.Context(), Options{}); err == nil {
		t.Error("no address: no error")
	}
}

// What counts no more is forgotten by itself, and what may count is not.
func TestAccountsExpire(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	start := time.Now().UTC().Truncate(time.Second)
	accounts := map[string]budget.Account{
		"never":   {Rule: "total", Unit: budget.Charged, Limit: 100},
		"window":  {Rule: "day", Unit: budget.Charged, Limit: 100, Start: start, End: start.Add(24 * time.Hour)},
		"past":    {Rule: "past", Unit: budget.Charged, Limit: 100, Start: start.AddDate(0, -3, 0), End: start.AddDate(0, -2, 0)},
		"moving":  {Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: time.Hour},
		"rate":    {Rule: "rate", Unit: budget.Charged, Limit: 100, Rate: time.Hour},
		"calls":   {Rule: "cap", Unit: budget.Concurrency, Limit: 100},
		"of soft": {Rule: "soft", Unit: budget.Charged, Limit: 1, Soft: true, Rate: time.Hour},
	}
	days := func(n int) int64 { return int64(n) * 24 * 3600 }
	bounds := map[string][4]int64{ // seconds while held, and after; -1: never; -2: gone
		"never": {-1, -1, -1, -1}, "window": {days(41) - 60, days(41), days(41) - 60, days(41)}, "past": {-2, -2, -2, -2}, "moving": {-1, -1, 3600, 3800},
		"rate": {1800, 2000, 400, 500}, "calls": {-1, -1, -2, -2}, "of soft": {days(1), days(3), 3600*10 - 60, 3600*10 + 120},
	}
	ttl := func(a budget.Account) int64 {
		n, _ := strconv.ParseInt(at.command("TTL", s.account(&a))[1:], 10, 64)
		return n
	}
	n := 0
	for name, a := range accounts {
		n++
		reserveOne(t, s, n, 50, a)
		if got, want := ttl(a), bounds[name]; got < want[0] || got > want[1] {
			t.Errorf("%s: held, it is forgotten in %d seconds, want %d to %d", name, got, want[0], want[1])
		}
		if _, found, err := s.Settle(t.Context(), budgettest.ID(n), 0, budget.Amounts{10}, nil); err != nil || !found {
			t.Error(found, err)
		}
		if got, want := ttl(a), bounds[name]; got < want[2] || got > want[3] {
			t.Errorf("%s: spent, it is forgotten in %d seconds, want %d to %d", name, got, want[2], want[3])
		}
	}
}

// Lines and counts that are cut are errors, whatever they were.
func TestUnpackingRefusesWhatIsCut(t *testing.T) {
	a := budget.Account{Rule: "rule", Of: "team/\x00x", Unit: budget.Tokens, Limit: -5, Soft: true, Start: time.Unix(5, 6).UTC(), Rolling: time.Hour}
	line := packLine(&a)
	if got, err := unpackLine(a.Key(), line); err != nil || got != a {
		t.Errorf("%+v, %v, want %+v", got, err, a)
	}
	for cut := range len(line) {
		if _, err := unpackLine(a.Key(), line[:cut]); err == nil {
			t.Errorf("a line of %d bytes: no error", cut)
		}
	}
	for cut := 1; cut < len(a.Rule)+len(a.Of); cut++ {
		if _, err := unpackLine(a.Key()[:cut], line); err == nil {
			t.Errorf("a key of %d bytes: no error", cut)
		}
	}
	for _, a := range []budget.Account{{}, {Rate: 1}, {Rolling: 1}} {
		for size := 1; size < 40; size++ {
			_, err := unpackCount(&a, strings.Repeat("x", size), 0)
			if whole := map[byte]bool{sumKind: size == 16, rateKind: size == 26, movingKind: size%16 == 8}[kindOf(&a)]; whole == (err != nil) {
				t.Errorf("%d bytes of kind %d: %v", size, kindOf(&a), err)
			}
		}
	}
	if _, err := unpackInt("1234567"); err == nil {
		t.Error("seven bytes are no number")
	}
}

func BenchmarkReserveAndSettle(b *testing.B) {
	s := ready(b, Options{Addresses: []string{startServer(b).address}, Org: newOrg()})
	accounts := make([]budget.Account, 5)
	for i := range accounts {
		accounts[i] = budget.Account{Rule: string(rune('a' + i)), Of: "team", Unit: budget.Unit(i % 4), Limit: 1 << 62, Start: time.Unix(0, 0), End: time.Now().Add(time.Hour)}
	}
	run := func(b *testing.B, n uint64) bool {
		h := budget.Hold{Accounts: accounts, Most: budget.Amounts{100, 100, 100, 1, 1}, Until: s.Now().Add(time.Hour)}
		binary.BigEndian.PutUint64(h.ID[:], n)
		if short, err := s.Reserve(b.Context(), h); err != nil || !short.OK() {
			b.Error(short, err)
			return false
		}
		if _, found, err := s.Settle(b.Context(), h.ID, 0, budget.Amounts{50, 50, 50, 1, 1}, []int{50, 75, 90, 100}); err != nil || !found {
			b.Error(found, err)
			return false
		}
		return true
	}
	var n atomic.Uint64
	b.Run("one at a time", func(b *testing.B) {
		for b.Loop() && run(b, n.Add(1)) {
		}
	})
	b.Run("many at once", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() && run(b, n.Add(1)) {
			}
		})
	})
}
