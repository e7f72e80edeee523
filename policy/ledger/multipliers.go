package ledger

import (
	"cmp"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Multipliers is one group of the answer to a Query about what multiplies the cost
// of calls unseen: what is sent along with each, and what is done again.
//
// The same call may be among the retries and among the failures. Corrections change
// the money, that of retries where they correct one, and no count.
type Multipliers struct {
	Keys          []string // values in the order of Query.By
	Calls         int64    // records that are no corrections, whatever their outcome
	Unpriced      int64    // sum of policy.Record.UnpricedCalls
	Charged       money.Amount
	Retries       int64        // of Calls, whose purpose is policy.Retry
	Retried       money.Amount // charged for them
	Failures      int64        // of Calls, whose outcome is policy.Failed or policy.CutOff
	Failed        money.Amount // charged for them
	Bytes         tokenizer.Shares
	Input         InputCost
	Embedded      int64        // inputs, sum of policy.Record.Inputs
	Repeated      int64        // of Embedded
	RepeatedInput money.Amount // the part of the input's cost that Repeated are of Embedded, call by call
}

// InputCost is what was charged for the input of calls, by what was sent. Its parts
// add up to all of it.
type InputCost struct{ System, History, Last, Tools, Media money.Amount }

// Total is what was charged for all input.
func (c InputCost) Total() money.Amount {
	return c.System.Add(c.History).Add(c.Last).Add(c.Tools).Add(c.Media)
}

// Add sums two costs.
func (c InputCost) Add(o InputCost) InputCost {
	return InputCost{c.System.Add(o.System), c.History.Add(o.History), c.Last.Add(o.Last), c.Tools.Add(o.Tools), c.Media.Add(o.Media)}
}

// InputCostOf divides what r charges for input. Sound, pictures, films and documents
// that were counted apart are media, and what a hosted tool added is tools. The rest
// goes by the bytes of text that were sent as each share, rounded toward zero to the
// pico-USD; what that leaves is the last turn's. Of a correction they are differences.
func InputCostOf(r *policy.Record) InputCost {
	var c InputCost
	var text money.Amount
	for i := range r.Lines {
		switch l := &r.Lines[i]; {
		case !l.Class.IsInput():
		case isMedia(l.Class):
			c.Media = c.Media.Add(l.Charged)
		case l.Class == tokenizer.InputTool:
			c.Tools = c.Tools.Add(l.Charged)
		default:
			text = text.Add(l.Charged)
		}
	}
	whole := r.Shares.Text()
	if whole <= 0 {
		c.Last = text
		return c
	}
	tools := text.Portion(r.Shares.Tools, whole)
	c.System, c.History = text.Portion(r.Shares.System, whole), text.Portion(r.Shares.History, whole)
	c.Last = text.Sub(c.System).Sub(c.History).Sub(tools)
	c.Tools = c.Tools.Add(tools)
	return c
}

// isMedia reports whether an input meter counts what is no text.
func isMedia(c tokenizer.Class) bool {
	switch c {
	case tokenizer.InputAudio, tokenizer.InputImage, tokenizer.InputVideo, tokenizer.InputDocument,
		tokenizer.CacheReadAudio, tokenizer.CacheReadImage, tokenizer.CacheReadVideo, tokenizer.CacheReadDocument:
		return true
	}
	return false
}

// RepeatedCost is the part of c, the cost of the input of r, that its repeated
// inputs are of all that it embedded, rounded toward zero to the pico-USD.
func RepeatedCost(r *policy.Record, c InputCost) money.Amount {
	return c.Total().Portion(int64(r.Repeated), int64(r.Inputs))
}

// SortMultipliers puts the dearest first, and equals in the order of their keys.
func SortMultipliers(all []Multipliers) {
	slices.SortFunc(all, func(a, b Multipliers) int {
		return cmp.Or(b.Charged.Cmp(a.Charged), slices.Compare(a.Keys, b.Keys))
	})
}

// Add sums a group into m, whose keys stay. Counts stop at the end of int64.
func (m *Multipliers) Add(o *Multipliers) {
	for _, n := range []struct{ to, from *int64 }{
		{&m.Calls, &o.Calls}, {&m.Retries, &o.Retries}, {&m.Failures, &o.Failures},
		{&m.Bytes.System, &o.Bytes.System}, {&m.Bytes.History, &o.Bytes.History}, {&m.Bytes.Last, &o.Bytes.Last},
		{&m.Bytes.Tools, &o.Bytes.Tools}, {&m.Bytes.Media, &o.Bytes.Media}, {&m.Embedded, &o.Embedded}, {&m.Repeated, &o.Repeated},
	} {
		*n.to = addTokens(*n.to, *n.from)
	}
	m.Unpriced += o.Unpriced // may be below zero
	m.Charged, m.Retried, m.Failed = m.Charged.Add(o.Charged), m.Retried.Add(o.Retried), m.Failed.Add(o.Failed)
	m.Input, m.RepeatedInput = m.Input.Add(o.Input), m.RepeatedInput.Add(o.RepeatedInput)
}
