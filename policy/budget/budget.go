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
	"errors"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy"
)

// Unit is what an account counts.
type Unit uint8

// Charged and Contracted are nano-USD: the internal price, and what the provider
// is paid. Tokens are input and output together. Requests are calls. Concurrency
// is calls under way: it is given back when they end.
const (
	Charged Unit = iota
	Contracted
	Tokens
	Requests
	Concurrency
	units
)

var unitNames = [units]string{Charged: "usd", Contracted: "contracted_usd", Tokens: "tokens", Requests: "requests", Concurrency: "concurrency"}

func (u Unit) String() string { return unitNames[u] }

// IsMoney reports whether u is nano-USD.
func (u Unit) IsMoney() bool { return u <= Contracted }

// Amounts are what one attempt of a call takes, by unit; at least 0, but for
// corrections. What is settled of Concurrency is nothing.
type Amounts [units]int64

// MaxMost bounds what one hold takes of an account, in its unit; more is taken for
// it. In nano-USD it is a million dollars.
const MaxMost = 1e15

// Account is one limit of one owner in one window. Two accounts are the same when
// their Keys are.
type Account struct {
	Rule string // the budget or rate limit that it belongs to
	Of   string // the values that Rule counts apart, joined by "/"; empty: all that match share it
	Unit Unit
	// Series tells apart what accounts of a rule of that name count: it is another one
	// where a rule counts otherwise than before, so that they begin anew. 0: the first.
	Series uint64

	// Limit is what may be spent and held in the window, in units; for a Rate what
	// may be spent at once.
	Limit int64
	// Soft accounts take whatever is asked, and are never short: they only count.
	Soft bool
	// Named says that the configuration, or a person, has given it a limit of its own: it
	// is no value that callers made up.
	Named bool
	// Kept accounts are of rules that are out of use, see Rules.Keep: they are shown to
	// nobody. A store does not keep that.
	Kept bool
	// Start and End bound the window, half open; End is zero where it never ends.
	// For Rolling and Rate accounts they are zero.
	Start, End time.Time
	// Rolling is the length of a window that moves with the clock; zero: it does not.
	Rolling time.Duration
	// Rate is how long it takes to refill Limit from nothing (GCRA); zero: it is not
	// refilled.
	Rate time.Duration
}

// Key names an account in a store: rule, owner, unit, series, and the start of its
// window or how it moves. Limits are no part of it: one that is changed keeps what
// was spent; whatever else is changed begins from what the ledger has.
func (a *Account) Key() string {
	key := a.Rule + "\x00" + a.Of + "\x00" + a.Unit.String()
	switch {
	case a.Rate > 0:
		key += "\x00rate " + strconv.FormatInt(int64(a.Rate), 10)
	case a.Rolling > 0:
		key += "\x00rolling " + strconv.FormatInt(int64(a.Rolling), 10)
	case !a.Start.IsZero():
		key += "\x00" + strconv.FormatInt(a.Start.Unix(), 10)
	}
	if a.Series != 0 {
		key += "\x00series " + strconv.FormatUint(a.Series, 36)
	}
	return key
}

// Hold is what one attempt of a call has reserved: Most, of each account in its
// own unit. It is settled or released; if neither comes, it lapses at Until, and
// then what it held is spent. A store may keep Accounts: nobody changes them once
// they were given to Reserve.
type Hold struct {
	ID       policy.CallID
	Attempt  int
	Accounts []Account
	Most     Amounts
	Until    time.Time
	// At is when what is settled was spent, for a Rolling account; zero: when the hold
	// is taken.
	At time.Time
}

// Short says that a hold was not taken: nothing of it was.
type Short struct {
	At    int   // the first of the hold's accounts that is short; below 0: none is
	Left  int64 // what that account had left
	Spent int64 // what it had spent, as State has it; what was held then is not in it
	// Shared says that the account is Others, as there are too many for one of its own.
	Shared bool
	Again  time.Time // when it will have enough by itself, if nothing else is taken; zero: it is not known, or never
}

// OK reports whether the hold was taken.
func (s Short) OK() bool { return s.At < 0 }

// Taken is the Short of a hold that was.
var Taken = Short{At: -1}

// State is how an account stands. Of a Rate, what calls under way took is in Spent:
// it is refilled like all else.
type State struct {
	Account
	Spent, Held int64
	// At is when it was spent, for Load of a Rolling account; zero: now.
	At time.Time
}

// Left is what may still be taken. It is below 0 where more was spent than held.
func (s *State) Left() int64 { return minus(minus(s.Limit, s.Spent), s.Held) }

// Crossed is a share of a limit that one settlement took an account over.
type Crossed struct {
	Account
	Percent int // of Limit, as given to Settle
	Spent   int64
}

// EndedFor is how long a hold is not taken that was ended for good: longer than a
// request may be on its way to a store.
const EndedFor = 15 * time.Minute

// ErrEnded says that a hold came after it was ended for good.
var ErrEnded = errors.New("the hold was ended before it came: it is not taken any more")

// Store keeps accounts. It is safe for concurrent use; every operation is whole or
// not at all. Times are the store's clock, which Now tells: windows are cut by it,
// so that all replicas agree.
type Store interface {
	// Now is the time by which windows are cut.
	Now() time.Time
	// Reserve takes h from all of its accounts, or from none. A hold of the same call
	// and attempt that is there already changes nothing and is Taken.
	Reserve(ctx context.Context, h Hold) (Short, error)
	// Extend raises a hold to most, in all of its accounts or in none; what is not more
	// changes nothing. Of a hold that is not there it is Taken.
	Extend(ctx context.Context, id policy.CallID, attempt int, most Amounts) (Short, error)
	// Settle replaces a hold by what was spent, whatever was held. Of the thresholds,
	// which are percents, those that this call took an account's spent sum over come
	// back once, so that one replica alone acts on each. A hold that is not there was
	// settled or released, or has lapsed: nothing changes, and found is false. What is
	// spent counts in the windows that the hold was taken in.
	Settle(ctx context.Context, id policy.CallID, attempt int, spent Amounts, thresholds []int) (crossed []Crossed, found bool, err error)
	// Release gives a hold back: nothing was spent. It may be taken again.
	Release(ctx context.Context, id policy.CallID, attempt int) error
	// End is Settle for good: none of that name is taken for EndedFor, and Reserve
	// answers ErrEnded. It is for a hold that was asked for without an answer, as what
	// asked may still be on its way.
	End(ctx context.Context, id policy.CallID, attempt int, spent Amounts, thresholds []int) (crossed []Crossed, found bool, err error)
	// Spend counts h.Most as spent of all its accounts at h.At, whatever they have left:
	// what comes late, or is corrected (below 0). Until h.Until that is done once, and no
	// hold of that name is taken. Nothing is spent of Concurrency.
	Spend(ctx context.Context, h Hold, thresholds []int) ([]Crossed, error)
	// States tells how accounts stand, in their order; one that was never touched has
	// spent nothing.
	States(ctx context.Context, accounts []Account) ([]State, error)
	// Load sets what was spent in accounts that are not there yet, as the ledger has
	// it: the sum of the states of each. One that is there is left as it is.
	Load(ctx context.Context, states []State) error
	// Lapse settles holds that are over their time at what they held, and returns how
	// many. It is to be called from time to time.
	Lapse(ctx context.Context) (int, error)
}
