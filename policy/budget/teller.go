package budget

import (
	"context"
	"time"
)

// Told is a share of a limit that people were told is spent.
type Told struct {
	Percent      int
	Limit, Spent int64 // as they were told, in units
	At           time.Time
}

// MaxTold bounds what is kept of one account: the oldest goes first.
const MaxTold = 64

// Watched is an account that adds up, as it stands, and what people were told of it.
// Its Limit is the last that the store was given, which may have changed since.
type Watched struct {
	State
	Told []Told // the oldest first
}

// LookFor is how long who looks has it for itself.
const LookFor = 20 * time.Second

// WatchedFor is how long an account is looked at once its window has ended: what was
// crossed at its end may still be told.
const WatchedFor = 24 * time.Hour

// Over reports whether nobody looks at a any more at now.
func (a *Account) Over(now time.Time) bool {
	return !a.End.IsZero() && !now.Before(a.End.Add(WatchedFor))
}

// Teller is of a Store that knows which accounts it has and what people were told of
// them, whoever told it. So a mark that was crossed is told also where who crossed it
// did not live to do so, or never heard of it. It is safe for concurrent use.
type Teller interface {
	// Look gives take all accounts that add up, but those that are Over, some at a
	// time; one may come twice. It ends with the first error of take. Of those who
	// share the store one looks in LookFor, which begins anew with each of its looks:
	// for others mine is false.
	Look(ctx context.Context, take func([]Watched) error) (mine bool, err error)
	// Watch gives limits that changed, and accounts that a Look has left out though
	// they are there.
	Watch(ctx context.Context, accounts []Account) error
	// Tell keeps that people were told of all, or will be: of each account the last
	// MaxTold.
	Tell(ctx context.Context, all []Crossed) error
}

// Untold is the highest of thresholds, in percents, that is spent of a and of which
// people were not told; false: there is none. a is the account with its limit of now.
func (w *Watched) Untold(a *Account, thresholds []int, now time.Time) (highest Crossed, is bool) {
	for _, c := range a.Crossings(0, w.Spent, thresholds) {
		if !is || c.Percent > highest.Percent {
			highest, is = c, true
		}
	}
	for i := range w.Told {
		if is && w.Told[i].Says(&highest, now) {
			return highest, false
		}
	}
	return highest, is
}

// Says reports whether who was told of t knows c: of no lower share of that limit, or
// of another and as much as c stands for. In a moving window it is known for as long
// as that is.
func (t *Told) Says(c *Crossed, now time.Time) bool {
	switch {
	case t.Percent < c.Percent, c.Rolling > 0 && t.At.Before(now.Add(-c.Rolling)):
		return false
	case t.Limit == c.Limit:
		return true
	}
	return len(c.Crossings(0, t.Spent, []int{c.Percent})) > 0
}
