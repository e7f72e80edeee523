// Package generic reads calls that speak no dialect of a model's API, as the
// operator describes them: a search of vectors, a reranker, a tool, a job on a GPU.
//
// In come a Route, which says what path its calls have and how they are counted,
// and then request bodies, whole, and answers in any pieces. Out go a Call that
// says how many queries it asks, and a Reading. The package knows no price, no team
// and no transport, looks at no more of a body than the route names, and trusts no
// body: what cannot be read is counted.
//
// A call is counted by its request as long as its answer does not say better: it is
// one query, or as many as the route finds in its body, and never none.
package generic

import (
	"errors"
	"fmt"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// Name is the dialect's name in the ledger.
const Name = "generic"

// Bounds of a Route.
const (
	MaxUsage = 8         // counts
	MaxTimes = 1_000_000 // of a Count
	maxText  = 256       // bytes of a path, or of a model's name
)

// Route is one kind of call.
type Route struct {
	Method    string // empty: POST
	Path      string // a pattern, see ParsePattern
	Operation string // what the call is called; required
	// Model is the name that the call is priced by. In it, {NAME} stands for what the
	// path has there, and {body.a.b} for a text or number in the request's JSON. Where
	// one of them is absent the call has no model. Empty: Operation.
	Model string
	// Queries is where the body says how many queries a call asks, see Count.Path.
	// Empty: it asks one.
	Queries string
	// Usage is what the answer tells. With it the call itself is counted only if
	// Queries is given too, or the answer does not tell any of it.
	Usage []Count
}

// Count is one quantity that an answer tells.
type Count struct {
	Meter tokenizer.Class
	// Path leads to it: names of members from the top, joined by dots; a star is each
	// element of a list. A path that ends in a star counts the elements; any other
	// leads to a number, or several, which are added up.
	Path  string
	Times int64 // what a number is multiplied by: 3600 for hours, counted in seconds; 0: 1
}

// Dialect reads the calls of one route. It never changes.
type Dialect struct {
	method    string
	path      Pattern
	operation string
	model     template
	queries   *plan // nil: a call asks one
	usage     *plan // nil: the answer tells nothing
	counted   bool  // the queries are counted beside the usage
}

var (
	_ tokenizer.Dialect  = (*Dialect)(nil)
	_ tokenizer.Refuser  = (*Dialect)(nil)
	_ tokenizer.Parter   = (*Dialect)(nil)
	_ tokenizer.Listener = (*Dialect)(nil)
)

// New makes the dialect of a route. An *Error says which part of the route cannot
// be used.
func New(r Route) (*Dialect, error) {
	d := &Dialect{method: r.Method, operation: r.Operation, counted: r.Queries != "" || len(r.Usage) == 0}
	if d.method == "" {
		d.method = "POST"
	}
	var err error
	if d.path, err = ParsePattern(r.Path); err != nil {
		return nil, &Error{"path", err}
	}
	if d.operation == "" {
		return nil, &Error{"operation", errors.New("a route needs a name of what its calls do")}
	}
	model := r.Model
	if model == "" {
		model = r.Operation
	}
	if d.model, err = parseTemplate(model, &d.path); err != nil {
		return nil, &Error{"model", err}
	}
	if r.Queries != "" {
		if d.queries, err = compile([]Count{{Meter: tokenizer.Requests, Path: r.Queries}}); err != nil {
			return nil, &Error{"queries", err}
		}
	}
	if len(r.Usage) > 0 {
		if d.usage, err = compile(r.Usage); err != nil {
			return nil, &Error{"usage", err}
		}
	}
	if d.usage != nil && d.queries != nil && d.usage.counts(tokenizer.Requests) {
		return nil, &Error{"usage", errors.New("counts requests, which queries does too")}
	}
	return d, nil
}

// Error is what is wrong with one part of a Route: path, operation, model, queries
// or usage.
type Error struct {
	Part string
	Err  error
}

func (e *Error) Error() string { return e.Part + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Name is "generic".
func (*Dialect) Name() string { return Name }

// Match takes the requests of the route.
func (d *Dialect) Match(method, path string) (operation string, ok bool) {
	if method != d.method || !d.path.Fits(path) {
		return "", false
	}
	return d.operation, true
}

// Listens reports whether answers tell what is counted.
func (d *Dialect) Listens() bool { return d.usage != nil }

// Part is what path has where the route's pattern has {name}, or "".
func (d *Dialect) Part(path, name string) string { return d.path.Part(path, name) }

// Covers reports whether d takes every request that other does.
func (d *Dialect) Covers(other *Dialect) bool {
	return d.method == other.method && d.path.covers(&other.path)
}

// Read reads what the route wants to know of a request. A body that the route wants
// nothing of may be anything, or absent.
func (d *Dialect) Read(_, path string, _ tokenizer.Head, body []byte) (tokenizer.Call, error) {
	call := tokenizer.Call{Dialect: Name, Operation: d.operation, Choices: 1, Queries: 1}
	call.Model = d.model.say(&d.path, path, body)
	if d.queries == nil || len(body) == 0 {
		return call, nil
	}
	t := newTallies(d.queries)
	err := t.whole(body)
	if n, known := t.units(0); known {
		call.Queries = max(n, 1)
	}
	if err != nil {
		return call, fmt.Errorf("read %s request: %w", d.operation, err)
	}
	return call, nil
}

// whole counts in a text that is all there.
func (t *tallies) whole(body []byte) error {
	s := jsonscan.New(t.plan.scan, t)
	_ = s.Feed(body) // Close asks again
	return s.Close()
}
