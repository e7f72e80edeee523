package price

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Query asks for the price of one call. An empty condition is not known: then
// only rows hold that do not ask for it.
type Query struct {
	Provider   string // who hosts the model; empty: not known
	Model      string // as answered, else as asked; at most 256 bytes
	Account    string // the provider's account, project or subscription
	Deployment string // how the model is deployed: global, data_zone, regional, provisioned
	Region     string // region or geography of processing, as the provider names it
	Tier       string // service tier as served; batch for a batch
	Size       string // of an image made
	Quality    string // of an image made
	Input      int64  // all input tokens, cached ones too; 0: not known, the lowest band
	At         time.Time
}

// global is the region that is none.
const global = "global"

// condition is one way in which a row is narrower than another. The list is in
// order of weight: of two rows, the first condition that differs decides.
type condition struct {
	name  string
	holds func(*Row, *Query) bool
	// weight tells which of two rows is narrower; rows of one weight ask for the
	// same, or for things of which both may hold.
	weight func(*Row) int64
	// meets reports whether some call fulfils both, of rows of one weight.
	meets func(a, b *Row) bool
}

// conditions are all but layer and name, which stand before them.
var conditions = [...]condition{
	{"provider", holdsProvider, func(r *Row) int64 { return given(r.Provider) }, func(a, b *Row) bool { return a.Provider == b.Provider }},
	{"account", func(r *Row, q *Query) bool { return r.Account == "" || r.Account == q.Account },
		func(r *Row) int64 { return given(r.Account) }, func(a, b *Row) bool { return a.Account == b.Account }},
	{"deployment", func(r *Row, q *Query) bool { return r.Deployment == "" || r.Deployment == q.Deployment },
		func(r *Row) int64 { return given(r.Deployment) }, func(a, b *Row) bool { return a.Deployment == b.Deployment }},
	{"region", holdsRegion, regionWeight, func(a, b *Row) bool { return overlap(a.Region, b.Region) }},
	{"tier", func(r *Row, q *Query) bool { return r.Tier == "" || r.Tier == q.Tier },
		func(r *Row) int64 { return given(r.Tier) }, func(a, b *Row) bool { return a.Tier == b.Tier }},
	{"size", func(r *Row, q *Query) bool { return r.Size == "" || r.Size == q.Size },
		func(r *Row) int64 { return given(r.Size) }, func(a, b *Row) bool { return a.Size == b.Size }},
	{"quality", func(r *Row, q *Query) bool { return r.Quality == "" || r.Quality == q.Quality },
		func(r *Row) int64 { return given(r.Quality) }, func(a, b *Row) bool { return a.Quality == b.Quality }},
	{"above", func(r *Row, q *Query) bool { return r.Above == 0 || q.Input > r.Above },
		func(r *Row) int64 { return r.Above }, func(*Row, *Row) bool { return true }},
	{"hours", func(r *Row, q *Query) bool { return r.Hours.holds(q.At) }, hoursWeight, func(a, b *Row) bool { return a.Hours.meets(b.Hours) }},
	{"from", func(r *Row, q *Query) bool { return r.From.IsZero() || !q.At.Before(r.From) },
		fromWeight, func(*Row, *Row) bool { return true }},
	{"until", func(r *Row, q *Query) bool { return r.Until.IsZero() || q.At.Before(r.Until) },
		func(*Row) int64 { return 0 }, meetsUntil},
}

func holdsProvider(r *Row, q *Query) bool {
	return r.Provider == "" || r.Provider == q.Provider || q.Provider == "" && !r.Resold
}

func holdsRegion(r *Row, q *Query) bool {
	if r.Region == "" {
		return true
	}
	if q.Region == "" || q.Region == global {
		return false
	}
	_, ok := match(r.Region, q.Region)
	return ok
}

func regionWeight(r *Row) int64 {
	if r.Region == "" {
		return 0
	}
	return 1 + int64(literals(r.Region))
}

func hoursWeight(r *Row) int64 {
	if r.Hours.IsZero() {
		return 0
	}
	return 1
}

// fromWeight is the start in seconds, 0 for none: a later start is narrower.
func fromWeight(r *Row) int64 {
	if r.From.IsZero() {
		return 0
	}
	return r.From.Unix()
}

// meetsUntil reports whether neither of two rows ends before the other begins.
func meetsUntil(a, b *Row) bool {
	before := func(until, from time.Time) bool { return !until.IsZero() && !from.IsZero() && !until.After(from) }
	return !before(a.Until, b.From) && !before(b.Until, a.From)
}

func given(s string) int64 {
	if s == "" {
		return 0
	}
	return 1
}

// holds reports whether the row's conditions do, the model aside. It is the hot
// path's form of conditions, which a test holds to it.
func (r *Row) holds(q *Query) bool {
	return holdsProvider(r, q) &&
		(r.Tier == "" || r.Tier == q.Tier) &&
		(r.Above == 0 || q.Input > r.Above) &&
		(r.From.IsZero() || !q.At.Before(r.From)) &&
		(r.Until.IsZero() || q.At.Before(r.Until)) &&
		(r.Region == "" || holdsRegion(r, q)) &&
		(r.Deployment == "" || r.Deployment == q.Deployment) &&
		(r.Account == "" || r.Account == q.Account) &&
		(r.Size == "" || r.Size == q.Size) &&
		(r.Quality == "" || r.Quality == q.Quality) &&
		r.Hours.holds(q.At)
}

// narrower compares two rows of one layer and name; 0 when neither is narrower.
// The second result names the condition that decided.
func narrower(a, b *Row) (order int, on string) {
	for i := range conditions {
		if c := cmp.Compare(conditions[i].weight(a), conditions[i].weight(b)); c != 0 {
			return c, conditions[i].name
		}
	}
	return 0, ""
}

// clash reports whether a call may fulfil both of two rows of which neither is
// narrower.
func clash(a, b *Row) bool {
	if order, _ := narrower(a, b); order != 0 {
		return false
	}
	for i := range conditions {
		if !conditions[i].meets(a, b) {
			return false
		}
	}
	return true
}

func (r *Row) check() error {
	switch {
	case r.ID == "":
		return errors.New("no id")
	case r.Model == "" || len(r.Model) > maxName:
		return fmt.Errorf("model: want 1 to %d bytes", maxName)
	case r.Free && r.known != 0:
		return errors.New("free, yet it has rates")
	case !r.Free && r.known == 0:
		return errors.New("no rate, and not free")
	case !r.From.IsZero() && !r.Until.IsZero() && !r.From.Before(r.Until):
		return errors.New("until is not after from")
	case r.Above < 0:
		return errors.New("above is below 0")
	case r.Region == global:
		return errors.New("region is global, which is none: leave it empty")
	}
	for _, alias := range r.Aliases {
		if alias == "" || len(alias) > maxName {
			return fmt.Errorf("alias: want 1 to %d bytes", maxName)
		}
	}
	for class, rate := range r.rates {
		if rate < 0 {
			return fmt.Errorf("rate %d is below 0", class)
		}
	}
	return r.Hours.check()
}
