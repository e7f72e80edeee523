package budget

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Rollover is what a window of the calendar leaves to the one after it.
type Rollover struct {
	Percent  int   // of what was left, 0 to 100; rounded down
	Cap      int64 // the most of that, in units; 0: there is no bound
	Negative bool  // what was spent beyond the limit is taken from the next, whole
}

// Past is a window that is over, of one account, in its unit.
type Past struct {
	Limit int64 // at its end, with what raised it then, and without what was carried
	Ended int64 // what had raised it, and ended before the window did
	Spent int64
	// AtLeast says that more may have been spent than is known: then nothing is left.
	AtLeast bool
}

// Carry is what the last of windows leaves to the one after it: below 0, it takes.
// They follow each other, the oldest first, and nothing was carried into that. Of
// what raised a limit and ended nothing is carried, and what was spent of it is not
// taken. Where more may have been spent than is known, it gives nothing.
func (r *Rollover) Carry(windows []Past) (carried int64) {
	for i := range windows {
		w := &windows[i]
		left := minus(plus(w.Limit, carried), w.Spent)
		switch {
		case left > 0 && w.AtLeast:
			carried = 0
		case left > 0:
			carried = r.most(share(left, int64(r.Percent), 100, false))
		case r.Negative:
			carried = min(0, plus(left, w.Ended))
		default:
			carried = 0
		}
	}
	return carried
}

func (r *Rollover) most(carried int64) int64 {
	if r.Cap > 0 {
		return min(carried, r.Cap)
	}
	return carried
}

// Carried is what accounts of one rule have in one window besides their limits. It
// does not change once it was given to Carry.
type Carried struct {
	Start, End time.Time        // of the window, half open
	Of         map[string]int64 // by what an account is of, in units; below 0: it has less
	Others     int64            // of accounts that are not in Of
}

func (c *Carried) amount(of string, now time.Time) int64 {
	if c == nil || now.Before(c.Start) || !now.Before(c.End) {
		return 0
	}
	if own, is := c.Of[of]; is {
		return own
	}
	return c.Others
}

// Carry gives the accounts of a rule what was carried into a window, in place of
// what they were given before. Limits stay at 0 or above. Of no rule, or of one
// without Rollover, it does nothing.
func (r *Rules) Carry(rule string, carried Carried) {
	if c := r.named[rule]; c != nil && c.rule.Rollover != nil {
		c.carried.Store(&carried)
	}
}

// Carried is what an account has at now besides its limit and what that was raised
// by; below 0: less.
func (r *Rules) Carried(rule, of string, now time.Time) int64 {
	if c := r.named[rule]; c != nil {
		return c.carried.Load().amount(of, now)
	}
	return 0
}

// Mistakes are what is wrong with r for a window; of none, nothing.
func (r *Rollover) Mistakes(w *Window) (wrong []error) {
	if r == nil {
		return nil
	}
	if !slices.Contains([]Every{Hour, Day, Week, Month, Quarter, Year}, w.Every) {
		wrong = append(wrong, fmt.Errorf("a window %.40q leaves nothing to another: rollover is of hour, day, week, month, quarter or year", w.Every))
	}
	if r.Percent < 0 || r.Percent > 100 {
		wrong = append(wrong, fmt.Errorf("rollover of %d is not in 0 to 100 percent", r.Percent))
	}
	if r.Cap < 0 {
		wrong = append(wrong, fmt.Errorf("a cap of %d is below 0", r.Cap))
	}
	if r.Percent == 0 && !r.Negative {
		wrong = append(wrong, errors.New("rollover carries nothing: it has neither a percent nor negative"))
	}
	if r.Percent == 0 && r.Cap > 0 {
		wrong = append(wrong, errors.New("a cap bounds what percent carries, and there is none"))
	}
	return wrong
}
