package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// MaxRows bounds the answer to a Query.
const MaxRows = 100_000

// maxBy bounds Query.By: what people can read, and then some.
const maxBy = 16

// ErrTooManyRows is the answer to a Query of more than MaxRows groups.
var ErrTooManyRows = errors.New("more than 100000 groups: group by less or ask for a shorter time")

// Check reports why a Query cannot be asked: too many names to group by, or one
// that is neither a dimension nor could be an attribute. Stores call it first.
func (q Query) Check() error {
	if len(q.By) > maxBy {
		return fmt.Errorf("query usage: %d names to group by, at most %d", len(q.By), maxBy)
	}
	for _, name := range q.By {
		if !IsDimension(name) && !validAttribute(name) {
			return fmt.Errorf("query usage: %q is no attribute: want a letter, then letters, digits, _ - . (at most 64)", name)
		}
	}
	if err := checkWhere(q.Where); err != nil {
		return fmt.Errorf("query usage: %w", err)
	}
	return nil
}

// IsDimension reports whether name is one of Dimensions.
func IsDimension(name string) bool { return slices.Contains(Dimensions, name) }

// validAttribute holds names to a letter or underscore, then letters, digits,
// and "_-.", so that no store has to quote anything else.
func validAttribute(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		later := c >= '0' && c <= '9' || c == '-' || c == '.'
		if !letter && (i == 0 || !later) {
			return false
		}
	}
	return true
}

// SortRows puts the dearest (charged) first, and equals in the order of their
// keys.
func SortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(b.Charged.Cmp(a.Charged), slices.Compare(a.Keys, b.Keys))
	})
}
