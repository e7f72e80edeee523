package openai

import (
	"strings"

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
		counted := strings.HasPrefix(kind, "web_search") || kind == "file_search"
		hosted = hosted || counted
		return counted || ofCaller(kind)
	})
	return all && (!hosted || e.Lower(c.ToolCalls, "max_tool_calls"))
}

// ofCaller reports whether the caller runs tools of that type itself.
func ofCaller(kind string) bool {
	switch kind {
	case "function", "custom", "local_shell", "apply_patch", "computer_use_preview":
		return true
	}
	return false
}
