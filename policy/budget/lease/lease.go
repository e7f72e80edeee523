// Package lease lets a replica count most calls by itself, over accounts that all
// replicas share.
//
// In come a budget.Store that can renew holds, and the calls of one replica; out go
// the same lines, mostly without a round trip. It refuses to know rules, prices, and
// how the store is reached.
//
// # Shares
//
// Calls that count against the same accounts take from one share of them: an
// ordinary hold in the store, out of which the replica reserves in memory. A share
// is raised when it is used up, and at most every second what was spent of it is
// counted in the store, in one step with holding the rest on. So spent and held in
// the store are at every moment at least what is spent and under way, and no limit
// is passed that the store would keep.
//
// Only what is asked for often has a share: from Options.From calls a second on. It
// has room for twice what the last second asked for, but for no more than a part in
// 32 of what is left of any of its accounts; where that is less than eight calls,
// each goes to the store by itself, so that limits are exact at their end. A replica
// that is short gives back what it does not use and asks again; what other replicas
// do not use comes back within two seconds: for so long a call may be refused early, or
// an answer stopped that outgrew its hold.
//
// Moving windows, rates and calls under way are reserved in the store for each call,
// and only windows and totals come from the share. A call is taken from all of its
// accounts or from none.
//
// # Thresholds, states, windows
//
// Thresholds are crossed in the store, once for all replicas, when a share is
// counted there: up to a second after the call, or with the next Lapse. States are
// exact for this replica; the shares of others count as held. A share is of accounts
// and their windows, so what its calls spend counts in the window of their admission.
//
// # When a replica dies
//
// Its shares lapse, and count as spent in their windows: of each combination of
// accounts at most what two seconds ask for, and a part in 32 of what was left, is
// then spent that was not, or counted twice if the replica finds the call in its
// journal. The ledger does not have it; windows are right again when they begin anew.
//
// A store that loses all its data loses shares too. That is seen when the next is
// counted: until then, a second or two, calls go on in what the replica had. A Replica
// drops all shares when it is told so, and their calls are settled in the store.
//
// # Who needs it
//
// A call against five accounts takes about 90 µs of a server's processor, so that one
// Redis, and one organisation in a Cluster, ends at some 11,000 calls a second. With
// leases it takes 0.05 µs (BenchmarkLeases in redisstore, docs/performance.md). They
// are needed from about 8,500 calls a second on.
//
// A call that another replica reserved from its share cannot be settled here: it is
// not found.
package lease

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// Shared is a store that all replicas share.
type Shared interface {
	budget.Store
	// Renew ends a hold in part.
	Renew(ctx context.Context, r budget.Renewal, thresholds []int) ([]budget.Crossed, bool, error)
}

// Options say when there are shares. The zero value works.
type Options struct {
	// From is from how many calls a second on the same accounts have a share; 0: 8.
	From int
	// Every is how often what a share spent is counted in the store; 0: a second; below
	// 0: with every call that is settled.
	Every time.Duration
	// Crossed is given the thresholds that are found crossed when a share is counted;
	// nil: Settle or Spend tells them, that one or the next.
	Crossed func([]budget.Crossed)
}

// Bounds of shares.
const (
	defaultFrom  = 8
	defaultEvery = time.Second
	// period is what demand is counted by.
	period = time.Second
	// partOf is which part of what is left of an account a share has room for.
	partOf = 32
	// fewest is how many calls a share has room for at least, or there is none.
	fewest = 8
	// holdFor is how long a share lives that nobody renews: longer than holds of calls.
	holdFor = 3 * time.Hour
	// renewAfter is how old a share becomes before it is renewed without need.
	renewAfter = 15 * time.Minute
	// forgetAfter is how long accounts are known that nobody asks for.
	forgetAfter = time.Minute
	// maxShares bounds the combinations of accounts that are known, and maxLoose what is
	// remembered of holds that may have been taken; maxUnsure, the calls of which the
	// store has not said whether it took them. Beyond it such a hold lapses.
	maxShares, maxLoose, maxUnsure = 10_000, 10_000, 10_000
)

// Store is a budget.Store with shares. It is safe for concurrent use.
type Store struct {
	shared Shared
	o      Options

	mu         sync.Mutex // guards all below, and shares; held for look-ups and arithmetic only
	shares     map[uint64]*share
	calls      map[name]call
	unsure     int              // calls that no share has, of which the store has not said that it took them
	loose      []name           // holds that may have been taken, to be given back
	untold     []budget.Crossed // found crossed, and not told yet
	thresholds []int            // that the last Settle asked for
	closed     bool
}

var _ budget.Store = (*Store)(nil)

// name is a hold's.
type name struct {
	id policy.CallID
	n  int
}

// call is a hold that this replica took.
type call struct {
	from   *share  // that its windows are taken from; nil: the store has all of it
	of     uint32  // which of the holds of the share
	parted *parted // where its accounts are, if the store has some; nil: the share has all
	unsure bool    // the store has not said that it took its part
	most   budget.Amounts
	until  time.Time

	accounts []budget.Account // of a hold that the store has all of
}

// New makes a store of one replica over a shared one.
func New(shared Shared, o Options) *Store {
	if o.From == 0 {
		o.From = defaultFrom
	}
	if o.Every == 0 {
		o.Every = defaultEvery
	}
	return &Store{shared: shared, o: o, shares: map[uint64]*share{}, calls: map[name]call{}}
}

// Now implements budget.Store.
func (s *Store) Now() time.Time { return s.shared.Now() }

// Load implements budget.Store.
func (s *Store) Load(ctx context.Context, states []budget.State) error {
	return s.shared.Load(ctx, states)
}

// Spend implements budget.Store.
func (s *Store) Spend(ctx context.Context, h budget.Hold, thresholds []int) ([]budget.Crossed, error) {
	crossed, err := s.shared.Spend(ctx, h, thresholds)
	return append(crossed, s.tell()...), err
}

// tell is what was found crossed since the last time.
func (s *Store) tell() []budget.Crossed {
	s.mu.Lock()
	defer s.mu.Unlock()
	untold := s.untold
	s.untold = nil
	return untold
}

// found keeps what was crossed without a call, or gives it to who asked for it.
func (s *Store) found(crossed []budget.Crossed) {
	if len(crossed) == 0 {
		return
	}
	if s.o.Crossed != nil {
		s.o.Crossed(crossed)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.untold = append(s.untold, crossed...)
}

// States implements budget.Store. A share of this replica counts as what its calls
// spent and hold, but while it is changed in the store.
func (s *Store) States(ctx context.Context, accounts []budget.Account) ([]budget.State, error) {
	before := s.quiet()
	states, err := s.shared.States(ctx, accounts)
	if err != nil || len(before) == 0 {
		return states, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	change := map[key]budget.State{}
	for b, steps := range before {
		if b.steps != steps || b.busy {
			continue
		}
		for i := range b.accounts {
			a := &b.accounts[i]
			sum := change[keyOf(a)]
			sum.Spent = budget.Sum(sum.Spent, b.spent[a.Unit])
			sum.Held += b.held[a.Unit] - b.size[a.Unit]
			change[keyOf(a)] = sum
		}
	}
	for i := range states {
		sum := change[keyOf(&states[i].Account)]
		states[i].Spent = budget.Sum(states[i].Spent, sum.Spent)
		states[i].Held = budget.Sum(states[i].Held, sum.Held)
	}
	return states, nil
}

// quiet are the shares that the store knows as they are, by how often they changed.
func (s *Store) quiet() map[*share]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[*share]uint64{}
	for _, b := range s.shares {
		if b.live && !b.busy && b.renewal == nil {
			all[b] = b.steps
		}
	}
	return all
}

// wrap says what was tried.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Shared is how often this process took or spent something of budget.Others in the
// store, where that counts it.
func (s *Store) Shared() int64 {
	if c, counts := s.shared.(interface{ Shared() int64 }); counts {
		return c.Shared()
	}
	return 0
}
