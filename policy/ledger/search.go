package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy"
)

// Match asks that something of a record has a value: an owner attribute, which a
// record without it has as "", or one of Dimensions, which win over attributes of
// the same name, but for day and hour.
type Match struct{ Name, Value string }

// Search asks for records, newest first.
type Search struct {
	From, To time.Time // completed in [From, To)
	Where    []Match   // all of them
	After    Place     // the last of the page before; zero: from the newest on
	Limit    int       // records at most, 1 to MaxPage
}

// MaxPage bounds Search.Limit and Review.Limit.
const MaxPage = 1000

// maxWhere bounds the conditions of one question.
const maxWhere = 16

// Place is where a record stands in the order of Find and Search.
type Place struct {
	Completed time.Time
	Call      policy.CallID
	Revision  int `json:",omitempty"`
	Attempt   int
}

// PlaceOf is the place of r.
func PlaceOf(r *policy.Record) Place { return Place{r.Completed, r.ID, r.Revision, r.Attempt} }

// Zero reports whether p is no place.
func (p Place) Zero() bool { return p.Completed.IsZero() }

// Compare orders places from old to new.
func (p Place) Compare(o Place) int {
	return cmp.Or(p.Completed.Compare(o.Completed), slices.Compare(p.Call[:], o.Call[:]), cmp.Compare(p.Revision, o.Revision), cmp.Compare(p.Attempt, o.Attempt))
}

// Check reports why s cannot be asked. Stores call it first.
func (s Search) Check() error {
	if s.Limit < 1 || s.Limit > MaxPage {
		return fmt.Errorf("search records: a limit of %d, want 1 to %d", s.Limit, MaxPage)
	}
	if err := checkWhere(s.Where); err != nil {
		return fmt.Errorf("search records: %w", err)
	}
	return nil
}

func checkWhere(where []Match) error {
	if len(where) > maxWhere {
		return fmt.Errorf("%d conditions, at most %d", len(where), maxWhere)
	}
	for _, m := range where {
		if m.Name == "day" || m.Name == "hour" || !IsDimension(m.Name) && !validAttribute(m.Name) {
			return fmt.Errorf("%q is nothing that a record has", m.Name)
		}
	}
	return nil
}
