package openai

import (
	"slices"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// capTools bounds the calls of hosted tools of a response by the one member that
// counts them all. It is false where a tool is named that this member does not count,
// or whose calls cost what no price says: containers, pictures, servers of others; and
// where tools may stand in a stored prompt.
// https://platform.openai.com/docs/api-reference/responses/create
func capTools(e *tokenizer.Editor, call *tokenizer.Call, c *tokenizer.Change) bool {
	if prompt := e.Raw("prompt"); call.Operation != responses || !isOpenAI(c.Provider) || prompt != nil && string(prompt) != "null" {
		return false
	}
	hosted := false
	all := e.Items("tools", []string{"type"}, func(tool *tokenizer.Editor) bool {
		kind := jsonscan.Word(tool.Raw("type"))
		counted := slices.Contains(searches, kind)
		hosted = hosted || counted
		return counted || ofCaller(kind)
	})
	return all && (!hosted || e.Lower(c.ToolCalls, "max_tool_calls"))
}

// searches are the tools that max_tool_calls counts, and of which a price says all that
// their calls cost.
var searches = []string{"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11", "file_search"}

// ofCaller reports whether the caller runs tools of that type itself, which has no more
// tools within.
func ofCaller(kind string) bool { return kind != "namespace" && tokenizer.CallerRuns(kind) }
