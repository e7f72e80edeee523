package terms

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Unit is what a price of the rate card is for: so many of something.
type Unit struct {
	Per  int64  // how many, at least 1
	Name string // one of them, in lower case: "token", "request", "gpu_hour"
}

// token is the unit of every meter that counts tokens; query is another word for
// what the meter of requests counts.
const (
	token = "token"
	query = "query"
)

const maxUnit = 64 // bytes

// ParseUnit reads "1K tokens", "1M tokens", "request", "GPU-hour": perhaps a
// number, with K or M for thousands and millions, and a name. Plurals, case,
// spaces and hyphens make no difference.
func ParseUnit(s string) (Unit, error) {
	words := strings.Fields(s)
	if len(words) == 0 || len(s) > maxUnit {
		return Unit{}, fmt.Errorf("parse unit %q: want something like \"1K tokens\" or \"request\"", clip(s))
	}
	per := int64(1)
	if c := words[0][0]; c >= '0' && c <= '9' {
		var ok bool
		if per, ok = parseCount(words[0]); !ok || len(words) == 1 {
			return Unit{}, fmt.Errorf("parse unit %q: want a whole number such as 1, 1K or 1M, and a name", clip(s))
		}
		words = words[1:]
	}
	name := unitName(strings.Join(words, "_"))
	if name == "" {
		return Unit{}, fmt.Errorf("parse unit %q: want a name", clip(s))
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return Unit{}, fmt.Errorf("parse unit %q: want letters in a name", clip(s))
		}
	}
	return Unit{per, name}, nil
}

// String is what ParseUnit reads.
func (u Unit) String() string {
	switch {
	case u.Per == 1:
		return u.Name
	case u.Per%1_000_000 == 0:
		return fmt.Sprintf("%dM %s", u.Per/1_000_000, u.Name)
	case u.Per%1000 == 0:
		return fmt.Sprintf("%dK %s", u.Per/1000, u.Name)
	}
	return fmt.Sprintf("%d %s", u.Per, u.Name)
}

// Counted reports whether some meter of this version counts u.
func (u Unit) Counted() bool {
	for c := range tokenizer.Classes {
		if u.meters(c) > 0 {
			return true
		}
	}
	return false
}

// meters is how many of a meter make one of u: 1 where u is what it counts, 3600
// where u is an hour of something that is counted in seconds; 0: it counts
// something else.
func (u Unit) meters(c tokenizer.Class) int64 {
	if c.IsToken() {
		if u.Name == token {
			return 1
		}
		return 0
	}
	name := unitName(c.String())
	if name == u.Name || c == tokenizer.Requests && u.Name == query {
		return 1
	}
	what, seconds := strings.CutSuffix(name, "second")
	if seconds {
		switch u.Name {
		case what + "minute":
			return 60
		case what + "hour":
			return 3600
		}
	}
	return 0
}

func parseCount(s string) (n int64, ok bool) {
	times := int64(1)
	switch s[len(s)-1] {
	case 'k', 'K':
		times = 1000
	case 'm', 'M':
		times = 1_000_000
	}
	if times > 1 {
		s = s[:len(s)-1]
	}
	const most = 1_000_000_000
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > most/times {
		return 0, false
	}
	return n * times, true
}

// unitName is one form for all that a unit may be called.
func unitName(s string) string {
	s = strings.ReplaceAll(strings.ToLower(s), "-", "_")
	switch {
	case strings.HasSuffix(s, "ies"):
		return s[:len(s)-3] + "y"
	case strings.HasSuffix(s, "ches"), strings.HasSuffix(s, "shes"), strings.HasSuffix(s, "xes"):
		return s[:len(s)-2]
	case strings.HasSuffix(s, "s") && !strings.HasSuffix(s, "ss"):
		return s[:len(s)-1]
	}
	return s
}

// meters are those that a row counts.
type meters [tokenizer.Classes]bool
