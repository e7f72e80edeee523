// Package budgettest holds what every budget.Store must do, as tests: holds go in,
// and how accounts stand is compared with the contract and with plain sums. It
// knows no store. It asks for more time than it measures, so that the clock of a
// real server may run on beside it.
package budgettest

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// Harness is an empty store that is held to the contract.
type Harness struct {
	Store budget.Store
	// Another opens the same accounts once more, as another replica does; nil: the
	// store is of one process alone.
	Another func() budget.Store
	// Advance moves the clock of the store ahead, for all replicas.
	Advance func(time.Duration)
	// Batches says that what several calls spent may be counted in one step: a
	// threshold is then told at what they spent together.
	Batches bool
}

// Run holds a store to the contract. open makes an empty one that ends with t.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		hold func(room)
	}{
		{"a hold is taken and settled", taken},
		{"all accounts or none", allOrNone},
		{"the first that is short is told", firstShort},
		{"what the one that is short has spent is told", shortSpent},
		{"a hold that is there changes nothing", heldOnce},
		{"attempts are holds of their own", attempts},
		{"what was spent counts whatever was held", spentMore},
		{"a hold is settled once", settledOnce},
		{"a hold is released once", released},
		{"a hold that was ended for good is not taken any more", endedForGood},
		{"what is spent is spent once", spentOnce},
		{"a hold is raised in all accounts or in none", extended},
		{"a hold of nothing is never short", ofNothing},
		{"a hold is bounded", boundedHolds},
		{"soft accounts only count", soft},
		{"calls under way are given back", underWay},
		{"an account twice in a hold is asked for both", twice},
		{"a hold of many accounts", many},
		{"limits may change", changedLimits},
		{"owners may have any name", oddNames},
		{"states in their order", inOrder},
		{"what is spent without a hold, and corrections", withoutHold},
		{"what is loaded does not overwrite", loads},
		{"thresholds are told as they are crossed", thresholds},
		{"sums are exact", exact},
		{"sums stop at their bounds", bounded},
		{"agrees with plain sums", plainSums},
		{"windows keep what their holds spent", windows},
		{"a moving window forgets", rolling},
		{"a moving window forgets nothing early", rollingWhole},
		{"a moving window is loaded", rollingLoaded},
		{"what was spent at another moment", rollingBefore},
		{"a rate refills", rate},
		{"a rate gives back what was not refilled", rateRefunds},
		{"holds lapse at what they held", lapses},
		{"many holds lapse", lapsesMany},
		{"in parallel no limit is passed", parallel},
		{"in parallel a threshold is told once", parallelThresholds},
		{"in parallel a hold is settled once", parallelSettles},
		{"replicas share accounts", replicas},
	} {
		t.Run(test.name, func(t *testing.T) { test.hold(room{t, open(t)}) })
	}
}

// room is one test and its store.
type room struct {
	*testing.T
	Harness
}

// ID is the n-th call.
func ID(n int) (id policy.CallID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// Spending is what is spent of accounts, by a name that nothing else has.
func Spending(now time.Time, spent budget.Amounts, accounts ...budget.Account) budget.Hold {
	h := budget.Hold{Accounts: accounts, Most: spent, Until: now.Add(time.Hour)}
	binary.BigEndian.PutUint64(h.ID[8:], spendings.Add(1))
	h.ID[0] = 0xff
	return h
}

var spendings atomic.Uint64 // how many there were, in all tests of a process

// all is an amount of n in every unit.
func all(n int64) (a budget.Amounts) {
	for unit := range a {
		a[unit] = n
	}
	return a
}

// holdOf is the hold of call n that takes most of each account, for an hour.
func (r *room) holdOf(n int, most int64, accounts ...budget.Account) budget.Hold {
	return budget.Hold{ID: ID(n), Accounts: accounts, Most: all(most), Until: r.Store.Now().Add(time.Hour)}
}

func (r *room) reserve(h budget.Hold) budget.Short {
	r.Helper()
	short, err := r.Store.Reserve(r.Context(), h)
	if err != nil {
		r.Fatal(err)
	}
	return short
}

// take reserves what there must be enough of.
func (r *room) take(n int, most int64, accounts ...budget.Account) {
	r.Helper()
	if short := r.reserve(r.holdOf(n, most, accounts...)); !short.OK() {
		r.Errorf("hold %d of %d: %+v, want it taken", n, most, short)
	}
}

// refused reserves what there must not be enough of.
func (r *room) refused(n int, most int64, accounts ...budget.Account) budget.Short {
	r.Helper()
	short := r.reserve(r.holdOf(n, most, accounts...))
	if short.OK() {
		r.Errorf("hold %d of %d was taken, want it short", n, most)
	}
	return short
}

func (r *room) extend(n int, most budget.Amounts) budget.Short {
	r.Helper()
	short, err := r.Store.Extend(r.Context(), ID(n), 0, most)
	if err != nil {
		r.Fatal(err)
	}
	return short
}

// settle settles a hold that must be there.
func (r *room) settle(n int, spent budget.Amounts, percents ...int) []budget.Crossed {
	r.Helper()
	crossed, found, err := r.Store.Settle(r.Context(), ID(n), 0, spent, percents)
	if err != nil {
		r.Fatal(err)
	}
	if !found {
		r.Errorf("settle %d: no such hold", n)
	}
	return crossed
}

// gone settles a hold that must not be there.
func (r *room) gone(n int) {
	r.Helper()
	crossed, found, err := r.Store.Settle(r.Context(), ID(n), 0, all(7), []int{1, 100})
	if err != nil || found || len(crossed) > 0 {
		r.Errorf("settle %d: %v, %v, %v, want that it is not there", n, crossed, found, err)
	}
}

func (r *room) release(n int) {
	r.Helper()
	if err := r.Store.Release(r.Context(), ID(n), 0); err != nil {
		r.Fatal(err)
	}
}

func (r *room) spend(spent budget.Amounts, percents []int, accounts ...budget.Account) []budget.Crossed {
	r.Helper()
	crossed, err := r.Store.Spend(r.Context(), Spending(r.Store.Now(), spent, accounts...), percents)
	if err != nil {
		r.Fatal(err)
	}
	return crossed
}

func (r *room) load(states ...budget.State) {
	r.Helper()
	if err := r.Store.Load(r.Context(), states); err != nil {
		r.Fatal(err)
	}
}

func (r *room) states(accounts ...budget.Account) []budget.State {
	r.Helper()
	states, err := r.Store.States(r.Context(), accounts)
	if err != nil {
		r.Fatal(err)
	}
	if len(states) != len(accounts) {
		r.Fatalf("%d states of %d accounts", len(states), len(accounts))
	}
	return states
}

// want holds an account to what it must have spent and hold.
func (r *room) want(a budget.Account, spent, held int64) {
	r.Helper()
	if s := r.states(a)[0]; s.Spent != spent || s.Held != held {
		r.Errorf("%.40q of %.40q has spent %d and holds %d, want %d and %d", a.Rule, a.Of, s.Spent, s.Held, spent, held)
	}
}

// lapse settles what is over its time, and returns how many.
func (r *room) lapse() int {
	r.Helper()
	n, err := r.Store.Lapse(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return n
}

// wantPercents holds what was crossed to percents of one account, in any order.
func (r *room) wantPercents(crossed []budget.Crossed, of budget.Account, percents ...int) {
	r.Helper()
	var got []int
	for i := range crossed {
		if crossed[i].Key() == of.Key() {
			got = append(got, crossed[i].Percent)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, percents) {
		r.Errorf("crossed %v, want %v", got, percents)
	}
}

// total is a limit without a window.
func total(rule string, limit int64) budget.Account {
	return budget.Account{Rule: rule, Unit: budget.Charged, Limit: limit}
}

// day is a limit in a window of a day that has just begun.
func (r *room) day(rule string, limit int64) budget.Account {
	start := r.Store.Now().UTC().Truncate(time.Second)
	return budget.Account{Rule: rule, Of: "team", Unit: budget.Charged, Limit: limit, Start: start, End: start.Add(24 * time.Hour)}
}
