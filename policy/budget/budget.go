// Package budget keeps limits that hold.
//
// Rules say which calls count against which accounts; a Store reserves, before a
// call goes upstream, the most that it can take from each of them, and settles
// what it took. In come calls with their owners, amounts and moments; out go
// lines, or which account is short and when it will be more. It refuses to know
// prices, tokens of a body, and where limits are written down.
//
// Money is whole nano-USD here, rounded half up once a call; the ledger alone is
// exact below that.
package budget

import (
	"context"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy"
)

// Unit is what an account counts.
type Unit uint8

// Money is nano-USD. Tokens are input and output together. Requests are calls.
// Concurrency is calls under way: what is settled of them is given back.
const (
	Money Unit = iota
	Tokens
	Requests
	Concurrency
)

var unitNames = [...]string{Money: "usd", Tokens: "tokens", Requests: "requests", Concurrency: "concurrency"}

func (u Unit) String() string { return unitNames[u] }

// Account is one limit of one owner in one window. Two accounts are the same when
// their Keys are.
type Account struct {
	Rule string // the budget or rate limit that it belongs to
	Of   string // the values that Rule counts apart, joined by "/"; empty: all that match share it
	Unit Unit

	// Limit is what may be spent and held in the window, in units; for a Rate what
	// may be spent at once.
	Limit int64
	// Start and End bound the window, half open; End is zero where it never ends.
	// For Rolling and Rate accounts they are zero.
	Start, End time.Time
	// Rolling is the length of a window that moves with the clock; zero: it does not.
	Rolling time.Duration
	// Rate is how long it takes to refill Limit from nothing (GCRA); zero: it is not
	// refilled.
	Rate time.Duration
}

// Key names an account in a store: rule, owner, unit and the start of its window.
func (a *Account) Key() string {
	key := a.Rule + "\x00" + a.Of + "\x00" + a.Unit.String()
	if !a.Start.IsZero() {
		key += "\x00" + strconv.FormatInt(a.Start.Unix(), 10)
	}
	return key
}

// Line is what one call may take from one account at most.
type Line struct {
	Account
	Most int64 // in the account's unit; at least 0
}

// Hold is what one attempt of a call has reserved. It is settled or released; if
// neither comes, it lapses at Until, and then what it held is spent.
type Hold struct {
	ID      policy.CallID
	Attempt int
	Lines   []Line
	Until   time.Time
}

// Short says that a hold was not taken: nothing of it was.
type Short struct {
	Line  int       // the first line that falls short; below 0: none does
	Left  int64     // what its account had left
	Again time.Time // when it will have more by itself; zero: it is not known
}

// OK reports whether the hold was taken.
func (s Short) OK() bool { return s.Line < 0 }

// Taken is the Short of a hold that was.
var Taken = Short{Line: -1}

// State is how an account stands.
type State struct {
	Account
	Spent, Held int64
}

// Left is what may still be taken. It is below 0 where more was spent than held.
func (s *State) Left() int64 { return s.Limit - s.Spent - s.Held }

// Crossed is a share of a limit that one settlement took an account over.
type Crossed struct {
	Account
	Percent int // of Limit, as given to Settle
	Spent   int64
}

// Store keeps accounts. It is safe for concurrent use; every operation is whole or
// not at all. Times are the store's clock, which Now tells: windows are cut by it,
// so that all replicas agree.
type Store interface {
	// Now is the time by which windows are cut.
	Now() time.Time
	// Reserve takes every line of h, or none. A hold of the same call and attempt is
	// there already: it changes nothing and is Taken.
	Reserve(ctx context.Context, h Hold) (Short, error)
	// Extend raises the lines of a hold to most, in their order, all or none; what is
	// not more changes nothing.
	Extend(ctx context.Context, id policy.CallID, attempt int, most []int64) (Short, error)
	// Settle replaces a hold by what was spent, in the order of its lines, whatever
	// was held. Thresholds are percents; those that this call took an account's spent
	// sum over come back once, so that one replica alone acts on each. A hold that is
	// not there was settled, released or has lapsed: nothing changes.
	Settle(ctx context.Context, id policy.CallID, attempt int, spent []int64, thresholds []int) ([]Crossed, error)
	// Release gives a hold back: nothing was spent.
	Release(ctx context.Context, id policy.CallID, attempt int) error
	// Charge spends without a hold: what comes late, or is corrected (below 0).
	Charge(ctx context.Context, lines []Line, thresholds []int) ([]Crossed, error)
	// States tells how accounts stand, in their order; one that was never touched has
	// spent nothing.
	States(ctx context.Context, accounts []Account) ([]State, error)
	// Load sets what was spent in accounts that are not there yet, as the ledger has
	// it. One that is there is left as it is.
	Load(ctx context.Context, states []State) error
	// Lapse settles holds that are over their time at what they held, and returns how
	// many. It is to be called from time to time.
	Lapse(ctx context.Context) (int, error)
}
