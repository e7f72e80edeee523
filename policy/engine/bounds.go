package engine

import (
	"fmt"

	"github.com/farebox/farebox/policy"
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
// and ToolCalls of hosted tools. AllowIt holds what is learned.
const (
	RefuseIt   Unboundable = "refuse"
	HoldWindow Unboundable = "context_window"
	AllowIt    Unboundable = "allow"
)

// Bounds say how much is held for a call.
type Bounds struct {
	Output        OutputBound
	OnUnboundable Unboundable
	Models        []ModelBound // the first that fits a model counts
	Else          ModelBound   // for all others
	Part          int64        // tokens of a picture, sound or file at most
	ToolCalls     int64        // calls of hosted tools, where they are allowed
	Tries         int64        // that Envoy makes of a call at most; at least 1
}

// ModelBound is what a model can take and give, in tokens.
type ModelBound struct {
	Models            []string // patterns, in lower case
	Window, MaxOutput int64
}

func (b *Bounds) of(model string) *ModelBound {
	for i := range b.Models {
		if names.ModelFits(b.Models[i].Models, model) {
			return &b.Models[i]
		}
	}
	return &b.Else
}

// limit bounds input and output of the plan's call as b says; in Strict it may set
// the bound that the request lacks, or say why the call must not pass.
func (p *plan) limit(b *Bounds) *policy.Refusal {
	if b == nil || b.Output == Learned || p.output == 0 && b.Output != Strict {
		return nil
	}
	sent := p.ticket.Sent()
	model := b.of(sent.Model)
	each := model.MaxOutput
	if b.Output != ByModel && sent.MaxOutput > 0 {
		each = min(sent.MaxOutput, each)
	}
	if p.output > 0 {
		p.output = times(each, int64(max(1, sent.Choices)))
	}
	if b.Output != Strict {
		return nil
	}
	p.tools, p.tries = 0, max(1, b.Tries)
	if why := p.fixOutput(b, model, &sent); why != nil {
		return why
	}
	return p.fixInput(b, model)
}

// fixOutput has a bound written into a request that has none.
func (p *plan) fixOutput(b *Bounds, model *ModelBound, sent *tokenizer.Call) *policy.Refusal {
	t := p.ticket
	switch {
	case p.output == 0, sent.MaxOutput > 0 && sent.MaxOutput <= model.MaxOutput:
		return nil
	case t.Changes.Has(tokenizer.CapPart):
		t.MaxOutput = model.MaxOutput
		return nil
	case b.OnUnboundable == RefuseIt:
		return unboundable("it does not say how long its answer may be, and " + fixed(t))
	}
	return nil // it is held at what the model can give
}

// fixInput bounds what is read: a token for each byte, and as many as a part may
// have; or all that the model can read.
func (p *plan) fixInput(b *Bounds, model *ModelBound) *policy.Refusal {
	c := &p.ticket.Content
	switch open := c.Elsewhere || c.Hosted || c.Bytes == 0 || p.ticket.Malformed; {
	case !open:
		p.input = min(model.Window, addTokens(addTokens(c.Bytes, c.Beside), times(c.Parts, b.Part)))
	case b.OnUnboundable == RefuseIt:
		return unboundable("its provider may read more than can be seen in it, or runs tools for it")
	case b.OnUnboundable == HoldWindow:
		p.input = model.Window
		if c.Hosted {
			p.tools = b.ToolCalls
		}
	}
	return nil
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
