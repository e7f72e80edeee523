package budget

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Standing is how an account stands, and how fast it is spent.
type Standing struct {
	State
	Now time.Time
	// Burnt is what the ledger has of the time Over, which ends now and lies in the
	// account's window; where Over is 0, that is not known.
	Burnt int64
	Over  time.Duration
	// Carried is what the window before left, and is in Limit; below 0: it took.
	Carried int64
	Who     []Spender // those who spent most of the window, the first the most
	// WhoAtLeast says that replicas may have more of Who that could not be heard in time.
	WhoAtLeast bool
}

// Spender is a part of what an account has spent.
type Spender struct {
	Name  string // empty: calls that have none
	Spent int64
}

// PerHour is what is spent in an hour, rounded down.
func (s *Standing) PerHour() (n int64, known bool) { return s.in(time.Hour) }

// in is what is spent in a time, at the rate of now.
func (s *Standing) in(length time.Duration) (n int64, known bool) {
	if s.Over <= 0 {
		return 0, false
	}
	return share(max(0, s.Burnt), int64(length), int64(s.Over), false), true
}

// Projected is what will be spent when the window ends, if what comes is as what
// was. It is not known of a window that does not end, or moves.
func (s *Standing) Projected() (n int64, known bool) {
	if s.End.IsZero() {
		return 0, false
	}
	more, known := s.in(max(0, s.End.Sub(s.Now)))
	return plus(s.Spent, more), known
}

// RunsOut is when nothing is left, if what comes is as what was: false where that
// is not known, or not before the window ends. What moves with the clock comes
// back, so of such accounts it is known only once nothing is left.
func (s *Standing) RunsOut() (at time.Time, does bool) {
	left := s.Left()
	switch {
	case s.Unit == Concurrency || s.Rate > 0:
		return at, false
	case left <= 0:
		return s.Now, true
	case s.Over <= 0 || s.Burnt <= 0 || s.Rolling > 0:
		return at, false
	}
	wait := share(left, int64(s.Over), s.Burnt, true)
	at = s.Now.Add(time.Duration(wait))
	return at, wait < math.MaxInt64 && (s.End.IsZero() || at.Before(s.End))
}

// Reached are those of the percents that what was spent is of the limit.
func (s *Standing) Reached(percents []int) (reached []int) {
	for _, p := range percents {
		if s.Spent >= share(max(0, s.Limit), int64(p), 100, true) {
			reached = append(reached, p)
		}
	}
	return reached
}

// Of is the account of a rule that has the given value, or values, of Per at now;
// false: there is no such rule, or its accounts are not called that.
func (r *Rules) Of(rule, of string, now time.Time) (a Account, is bool) {
	c := r.find(rule)
	if c == nil || len(c.rule.Per) == 0 && of != "" || len(c.rule.Per) > 0 && !c.rule.wellFormed(of) {
		return a, false
	}
	c.accountOf(&a, of, now)
	return a, true
}

// Over reports whether the rule has ended at now.
func (r *Rule) Over(now time.Time) bool { return !r.Until.IsZero() && !now.Before(r.Until) }

// Value is what all calls of an account have of a key; false: it may be more than
// one.
func (r *Rule) Value(of, key string) (value string, one bool) {
	if i := slices.Index(r.Per, key); i >= 0 {
		values := strings.Split(of, "/")
		if i >= len(values) {
			return "", false
		}
		return plainly.Replace(values[i]), true
	}
	if p := r.Match[key]; len(p) == 1 && !strings.Contains(p[0], "*") {
		return p[0], true
	}
	return "", false
}

var plainly = strings.NewReplacer("%25", "%", "%2F", "/")
