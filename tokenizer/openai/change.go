package openai

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

const (
	anyChange = tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart

	// legacyDefault is how much a legacy completion generates at most when it does not
	// say, at OpenAI's own: https://platform.openai.com/docs/api-reference/completions/create
	legacyDefault = 16
)

// Changes says what of a call can be changed: of what generates text all, but that
// a legacy completion has no system to say anything, and compacting no bound.
func (*Dialect) Changes(call tokenizer.Call, path string) tokenizer.Part {
	switch {
	case call.Of != "":
		return 0
	case call.Operation == chat:
		return anyChange
	case call.Operation == responses && strings.HasSuffix(strings.TrimRight(path, "/"), "/compact"):
		return tokenizer.ModelPart
	case call.Operation == responses:
		return anyChange | tokenizer.ToolsPart
	case call.Operation == completions:
		return tokenizer.ModelPart | tokenizer.CapPart
	case call.Operation == embeddings:
		return tokenizer.ModelPart
	}
	return 0
}

// Change makes c of a call.
func (*Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	e := tokenizer.NewEditor(body, "model", "max_tokens", "max_completion_tokens", "max_output_tokens", "messages", "instructions", "tools", "prompt", "max_tool_calls")
	e.ZeroIsNone = call.Operation == chat // as Ollama has it; a legacy completion of 0 weighs its prompt
	if c.Model != "" && rename(e, &r, path, c.Model) {
		r.Done |= tokenizer.ModelPart
	}
	if c.MaxOutput > 0 && lower(e, &call, &c) {
		r.Done |= tokenizer.CapPart
	}
	if c.Hint != "" && hint(e, &call, c.Hint) {
		r.Done |= tokenizer.HintPart
	}
	if c.ToolCalls > 0 && capTools(e, &call, &c) {
		r.Done |= tokenizer.ToolsPart
	}
	r.Edits = e.Edits()
	return r
}

// rename asks another model: that of the body, and on Azure the deployment in the
// path, which is what counts there.
func rename(e *tokenizer.Editor, r *tokenizer.Rewrite, path, model string) bool {
	before, rest, inPath := strings.Cut(path, "/deployments/")
	if inPath {
		_, after, _ := strings.Cut(rest, "/")
		r.Path = tokenizer.JoinPath(before+"/deployments/", model, "/"+after)
	}
	return e.SetText("model", model) || inPath || e.Set("model", tokenizer.Quote(model))
}

// lower bounds each answer. A legacy completion that says nothing is short at
// OpenAI's own, and not made longer.
func lower(e *tokenizer.Editor, call *tokenizer.Call, c *tokenizer.Change) bool {
	switch call.Operation {
	case responses:
		return e.Lower(c.MaxOutput, "max_output_tokens")
	case completions:
		return e.LowerGiven(c.MaxOutput, "max_tokens") || isOpenAI(c.Provider) && c.MaxOutput >= legacyDefault || e.Lower(c.MaxOutput, "max_tokens")
	case chat:
		return e.LowerGiven(c.MaxOutput, "max_completion_tokens", "max_tokens") || e.Lower(c.MaxOutput, bound(call.Model, c))
	}
	return false
}

// bound is the member that bounds a chat which has none yet. OpenAI's models that
// reason refuse the old name, and many other servers know no other.
// https://platform.openai.com/docs/api-reference/chat/create
func bound(model string, c *tokenizer.Change) string {
	if c.Model != "" {
		model = c.Model
	}
	if isOpenAI(c.Provider) || reasons(model) {
		return "max_completion_tokens"
	}
	return "max_tokens"
}

func isOpenAI(provider string) bool { return provider == "openai" || provider == "azure" }

// reasons reports whether a name is that of one of OpenAI's models that reason:
// o1, o3-mini, gpt-5 and later ones, whoever hosts them.
func reasons(model string) bool {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	version, gpt := strings.CutPrefix(model, "gpt-")
	if !gpt {
		version, gpt = strings.CutPrefix(model, "o")
		return gpt && version != "" && version[0] >= '1' && version[0] <= '9'
	}
	return version != "" && version[0] >= '5' && version[0] <= '9'
}

func hint(e *tokenizer.Editor, call *tokenizer.Call, text string) bool {
	switch call.Operation {
	case chat:
		return e.AppendSystem("messages", text, "system", "developer")
	case responses:
		return e.Append("instructions", text, "", tokenizer.Quote(text))
	}
	return false
}
