package ollama

import "github.com/farebox/farebox/tokenizer"

// Changes says what of a call can be changed: of what generates text all, of
// embeddings the model.
func (*Dialect) Changes(call tokenizer.Call, _ string) tokenizer.Part {
	switch call.Operation {
	case chat, generate:
		return tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	case embeddings:
		return tokenizer.ModelPart
	}
	return 0
}

// Change makes c of a call. A bound of 0 or below is none, and is lowered too:
// https://github.com/ollama/ollama/blob/main/runner/ollamarunner/runner.go asks
// whether numPredict is above 0.
func (d *Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	e := tokenizer.NewEditor(body, "model", "options", "messages", "system")
	e.ZeroIsNone = true
	if c.Model != "" && (e.SetText("model", c.Model) || e.Set("model", tokenizer.Quote(c.Model))) {
		r.Done |= tokenizer.ModelPart
	}
	can := d.Changes(call, path)
	if c.MaxOutput > 0 && can.Has(tokenizer.CapPart) && e.LowerIn([]string{"options"}, c.MaxOutput, "num_predict") {
		r.Done |= tokenizer.CapPart
	}
	if c.Hint != "" && hint(e, call.Operation, c.Hint) {
		r.Done |= tokenizer.HintPart
	}
	r.Edits = e.Edits()
	return r
}

func hint(e *tokenizer.Editor, operation, text string) bool {
	switch operation {
	case chat:
		return e.AppendSystem("messages", text, "system")
	case generate:
		return e.Append("system", text, "", tokenizer.Quote(text))
	}
	return false
}
