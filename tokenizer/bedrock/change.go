package bedrock

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/anthropic"
)

// Changes says what of a call can be changed. Most calls are signed, and then
// nothing can: that is for who asks to know. Of an old completion only its bound is
// in a place of its own, of what generates no text only the model.
func (*Dialect) Changes(call tokenizer.Call, _ string) tokenizer.Part {
	switch call.Operation {
	case converse, messages, chat, invoke:
		return tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	case completions:
		return tokenizer.ModelPart | tokenizer.CapPart
	}
	return tokenizer.ModelPart
}

// Change makes c of a call: the model in its path, the rest as Converse or the
// model's maker has it.
func (*Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	if c.Model != "" && rename(&r, &call, path, c.Model) {
		r.Done |= tokenizer.ModelPart
	}
	if call.Operation == messages {
		e := anthropic.NewEditor(body)
		r.Done |= anthropic.ChangeMessage(e, false, &c)
		r.Edits = e.Edits()
		return r
	}
	e := tokenizer.NewEditor(body, append([]string{"inferenceConfig", "additionalModelRequestFields", "system", "messages", "textGenerationConfig"}, bounds[:]...)...)
	if c.MaxOutput > 0 && lower(e, &call, c.MaxOutput) {
		r.Done |= tokenizer.CapPart
	}
	if c.Hint != "" && hint(e, &call, c.Hint) {
		r.Done |= tokenizer.HintPart
	}
	r.Edits = e.Edits()
	return r
}

// rename asks another model. Only Converse has one shape for all of them: another
// model of InvokeModel must be of the same maker.
func rename(r *tokenizer.Rewrite, call *tokenizer.Call, path, model string) bool {
	id, _, _, ok := parse(path)
	if !ok || call.Operation != converse && (maker(call.Model) == "" || maker(call.Model) != maker(model)) {
		return false
	}
	at := strings.Index(path, "/model/") + len("/model/")
	r.Path = tokenizer.JoinPath(path[:at], model, path[at+len(id):])
	return true
}

// maker is who made a model, as its id says: "anthropic" of
// "us.anthropic.claude-sonnet-4-v1:0". Empty: the id does not say.
func maker(model string) string {
	if hides(model) {
		return ""
	}
	words := strings.Split(model, ".")
	for i, word := range words[:len(words)-1] {
		if i > 0 || !isGeography(word) {
			return word
		}
	}
	return ""
}

// isGeography reports whether a word stands before the maker's in the id of an
// inference profile.
// https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
func isGeography(word string) bool {
	switch word {
	case "us", "us-gov", "eu", "apac", "ap", "au", "jp", "ca", "sa", "global":
		return true
	}
	return false
}

// bounds are the members that bound answers, by makers.
var bounds = [...]string{"max_tokens", "max_completion_tokens", "max_gen_len", "max_tokens_to_sample", "maxTokens", "max_new_tokens"}

// bound is the one of a model that has none yet; empty: its id does not say.
func bound(model string) string {
	switch maker(model) {
	case "meta":
		return "max_gen_len"
	case "anthropic":
		return "max_tokens_to_sample"
	case "openai":
		return "max_completion_tokens"
	case "ai21":
		if strings.Contains(model, "ai21.j2") {
			return "maxTokens"
		}
		return "max_tokens"
	case "":
		return ""
	}
	return "max_tokens"
}

func lower(e *tokenizer.Editor, call *tokenizer.Call, most int64) bool {
	switch {
	case call.Operation == converse:
		if more := e.In("additionalModelRequestFields", "thinking"); more != nil {
			anthropic.LowerThinking(more, most)
		}
		return e.LowerIn([]string{"inferenceConfig"}, most, "maxTokens")
	case call.Operation == invoke && (made(call.Model, "amazon.nova") || e.In("inferenceConfig") != nil):
		return e.LowerIn([]string{"inferenceConfig"}, most, "maxTokens", "max_new_tokens")
	case call.Operation == completions && (made(call.Model, "amazon.titan") || e.In("textGenerationConfig") != nil):
		return e.LowerIn([]string{"textGenerationConfig"}, most, "maxTokenCount")
	case call.Operation != completions && call.Operation != chat:
		return false
	}
	if e.LowerGiven(most, bounds[:]...) {
		return true
	}
	name := bound(call.Model)
	return name != "" && e.Lower(most, name)
}

func hint(e *tokenizer.Editor, call *tokenizer.Call, text string) bool {
	switch call.Operation {
	case converse, invoke:
		part := `{"text":` + tokenizer.Quote(text) + `}`
		return (call.Operation == converse || made(call.Model, "amazon.nova")) && e.Append("system", text, part, `[`+part+`]`)
	case chat:
		return e.AppendSystem("messages", text, "system", "developer")
	}
	return false
}
