package budget

import "time"

// Extra is more of a limit of one account, for a time.
type Extra struct {
	Rule, Of string
	Unit     Unit
	Amount   int64     // in units, above 0
	From     time.Time // since when
	Until    time.Time // just before which it ends; zero: it does not
}

func (e *Extra) in(now time.Time) bool {
	return !now.Before(e.From) && (e.Until.IsZero() || now.Before(e.Until))
}

// Raise gives accounts what all say, in place of what they were given before. What
// is of another unit than its rule, or of no rule, is nothing. Calls that are
// admitted from then on have it, and where there is none it costs them nothing.
func (r *Rules) Raise(all []Extra) {
	if r == nil {
		return
	}
	more := map[string]map[string][]Extra{}
	for _, e := range all {
		c := r.named[e.Rule]
		if c == nil || c.rule.Unit != e.Unit || c.rule.Rate > 0 || e.Unit == Concurrency {
			continue
		}
		if more[e.Rule] == nil {
			more[e.Rule] = map[string][]Extra{}
		}
		more[e.Rule][e.Of] = append(more[e.Rule][e.Of], e)
	}
	for name, c := range r.named {
		if of := more[name]; of != nil {
			c.more.Store(&of)
		} else {
			c.more.Store(nil)
		}
	}
}

// ParseUnit is the inverse of String.
func ParseUnit(name string) (u Unit, is bool) {
	for u = range units {
		if unitNames[u] == name {
			return u, true
		}
	}
	return 0, false
}
