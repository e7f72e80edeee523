package gemini

import (
	"github.com/farebox/farebox/tokenizer"
)

// Changes says what of a call can be changed: all of content that is generated and
// of an interaction, but for the model of what names none.
func (*Dialect) Changes(call tokenizer.Call, path string) tokenizer.Part {
	const text = tokenizer.CapPart | tokenizer.HintPart
	switch {
	case call.Of != "":
		return 0
	case call.Operation == interactions:
		return text | tokenizer.ModelPart
	case call.Operation == content && aim(path).collection == "models":
		return text | tokenizer.ModelPart
	case call.Operation == content:
		return text
	}
	return 0
}

// Change makes c of a call. Members are looked for by both of their names.
func (*Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	e := tokenizer.NewEditor(body, "model", "generationConfig", "generation_config", "systemInstruction", "system_instruction")
	if c.Model != "" && rename(e, &r, path, c.Model) {
		r.Done |= tokenizer.ModelPart
	}
	inBody := call.Operation == interactions
	if c.MaxOutput > 0 && lower(e, inBody, c.MaxOutput) {
		r.Done |= tokenizer.CapPart
	}
	if c.Hint != "" && hint(e, inBody, c.Hint) {
		r.Done |= tokenizer.HintPart
	}
	r.Edits = e.Edits()
	return r
}

// rename asks another model: in the path, and in a body that repeats it; of an
// interaction in the body alone, where an agent is none.
func rename(e *tokenizer.Editor, r *tokenizer.Rewrite, path, model string) bool {
	switch t := aim(path); t.collection {
	case "models":
		r.Path = tokenizer.JoinPath(t.before+"models/", model, ":"+t.verb)
		e.SetText("model", "models/"+model)
		return true
	case "":
		return e.SetText("model", model)
	}
	return false
}

func lower(e *tokenizer.Editor, interaction bool, most int64) bool {
	if interaction {
		return e.LowerIn([]string{"generation_config", "generationConfig"}, most, "max_output_tokens", "maxOutputTokens")
	}
	return e.LowerIn([]string{"generationConfig", "generation_config"}, most, "maxOutputTokens", "max_output_tokens")
}

// hint adds to what the system says: a content with parts, or the text of an
// interaction.
func hint(e *tokenizer.Editor, interaction bool, text string) bool {
	if interaction {
		return e.Append("system_instruction", text, "", tokenizer.Quote(text))
	}
	part := `{"text":` + tokenizer.Quote(text) + `}`
	for _, name := range [...]string{"systemInstruction", "system_instruction"} {
		if in := e.In(name, "parts"); in != nil {
			return in.Append("parts", text, part, `[`+part+`]`)
		}
		if e.Raw(name) != nil && string(e.Raw(name)) != "null" {
			return false
		}
	}
	return e.Set("systemInstruction", `{"parts":[`+part+`]}`)
}
