package engine

import (
	"cmp"
	"fmt"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/capacity"
	"github.com/farebox/farebox/policy/names"
	"github.com/farebox/farebox/tokenizer"
)

// OutputBound is how long an answer is taken to be at most, before it is given.
type OutputBound string

// Learned is what 99 of 100 such answers stay below. Capped is what the caller
// allows, else what the model can give. ByModel is what the model can give. Strict
// is as Capped, but bounds the input too, and has a bound written into the request
// where there is none: nothing costs more than was held for it.
const (
	Learned OutputBound = "learned"
	Capped  OutputBound = "cap"
	ByModel OutputBound = "model"
	Strict  OutputBound = "strict"
)

// Unboundable is what happens, in Strict, to a call that has no bound.
type Unboundable string

// RefuseIt refuses the call. HoldWindow holds the whole context window of the model,
// for each round of hosted tools once more, and has at most ToolCalls of them written
// into the request; where that cannot be, it refuses too. AllowIt holds what is
// learned.
const (
	RefuseIt   Unboundable = "refuse"
	HoldWindow Unboundable = "context_window"
	AllowIt    Unboundable = "allow"
)

// Bounds say how much is held for a call.
type Bounds struct {
	Output        OutputBound
	OnUnboundable Unboundable
	Models        []ModelBound    // the first that fits a model counts, over Known
	Known         *capacity.Table // what is built in; nil: nothing
	Else          capacity.Limit  // what neither of them says
	Part          int64           // tokens of a picture, sound or file at most; 0: as the model's limits say
	ToolCalls     int64           // calls of hosted tools, where they are allowed; 0: none are
	Tries         int64           // that Envoy makes of a call at most; at least 1
	// StopOutgrown stops a streamed answer that has outgrown what is held
	// for it where a budget that refuses has too little left for more.
	StopOutgrown bool
}

// ModelBound is what a model can take and give.
type ModelBound struct {
	Models []string // patterns, in lower case
	capacity.Limit
	Hosted *bool // whether it calls hosted tools that no request names; nil: as Known says
}

// Of is what is known of a model: each figure as Models has it, else as Known, else
// as Else. It allocates nothing.
func (b *Bounds) Of(provider, model string) (l capacity.Limit) {
	for i := range b.Models {
		if names.ModelFits(b.Models[i].Models, model) {
			l = b.Models[i].Limit
			break
		}
	}
	if row, ok := b.Known.Find(provider, model); ok {
		l = l.Or(row.Limit)
	}
	return l.Or(b.Else)
}

// hosted reports whether a model calls hosted tools that no request names, as those
// that search before they answer.
func (b *Bounds) hosted(provider, model string) bool {
	for i := range b.Models {
		if m := &b.Models[i]; names.ModelFits(m.Models, model) {
			if m.Hosted != nil {
				return *m.Hosted
			}
			break
		}
	}
	return b.Known.Searches(provider, model)
}

// limit bounds input and output of the plan's call as b says; in Strict it may set
// the bound that the request lacks, or say why the call must not pass. What nobody
// knows stays as it is learned, but in Strict.
func (p *plan) limit(b *Bounds) *policy.Refusal {
	if b == nil || b.Output == Learned || p.output == 0 && b.Output != Strict {
		return nil
	}
	sent := p.ticket.Sent()
	model := b.Of(p.priced.Provider, sent.Model)
	each := model.Output
	if b.Output != ByModel && sent.MaxOutput > 0 && (each == 0 || sent.MaxOutput < each) {
		each = sent.MaxOutput
	}
	if p.output > 0 && each > 0 {
		p.output, p.learned = times(each, int64(max(1, sent.Choices))), false
	}
	if b.Output != Strict {
		return nil
	}
	p.tries = max(1, b.Tries)
	if why := p.fixOutput(b, &model, &sent); why != nil {
		return why
	}
	hosted := p.ticket.Content.Hosted || p.ticket.ToolCalls > 0 || b.hosted(p.priced.Provider, sent.Model)
	if why := p.fixInput(b, &model, hosted); why != nil || !hosted {
		return why
	}
	return p.fixTools(b, &sent)
}

// fixTools has a bound written of how often hosted tools are called, and bounds what
// that costs: after each call the model reads anew all that it may, and answers.
func (p *plan) fixTools(b *Bounds, sent *tokenizer.Call) *policy.Refusal {
	t := p.ticket
	switch {
	case b.OnUnboundable == AllowIt:
		return nil
	case b.hosted(p.priced.Provider, sent.Model):
		return unboundable("its model searches by itself, and no request says how often. Ask another one")
	case b.ToolCalls == 0:
		return unboundable("it names tools that its provider runs, and no calls of such tools are held for here")
	case t.ToolCalls == 0 && !t.Changes.Has(tokenizer.ToolsPart):
		return unboundable("it names tools that its provider runs, and nothing can be written into it that bounds how often")
	}
	if t.ToolCalls == 0 {
		t.ToolCalls = b.ToolCalls
	}
	p.tools, p.rounds = t.ToolCalls, addTokens(1, t.ToolCalls)
	return nil
}

// fixed notes a bound that was set, without which the call must not go.
func (p *plan) fixed(what string, most int64) {
	p.ticket.Rulings = append(p.ticket.Rulings, policy.Ruling{Rule: "holds", Did: policy.Changed, Why: fmt.Sprintf(what, most)})
	p.ticket.Otherwise = unboundable("no bound can be written where its provider reads one")
}

// fixOutput has a bound written into a request that has none.
func (p *plan) fixOutput(b *Bounds, model *capacity.Limit, sent *tokenizer.Call) *policy.Refusal {
	t := p.ticket
	switch {
	case p.output == 0, sent.MaxOutput > 0 && (model.Output == 0 || sent.MaxOutput <= model.Output):
		return nil
	case model.Output == 0:
		return p.openOutput(b, model, sent)
	case t.Changes.Has(tokenizer.CapPart):
		t.MaxOutput = p.room(model)
		p.output = times(t.MaxOutput, int64(max(1, sent.Choices)))
		return nil
	case b.OnUnboundable == RefuseIt:
		return unboundable("it does not say how long its answer may be, and " + fixed(t))
	}
	return nil // it is held at what the model can give
}

// room is the longest answer worth asking for: what the model can give, and what its
// window leaves beside the input, as 99 of 100 such inputs are. Many providers refuse
// a bound that is more.
func (p *plan) room(model *capacity.Limit) int64 {
	if left := model.Window - p.input; left >= leastShrunk && left < model.Output {
		return left
	}
	return model.Output
}

// openOutput is what happens to a call that sets no bound to an answer of a model
// of which nobody knows how much it can give. It gives no more than it can read.
func (p *plan) openOutput(b *Bounds, model *capacity.Limit, sent *tokenizer.Call) *policy.Refusal {
	switch {
	case b.OnUnboundable == AllowIt:
		return nil // it is held at what is learned
	case b.OnUnboundable == HoldWindow && model.Window > 0:
		p.output, p.learned = times(model.Window, int64(max(1, sent.Choices))), false
		return nil
	}
	return unboundable("it does not say how long its answer may be, and of its model nobody has said how much it can give. Set the bound in the request")
}

// fixInput bounds what is read: a token for each byte, and as many as its parts may
// have; or all that the model can read.
func (p *plan) fixInput(b *Bounds, model *capacity.Limit, hosted bool) *policy.Refusal {
	c := &p.ticket.Content
	most, bounded := int64(0), false
	if !p.ticket.Malformed && !hosted {
		most, bounded = b.inputOf(c, model)
	}
	switch {
	case bounded:
		p.input = most
	case b.OnUnboundable == RefuseIt && (c.Elsewhere || hosted || c.Bytes == 0 || p.ticket.Malformed):
		return unboundable("its provider may read more than can be seen in it, or runs tools for it")
	case b.OnUnboundable == HoldWindow && model.Window > 0:
		p.input = addTokens(model.Window, b.charged(c, model))
	case b.OnUnboundable != AllowIt:
		return unboundable("nobody has said how many tokens its model reads, at most, for its pictures, sound and files, or in all")
	}
	return nil
}

// inputOf is the most that a call reads whose content stands in its body, in one
// round: false: it does not, or a part of it has no bound. Text and files share the
// window; what pictures are charged comes on top, as it may be more than they take
// of it.
func (b *Bounds) inputOf(c *tokenizer.Content, model *capacity.Limit) (most int64, bounded bool) {
	if c.Elsewhere || c.Bytes == 0 {
		return 0, false
	}
	most = addTokens(c.Bytes, c.Beside)
	if model.Window > 0 {
		most = min(most, model.Window)
	}
	if b.Part == 0 && (c.Parts > c.Pictures || c.Pictures > 0 && model.Picture == 0) {
		if model.Window == 0 {
			return 0, false
		}
		most = model.Window // a part alone may be all that can be read
	}
	return addTokens(most, b.charged(c, model)), true
}

// charged is what is charged at most for parts of a call that are pictures, or may
// be, beside what they take of the window; with Part, for all parts.
func (b *Bounds) charged(c *tokenizer.Content, model *capacity.Limit) int64 {
	return times(c.Parts, cmp.Or(b.Part, model.Picture))
}

func unboundable(because string) *policy.Refusal {
	return &policy.Refusal{
		Code: "cost_unbounded", Status: 400, Rule: "holds",
		Message: fmt.Sprintf("Nobody can say what this call costs at most: %s.", because),
	}
}

// times multiplies what is not below 0, and stops at the end of int64.
func times(a, b int64) int64 {
	if a > 0 && b > (1<<63-1)/a {
		return 1<<63 - 1
	}
	return a * b
}
