package anthropic

import (
	"slices"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// capTools bounds the calls of hosted tools of a message, each by a member of its own:
// they share most. It is false where a tool is named that takes no bound, as one that
// runs code, or where there are more tools than calls.
// https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool
func capTools(e *tokenizer.Editor, most int64) bool {
	if servers := e.Raw("mcp_servers"); servers != nil && string(servers) != "null" {
		return false
	}
	names := []string{"type", "max_uses", "allowed_callers"}
	var hosted int64
	if !e.Items("tools", names, func(tool *tokenizer.Editor) bool {
		bounded := takesBound(tool)
		if bounded {
			hosted++
		}
		return bounded || ofCaller(tool)
	}) || hosted > most {
		return false
	}
	return hosted == 0 || e.Items("tools", names, func(tool *tokenizer.Editor) bool {
		return !takesBound(tool) || tool.Lower(most/hosted, "max_uses")
	})
}

// takesBound reports whether a tool is hosted and counts all that it does. Later
// versions run code that calls them, which turns as often as it likes, unless only
// the model itself may call them.
func takesBound(tool *tokenizer.Editor) bool {
	kind := jsonscan.Word(tool.Raw("type"))
	if !tokenizer.IsVersion(kind, "web_search_") && !tokenizer.IsVersion(kind, "web_fetch_") {
		return false
	}
	callers := tool.Raw("allowed_callers")
	if callers == nil || string(callers) == "null" {
		return slices.Contains([]string{"web_search_20250305", "web_fetch_20250910"}, kind)
	}
	direct := false
	w := jsonscan.Walk(callers)
	for range w.Elements {
		if direct = jsonscan.Word(w.Raw()) == "direct"; !direct {
			return false
		}
	}
	return direct
}

// ofCaller reports whether the caller runs a tool itself.
func ofCaller(tool *tokenizer.Editor) bool {
	raw := tool.Raw("type")
	if raw == nil || string(raw) == "null" {
		return true
	}
	return tokenizer.CallerRuns(jsonscan.Word(raw))
}
