// Package shape says how much a call may ask for: the most tokens of its answer,
// hints to the model, and from how many tokens on a call has run away.
//
// In come rules and what a call is; out goes what is to be changed about it, or
// why not, and by which rule. It refuses to know how a body is changed, what it
// costs and who counts. A Shape never changes and is safe for concurrent use.
package shape

import (
	"fmt"

	"github.com/farebox/farebox/policy/names"
)

// Rule shapes the calls that match.
type Rule struct {
	Name      string
	Match     map[string][]string // see names.NewWhich; empty: all calls
	MaxOutput int64               // the most tokens of each answer; 0: as asked
	Concise   bool                // the model is asked to be brief
	JSON      bool                // the model is asked to answer in JSON without more
	// Refuse turns away a call that cannot be changed, as one whose body is signed;
	// otherwise it passes as it is.
	Refuse bool
}

// Limit says from how many tokens on a call of those that match has run away.
type Limit struct {
	Name   string
	Match  map[string][]string
	Input  int64 // tokens of input; 0: any number is right
	Output int64 // tokens of output, of all answers to one call; 0: any number is right
	// RefuseInput turns away a call whose input is estimated above Input, RefuseOutput
	// one that asks for more than Output.
	RefuseInput, RefuseOutput bool
}

// MaxRules bounds each of the two lists.
const MaxRules = 256

// What the hints say to a model.
const (
	ConciseHint = "Be concise."
	JSONHint    = "Answer with compact JSON only, without explanation and without code fences."
)

// Shape is both lists, compiled.
type Shape struct {
	rules  []rule
	limits []limit
}

type rule struct {
	Rule
	which names.Which
}

type limit struct {
	Limit
	which names.Which
}

// New compiles rules and limits, or says which of them is wrong.
func New(rules []Rule, limits []Limit) (*Shape, error) {
	if len(rules) > MaxRules || len(limits) > MaxRules {
		return nil, fmt.Errorf("shape: %d rules and %d limits, at most %d of each are possible", len(rules), len(limits), MaxRules)
	}
	s := &Shape{}
	for i := range rules {
		r := rule{Rule: rules[i]}
		var err error
		if r.which, err = names.NewWhich(r.Match); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		if r.MaxOutput < 0 {
			return nil, fmt.Errorf("%s: %d tokens are below 0", r.Name, r.MaxOutput)
		}
		s.rules = append(s.rules, r)
	}
	for i := range limits {
		l := limit{Limit: limits[i]}
		var err error
		if l.which, err = names.NewWhich(l.Match); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		if l.Input < 0 || l.Output < 0 {
			return nil, fmt.Errorf("%s: a number of tokens is below 0", l.Name)
		}
		s.limits = append(s.limits, l)
	}
	return s, nil
}

// Wish is what the rules want of a call. Each part has the name of its rule.
type Wish struct {
	MaxOutput int64 // the least of all rules; 0: as asked
	CapRule   string
	Hint      string // of all rules; empty: none
	HintRule  string // the first
	Refuse    string // the rule that turns away a call whose answer cannot be bounded; empty: none
}

// Of returns what is wanted of the call that of describes.
func (s *Shape) Of(of names.Of) (w Wish) {
	concise, json := false, false
	for i := range s.rules {
		r := &s.rules[i]
		if !r.which.Fits(of) {
			continue
		}
		if r.MaxOutput > 0 && (w.MaxOutput == 0 || r.MaxOutput < w.MaxOutput) {
			w.MaxOutput, w.CapRule = r.MaxOutput, r.Name
		}
		if r.Refuse && r.MaxOutput > 0 && w.Refuse == "" {
			w.Refuse = r.Name
		}
		if (r.Concise || r.JSON) && w.HintRule == "" {
			w.HintRule = r.Name
		}
		concise, json = concise || r.Concise, json || r.JSON
	}
	switch {
	case concise && json:
		w.Hint = ConciseHint + " " + JSONHint
	case concise:
		w.Hint = ConciseHint
	case json:
		w.Hint = JSONHint
	}
	return w
}

// LimitOf returns the first limit that the call fits, or nil. It must not be
// changed.
func (s *Shape) LimitOf(of names.Of) *Limit {
	for i := range s.limits {
		if s.limits[i].which.Fits(of) {
			return &s.limits[i].Limit
		}
	}
	return nil
}
