package tokenizer

import (
	"bytes"
	"slices"
	"strings"

	"github.com/farebox/farebox/tokenizer/jsonscan"
)

var (
	toolsWord = []byte(`"tools"`)
	agentWord = []byte(`"agent"`)
)

// ofCaller are types of tools that their caller runs. Every other type is taken for
// one that runs at the provider, whether it is known or not.
//
//   - https://platform.openai.com/docs/api-reference/responses/create
//   - https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference
var ofCaller = []string{"function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview", "namespace"}

// datedRuns are beginnings of such types, of which each version has its date.
var datedRuns = []string{"bash_", "text_editor_", "computer_", "memory_"}

// CallerRuns reports whether a tool of that type runs at its caller, as far as is
// known.
func CallerRuns(kind string) bool {
	return slices.Contains(ofCaller, kind) || slices.ContainsFunc(datedRuns, func(of string) bool { return IsVersion(kind, of) })
}

// IsVersion reports whether kind is of, and eight digits: the day of its version.
func IsVersion(kind, of string) bool {
	day, found := strings.CutPrefix(kind, of)
	return found && len(day) == 8 && strings.Trim(day, "0123456789") == ""
}

// Members of tools that have no type: one of defining describes what the caller runs,
// as Anthropic, Bedrock, Cohere, Gemini and MCP have it; beside stand around that.
var (
	defining = []string{
		"input_schema", "inputSchema", "parameters", "parameter_definitions", "function", "functionDeclarations", "function_declarations", "toolSpec", "cachePoint",
	}
	beside = []string{
		"name", "title", "description", "output_schema", "outputSchema", "cache_control", "strict", "annotations", "input_examples", "defer_loading",
		"allowed_callers", "eager_input_streaming",
	}
)

// given are members, of objects within a body, that hold what tools were called with
// and gave; shaped are those that hold schemas and notes. What is called tools there
// names none.
var (
	given  = []string{"input", "args", "arguments", "response", "json", "schema", "responseSchema", "response_schema", "responseJsonSchema"}
	shaped = []string{"format", "response_format", "metadata"}
)

// strange reports whether a JSON body has a tool that nobody knows to be run by the
// caller, or has an agent answer, which has tools of its own. Tools stand in the members
// of that name, whatever is around them. What nests too deep is strange, and what is
// malformed. It allocates nothing, but for names with escapes.
func strange(body []byte) bool {
	if !bytes.Contains(body, toolsWord) && !bytes.Contains(body, agentWord) {
		return false
	}
	w := jsonscan.Walk(body)
	return strangeIn(w, 0) || w.End() != nil
}

// strangeIn passes the value that w stands before, which is in depth others, and
// reports whether it has such a tool.
func strangeIn(w *jsonscan.Walker, depth int) (found bool) {
	switch {
	case depth == maxNested:
		return bytes.Contains(w.Raw(), toolsWord)
	case w.Kind() == '[':
		for range w.Elements {
			if found = strangeIn(w, depth+1); found {
				break
			}
		}
		return found
	}
	for key := range w.Members {
		switch name := string(key); {
		case name == "tools":
			found = !ownTools(w, depth+1)
		case name == "agent" && depth == 0:
			found = string(w.Raw()) != "null"
		case w.Kind() != '{' && w.Kind() != '[', slices.Contains(shaped, name), depth > 0 && slices.Contains(given, name):
		default:
			found = strangeIn(w, depth+1)
		}
		if found {
			break
		}
	}
	return found
}

// ownTools passes tools and reports whether the caller runs them all. One may stand
// without a list, as Gemini reads it.
func ownTools(w *jsonscan.Walker, depth int) bool {
	switch {
	case w.Kind() == '{':
		return ownTool(w, depth)
	case w.Kind() != '[':
		return string(w.Raw()) == "null"
	}
	own := true
	for range w.Elements {
		if own = ownTool(w, depth+1); !own {
			break
		}
	}
	return own
}

// ownTool passes a tool and reports whether the caller runs it, by its type, or by all
// its members where it has none.
func ownTool(w *jsonscan.Walker, depth int) (own bool) {
	if w.Kind() != '{' || depth >= maxNested {
		return false
	}
	typed, others, strange := false, false, false
	for key := range w.Members {
		switch name := string(key); {
		case name == "tools":
			strange = !ownTools(w, depth+1)
		case name == "type" && w.Kind() == '"':
			typed, strange = true, !runsAtCaller(w.Raw())
		case name == "type":
			strange = string(w.Raw()) != "null"
		case slices.Contains(defining, name):
			own = true
		default:
			others = others || !slices.Contains(beside, name)
		}
		if strange {
			return false
		}
	}
	return typed || own && !others
}

// runsAtCaller is CallerRuns of a type as it stands in a body.
func runsAtCaller(raw []byte) bool {
	return len(raw) > 1 && len(raw) <= jsonscan.MaxWord && CallerRuns(string(raw[1:len(raw)-1]))
}
