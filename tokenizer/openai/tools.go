package openai

import (
	"cmp"

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

// drawing stands for the model of a hosted tool's pictures where the answer does
// not name it: its tokens have no price then, which is not to say that they are free.
const drawing = "image_generation"

// setDrawn adds what a hosted tool used to make pictures: tokens of a model of its
// own, which are billed at that one's prices and stand in no other usage.
// https://platform.openai.com/docs/guides/tools-image-generation
func (m *meter) setDrawn(r *tokenizer.Reading, from tokenizer.Source) {
	g := gjson.ParseBytes(m.drawn)
	if len(r.Usage) == 0 || cells.First(g, "input_tokens").Count+cells.First(g, "output_tokens").Count == 0 {
		return // what was not told in whole is guessed in whole; and a response tells of the tool whether or not it was used
	}
	u := usage(g, from)
	u.Model = cmp.Or(m.draws, drawing)
	r.Usage = append(r.Usage, u)
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
