package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Hearing asks for verdicts, newest first: of each subject there is the last one.
type Hearing struct {
	From, To time.Time // said in [From, To)
	Team     string    // on calls and interactions of this team; empty: of all
	Only     Finding   // AnyFinding: both
	After    Said      // the last of the page before; zero: from the newest on
	Limit    int       // verdicts at most, 1 to MaxPage
}

// Finding is which verdicts are asked for.
type Finding uint8

// The findings.
const (
	AnyFinding Finding = iota
	Successes
	Failures
)

// Fits reports whether a verdict is asked for.
func (f Finding) Fits(success bool) bool { return f == AnyFinding || success == (f == Successes) }

// Said is where a verdict stands in the order of a Hearing.
type Said struct {
	At time.Time
	On Subject
}

// SaidOf is the place of v.
func SaidOf(v *Verdict) Said { return Said{v.At, v.Subject} }

// Zero reports whether s is no place.
func (s Said) Zero() bool { return s.At.IsZero() }

// Compare orders places from old to new.
func (s Said) Compare(o Said) int {
	return cmp.Or(s.At.Compare(o.At), slices.Compare(s.On.Call[:], o.On.Call[:]), cmp.Compare(s.On.Team, o.On.Team),
		cmp.Compare(s.On.Interaction, o.On.Interaction))
}

// Check reports why h cannot be asked. Stores call it first.
func (h Hearing) Check() error {
	if h.Limit < 1 || h.Limit > MaxPage {
		return fmt.Errorf("hear verdicts: a limit of %d, want 1 to %d", h.Limit, MaxPage)
	}
	return nil
}
