package mistral

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

var _ tokenizer.Changer = (*Dialect)(nil)

// Changes says what of a call can be changed: of a chat all; filling in the middle
// has no system to say anything. What an agent is told, and which model it is, was
// said when it was set up, and of a conversation when it began.
func (d *Dialect) Changes(call tokenizer.Call, path string) tokenizer.Part {
	switch {
	case call.Of != "":
		return 0
	case call.Operation == chat, call.Operation == embeddings:
		return d.shape.Changes(call, path)
	case call.Operation == fim:
		return tokenizer.ModelPart | tokenizer.CapPart
	case call.Operation == agents:
		return tokenizer.CapPart
	case call.Operation == conversations && begins(path):
		return tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	case call.Operation == conversations:
		return tokenizer.CapPart
	}
	return 0
}

// begins reports whether a path is that of a new conversation.
func begins(path string) bool {
	return strings.HasSuffix(strings.TrimRight(path, "/"), "/v1/conversations")
}

// Change makes c of a call. On Vertex AI the model stands in the path, and in the
// body again.
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral
func (d *Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	can := d.Changes(call, path)
	if call.Operation == conversations {
		return converse(can, body, c)
	}
	if !can.Has(tokenizer.ModelPart) {
		c.Model = ""
	}
	switch call.Operation {
	case fim, agents:
		e := tokenizer.NewEditor(body, "model", "max_tokens")
		if c.Model != "" && (e.SetText("model", c.Model) || e.Set("model", tokenizer.Quote(c.Model))) {
			r.Done |= tokenizer.ModelPart
		}
		if c.MaxOutput > 0 && e.Lower(c.MaxOutput, "max_tokens") {
			r.Done |= tokenizer.CapPart
		}
		r.Edits = e.Edits()
	case chat, embeddings:
		r = d.shape.Change(call, path, body, c)
	}
	if v, vertex := tokenizer.OnVertex(path, publisher); vertex && c.Model != "" {
		r.Path = v.Ask(path, c.Model)
	}
	return r
}

// converse makes c of a call to a conversation. One of an agent keeps its model
// and what it was told.
func converse(can tokenizer.Part, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	e := tokenizer.NewEditor(body, "model", "agent_id", "instructions", "completion_args")
	if agent := e.Raw("agent_id"); agent != nil && string(agent) != "null" {
		can = tokenizer.CapPart
	}
	if c.Model != "" && can.Has(tokenizer.ModelPart) && e.SetText("model", c.Model) {
		r.Done |= tokenizer.ModelPart
	}
	if c.MaxOutput > 0 && e.LowerIn([]string{"completion_args"}, c.MaxOutput, "max_tokens") {
		r.Done |= tokenizer.CapPart
	}
	if c.Hint != "" && can.Has(tokenizer.HintPart) && e.Append("instructions", c.Hint, "", tokenizer.Quote(c.Hint)) {
		r.Done |= tokenizer.HintPart
	}
	r.Edits = e.Edits()
	return r
}
