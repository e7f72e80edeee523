// Package access says who may ask which model.
//
// In come rules, the approvals in force and what a call is; out goes whether it
// may ask its model, and if not by which rule and who can change that. It refuses
// to know how approvals are kept and how a call is turned away. An Access never
// changes but for its Approvals, and both are safe for concurrent use.
package access

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/names"
)

// Rule keeps the calls that match from some models: from those of Deny, from all
// but those of Allow, and from those that cost more than Above. One of the three
// is enough; a call that none of them concerns is not kept from anything.
type Rule struct {
	Name  string
	Match map[string][]string // see names.NewWhich; empty: all calls
	Deny  []string            // patterns of models
	Allow []string            // patterns of models; empty: any
	// Above is in USD per million tokens of input or of output, whichever is dearer at
	// list price; 0: at any price. What has no price may cost anything, and is above.
	Above money.Rate

	Except   []Exception
	Approval bool   // an approval lets a call pass
	Ask      string // who can change it, for a person; empty: not said
}

// Exception frees calls from a rule, until a time where it has one.
type Exception struct {
	Match map[string][]string
	Until time.Time // zero: for good
}

// Bounds of an Access.
const (
	MaxRules      = 256
	MaxPatterns   = names.MaxPatterns // of models, in one list
	MaxExceptions = 256               // of a rule
)

// Access is a list of rules. A call may ask its model when no rule keeps it from
// that.
type Access struct {
	rules     []rule
	approvals *Approvals
}

type rule struct {
	Rule
	which  names.Which
	except []exception
}

type exception struct {
	which names.Which
	until time.Time
}

// New compiles rules, or says which of them is wrong. approvals are those in
// force.
func New(rules []Rule, approvals *Approvals) (*Access, error) {
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("access: %d rules, at most %d are possible", len(rules), MaxRules)
	}
	a := &Access{approvals: approvals}
	for i := range rules {
		r, err := compile(&rules[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rules[i].Name, err)
		}
		a.rules = append(a.rules, r)
	}
	return a, nil
}

func compile(from *Rule) (r rule, err error) {
	r.Rule = *from
	r.Deny, r.Allow = names.LowerAll(from.Deny), names.LowerAll(from.Allow)
	switch {
	case len(r.Deny) == 0 && len(r.Allow) == 0 && r.Above == 0:
		return r, errors.New("keeps nobody from anything: it has neither deny, allow nor above")
	case len(r.Deny) > MaxPatterns || len(r.Allow) > MaxPatterns:
		return r, fmt.Errorf("more than %d patterns", MaxPatterns)
	case len(r.Except) > MaxExceptions:
		return r, fmt.Errorf("more than %d exceptions", MaxExceptions)
	case r.Above < 0:
		return r, errors.New("above is below 0")
	}
	if r.which, err = names.NewWhich(r.Match); err != nil {
		return r, err
	}
	for i := range r.Except {
		e := exception{until: r.Except[i].Until}
		if e.which, err = names.NewWhich(r.Except[i].Match); err != nil {
			return r, fmt.Errorf("except[%d]: %w", i, err)
		}
		r.except = append(r.except, e)
	}
	return r, nil
}

// Asked is what an Access is asked about.
type Asked struct {
	Of   names.Of
	At   time.Time
	Team string
	// Model is as asked, and perhaps the other name under which a price knows it.
	Model string
	// Price is the dearer of the list prices of input and output; known is false where
	// there is none. It is called when a rule needs it.
	Price func() (dearest money.Rate, known bool)
}

// Cause is why a rule concerns a model.
type Cause string

// The causes.
const (
	Denied   Cause = "denied"   // it is listed
	Unlisted Cause = "unlisted" // it is not among those allowed
	TooDear  Cause = "too_dear" // it costs more than the rule's bound
	NoPrice  Cause = "no_price" // nobody knows what it costs
	Nameless Cause = "no_model" // the call does not say its model
)

// Verdict is what an Access says. The zero Verdict: no rule concerns the call.
type Verdict struct {
	Refused bool
	Rule    string // that refuses it, or that an approval lifts
	Cause   Cause
	Bound   money.Rate // of TooDear and NoPrice
	// Approvable says that an approval would lift it; Approval is the number of the
	// one that did, or of one that has ended.
	Approvable bool
	Approval   int64
	Ended      time.Time // when the last approval of this model for the team ended; zero: there was none
	Ask        string
}

// Look says whether a call may ask its model.
func (a *Access) Look(q *Asked) (v Verdict) {
	for i := range a.rules {
		r := &a.rules[i]
		cause := r.concerns(q)
		if cause == "" {
			continue
		}
		v = Verdict{Refused: true, Rule: r.Name, Cause: cause, Bound: r.Above, Approvable: r.Approval, Ask: r.Ask}
		if r.Approval {
			number, ended := a.approvals.find(q.Team, q.Model, q.At)
			v.Approval, v.Ended, v.Refused = number, ended, number == 0
		}
		if v.Refused {
			return v
		}
	}
	return v
}

// concerns says why r keeps the call from its model; empty: it does not.
func (r *rule) concerns(q *Asked) Cause {
	if !r.which.Fits(q.Of) {
		return ""
	}
	cause := r.cause(q)
	if cause == "" || slices.ContainsFunc(r.except, func(e exception) bool { return e.frees(q) }) {
		return ""
	}
	return cause
}

func (e *exception) frees(q *Asked) bool {
	return (e.until.IsZero() || q.At.Before(e.until)) && e.which.Fits(q.Of)
}

func (r *rule) cause(q *Asked) Cause {
	switch {
	case q.Model == "" && len(r.Allow) > 0:
		return Nameless
	case slices.Contains(r.Deny, "*"), names.ModelFits(r.Deny, q.Model):
		return Denied
	case len(r.Allow) > 0 && !slices.Contains(r.Allow, "*") && !names.ModelFits(r.Allow, q.Model):
		return Unlisted
	case r.Above == 0:
		return ""
	}
	switch dearest, known := q.Price(); {
	case !known:
		return NoPrice
	case dearest > r.Above:
		return TooDear
	}
	return ""
}
