package anthropic

import (
	"strconv"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// leastThinking is the least budget that thinking takes, in tokens; it must stay
// below the bound of the answer that it is part of.
// https://platform.claude.com/docs/en/build-with-claude/extended-thinking
const leastThinking = 1024

// Changes says what of a call can be changed: all of a message, and what an old
// completion has. Messages of a batch are not changed.
func (*Dialect) Changes(call tokenizer.Call, _ string) tokenizer.Part {
	switch {
	case call.Of != "":
		return 0
	case call.Operation == messages:
		return tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart | tokenizer.ToolsPart
	case call.Operation == complete:
		return tokenizer.ModelPart | tokenizer.CapPart
	}
	return 0
}

// Change makes c of a call. On Vertex AI the model stands in the path.
func (*Dialect) Change(call tokenizer.Call, path string, body []byte, c tokenizer.Change) (r tokenizer.Rewrite) {
	e := NewEditor(body)
	if c.Model != "" {
		if v, ok := tokenizer.OnVertex(path, Name); ok {
			r.Path = v.Ask(path, c.Model)
			r.Done |= tokenizer.ModelPart
		} else if e.SetText("model", c.Model) || e.Set("model", tokenizer.Quote(c.Model)) {
			r.Done |= tokenizer.ModelPart
		}
	}
	r.Done |= ChangeMessage(e, call.Operation == complete, &c)
	if c.ToolCalls > 0 && call.Operation == messages && capTools(e, c.ToolCalls) {
		r.Done |= tokenizer.ToolsPart
	}
	r.Edits = e.Edits()
	return r
}

// NewEditor is an editor of a message, or an old completion, that ChangeMessage
// takes.
func NewEditor(body []byte) *tokenizer.Editor {
	return tokenizer.NewEditor(body, "model", "max_tokens", "max_tokens_to_sample", "system", "thinking", "tools", "mcp_servers")
}

// ChangeMessage makes the cap and the hint of c in the body of a message, or of an
// old completion, which has no system, and says what of them is done.
func ChangeMessage(e *tokenizer.Editor, old bool, c *tokenizer.Change) (done tokenizer.Part) {
	name := "max_tokens"
	if old {
		name = "max_tokens_to_sample"
	}
	if c.MaxOutput > 0 && e.Lower(c.MaxOutput, name) {
		LowerThinking(e, c.MaxOutput)
		done |= tokenizer.CapPart
	}
	if c.Hint != "" && !old && e.Append("system", c.Hint, tokenizer.TextPart(c.Hint), tokenizer.Quote(c.Hint)) {
		done |= tokenizer.HintPart
	}
	return done
}

// LowerThinking makes a budget for thinking, in the member of that name of e, fit
// under the bound of the answer, of which it leaves a half for the rest; where that
// is too little to think, it is switched off.
func LowerThinking(e *tokenizer.Editor, most int64) {
	thinking := e.In("thinking", "budget_tokens")
	switch {
	case thinking == nil:
	case jsonscan.Number(thinking.Raw("budget_tokens")) < most:
	case most <= leastThinking:
		e.Replace("thinking", `{"type":"disabled"}`)
	default:
		thinking.Replace("budget_tokens", strconv.FormatInt(max(leastThinking, most/2), 10))
	}
}
