package attribution

import (
	"strings"

	"github.com/farebox/farebox/policy"
)

// State is what Clean made of a value.
type State uint8

// Absent: empty or blank. Usable: it may name who pays. Unusable: longer than
// MaxValue bytes, not UTF-8, with a control or invisible formatting character,
// or the word policy.Unattributed, which nobody may give to themselves.
const (
	Absent State = iota
	Usable
	Unusable
)

// Clean trims white space and says whether what remains may be a value. It
// does not allocate.
func Clean(raw string) (value string, state State) {
	value = strings.TrimSpace(raw)
	switch {
	case value == "":
		return "", Absent
	case len(value) > MaxValue, value == policy.Unattributed, !policy.Printable(value):
		return "", Unusable
	}
	return value, Usable
}
