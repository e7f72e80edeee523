package redisstore

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
)

// movedClock is the server's, ahead by what a key says.
const movedClock = `
local function clock()
  local time = redis.call('TIME')
  local ahead = redis.call('GET', string.match(KEYS[1], '^.*}:') .. 'ahead')
  return time[1] * 1000000 + time[2] + (ahead or 0)
end
`

var orgNumber atomic.Int64

// newOrg is an organisation that no other test has.
func newOrg() string { return "org-" + strconv.FormatInt(orgNumber.Add(1), 10) }

// open opens the accounts of an organisation over a clock that can be moved.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := newStore(o, compile(movedClock))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if _, err := s.Fresh(t.Context()); err != nil { // reads the clock, too
		t.Fatal(err)
	}
	return s
}

// ready opens them, and says that all was loaded.
func ready(t testing.TB, o Options) *Store {
	t.Helper()
	s := open(t, o)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// harness is an empty organisation at addresses.
func harness(t *testing.T, addresses ...string) budgettest.Harness {
	o := Options{Addresses: addresses, Org: newOrg()}
	s := ready(t, o)
	stores := []*Store{s}
	return budgettest.Harness{
		Store: s,
		Another: func() budget.Store {
			another := open(t, o)
			stores = append(stores, another)
			return another
		},
		Advance: func(d time.Duration) {
			micros := strconv.FormatInt(d.Microseconds(), 10)
			client, err := s.link.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Do(t.Context(), client.B().Arbitrary("INCRBY").Keys(s.prefix+"ahead").Args(micros).Build()).Error(); err != nil {
				t.Fatal(err)
			}
			for _, s := range stores { // each reads the clock
				if _, err := s.Fresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
}

func TestStoreKeepsTheContract(t *testing.T) {
	address := startServer(t).address
	budgettest.Run(t, func(t *testing.T) budgettest.Harness { return harness(t, address) })
}

func TestStoreRenewsHolds(t *testing.T) {
	address := startServer(t).address
	budgettest.RunRenewals(t, func(t *testing.T) budgettest.Harness { return harness(t, address) })
}

func TestStoreTells(t *testing.T) {
	address := startServer(t).address
	budgettest.RunTelling(t, func(t *testing.T) budgettest.Harness { return harness(t, address) })
}

func TestNewRefuses(t *testing.T) {
	for _, org := range []string{"a}b", "{}", "a b", "ü", strings.Repeat("a", 65)} {
		if _, err := New(Options{Addresses: []string{"127.0.0.1:1"}, Org: org}); err == nil || !strings.Contains(err.Error(), "org") {
			t.Errorf("org %q: %v", org, err)
		}
	}
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "address") {
		t.Errorf("no address: %v", err)
	}
}

// The clock follows the quickest answer, any answer once that is old, and at once
// one that it cannot agree with.
func TestNowFollowsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{}
		answer := func(took, ahead time.Duration) {
			sent := time.Now()
			time.Sleep(took)
			s.read(sent.Add(took/2+ahead).UnixMicro(), sent)
		}
		for _, test := range []struct {
			name              string
			took, ahead, want time.Duration
		}{
			{"the first", 10 * time.Millisecond, 5 * time.Second, 5 * time.Second},
			{"a slower one", 40 * time.Millisecond, 5*time.Second + 30*time.Millisecond, 5 * time.Second},
			{"a quicker one", 2 * time.Millisecond, 5*time.Second + 4*time.Millisecond, 5*time.Second + 4*time.Millisecond},
			{"of another clock", 50 * time.Millisecond, -time.Hour, -time.Hour},
			{"slow, and the last is old", 11 * time.Second, -time.Hour - time.Second, -time.Hour - time.Second},
		} {
			answer(test.took, test.ahead)
			if got := time.Until(s.Now()); got != test.want {
				t.Errorf("%s: %v ahead, want %v", test.name, got, test.want)
			}
		}
	})
}
