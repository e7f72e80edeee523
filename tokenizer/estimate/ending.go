package estimate

import (
	"slices"
	"strings"

	"github.com/farebox/farebox/tokenizer/bpe"
)

// What OpenAI's servers bill of an answer beside its text, in tokens. It was found
// by holding answers against the calls they answer; docs/dialects.md has the
// figures. Each is added to the others.
const (
	// ended is the token that ends an answer: to a call that offers tools it says
	// that none is called; of a refusal it ends what the schema did not hold. The
	// responses API and Azure count it always.
	ended = 1
	// addressed is the head of an answer that fits a schema where it might have
	// been a call of a tool: it says which of the two follows.
	addressed = 4
	// called is the frame of a call of a tool, around its name and arguments.
	called = 6
)

// ending is how many tokens are billed beside the text. An answer that was cut,
// or stopped at a bound, has no end.
func (a *Answer) ending(encoding string) (tokens int64) {
	switch a.Reading.Finish {
	case "stop", "completed", "tool_calls", "function_call":
	default:
		return 0
	}
	if !a.Whole {
		return 0
	}
	if a.Reading.Calls {
		tokens += called
	}
	if a.Call.Operation == "responses" || a.Provider == "azure" && encoding == bpe.O200K {
		tokens += ended
	}
	if a.Call.Shares.Tools > 0 {
		tokens += ended
	}
	if a.Call.Shares.Tools > 0 && a.Call.Schema && !a.Reading.Calls {
		tokens += addressed
	}
	if a.Reading.Refused {
		tokens += ended
	}
	return tokens * int64(max(1, a.Call.Choices))
}

// shows reports whether the text is all that was generated. It is not of a model
// that thinks unseen, where a text of the caller's may have ended the answer, and
// where tools are called, whose frame differs; the texts of several choices are
// seen mixed.
func (a *Answer) shows() bool {
	return !thinks(a.Model) && !a.Call.Stops && a.Call.Choices <= 1 && !a.Reading.Calls
}

// thinkers are families of public vocabulary whose output is more than what is
// shown of it: thoughts, and the frame of the channels they are kept apart in.
var thinkers = [...]string{"o1", "o3", "o4", "gpt-5", "gpt-oss"}

// thinks reports whether a model, whose name may have a prefix, is of such a
// family.
func thinks(model string) bool {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	model = strings.TrimPrefix(model, "ft:")
	return slices.ContainsFunc(thinkers[:], func(family string) bool { return strings.HasPrefix(model, family) })
}
