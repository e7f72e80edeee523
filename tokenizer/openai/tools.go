package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// tools counts the calls of hosted tools that are billed one by one: each search of
// the web (opening a page that was found is none), each of files.
// https://platform.openai.com/docs/pricing
type tools struct{ web, files int64 }

func (t *tools) count(as role, raw []byte) {
	switch string(raw) {
	case `"web_search_call"`:
		t.web++
	case `"file_search_call"`:
		t.files++
	case `"open_page"`, `"find_in_page"`, `"find"`:
		if as == actionRole && t.web > 0 {
			t.web--
		}
	}
}

// toolsTold is what a usage object says of the calls of hosted tools that are billed,
// which is surer than what can be seen of them in the answer: failed ones are not
// billed. Searches of X cost what those of the web do. ok is false if it does not
// say.
// https://docs.x.ai/developers/tools/tool-usage-details
// https://docs.perplexity.ai/docs/agent-api
func toolsTold(g gjson.Result) (t tools, ok bool) {
	web := cells.Sum(
		cells.First(g, "server_side_tool_usage_details.web_search_calls", "tool_calls_details.search_web.invocation", "tool_calls_details.web_search.invocation"),
		cells.First(g, "server_side_tool_usage_details.x_search_calls"))
	files := cells.First(g, "server_side_tool_usage_details.file_search_calls")
	return tools{web.Count, files.Count}, web.Known || files.Known
}

func (t *tools) set(u *tokenizer.Usage) {
	if t.web > 0 {
		u.Set(tokenizer.WebSearch, t.web, tokenizer.Reported)
	}
	if t.files > 0 {
		u.Set(tokenizer.FileSearch, t.files, tokenizer.Reported)
	}
}

// putOff says that a response goes on in the background, or still does.
func (m *meter) putOff(r *tokenizer.Reading) {
	switch {
	case !m.going || len(r.Usage) > 0:
	case m.of != "":
		r.Deferred.ID = m.of
	case m.background:
		r.Deferred.ID = r.ResponseID
	}
}
