package cohere

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Changes says what of a call can be changed: of a chat the model and the bound,
// and where its version has messages what the system says. Version 1 has a default
// for that, which a text of ours would take the place of.
func (*Dialect) Changes(call tokenizer.Call, path string) tokenizer.Part {
	switch {
	case call.Operation == chat && strings.HasSuffix(strings.TrimRight(path, "/"), "/v2/chat"):
		return tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	case call.Operation == chat:
		return tokenizer.ModelPart | tokenizer.CapPart
	case call.Operation == embeddings, call.Operation == rerank:
		return tokenizer.ModelPart
	}
	return 0
}

// Change makes c of a call.
func (d *Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	e := tokenizer.NewEditor(body, "model", "max_tokens", "messages")
	if c.Model != "" && (e.SetText("model", c.Model) || e.Set("model", tokenizer.Quote(c.Model))) {
		r.Done |= tokenizer.ModelPart
	}
	can := d.Changes(call, path)
	if c.MaxOutput > 0 && can.Has(tokenizer.CapPart) && e.Lower(c.MaxOutput, "max_tokens") {
		r.Done |= tokenizer.CapPart
	}
	if c.Hint != "" && can.Has(tokenizer.HintPart) && e.AppendSystem("messages", c.Hint, "system", "developer") {
		r.Done |= tokenizer.HintPart
	}
	r.Edits = e.Edits()
	return r
}
