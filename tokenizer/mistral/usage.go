package mistral

import (
	"math"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// counts reads a usage object. That of a document tells pages, by which it is
// billed, and its size, by which it is not.
//
// prompt_tokens and completion_tokens are text and pictures, of which cached and
// reasoning tokens are parts. Two things stand beside them, in total_tokens alone:
//
//   - Sound that was sent, at 375 tokens for each thirty seconds that begin. It is
//     billed by the second, which prompt_audio_seconds tells, and counted there and
//     nowhere else. Only where seconds are not told are its tokens counted. Cached
//     tokens may be of sound too: as many as can be are taken to be, and are no part
//     of the prompt.
//   - Tokens that connectors added to a conversation. Where the total has no room
//     for them, they are part of the prompt.
//
// https://docs.mistral.ai/capabilities/audio
// https://docs.mistral.ai/agents/connectors/websearch
func counts(g gjson.Result, from tokenizer.Source) (u tokenizer.Usage) {
	cells.Set(&u, from, cells.First(g, "pages_processed").As(tokenizer.Pages))
	in, out := cells.First(g, "prompt_tokens"), cells.First(g, "completion_tokens")
	total, tool := cells.First(g, "total_tokens"), cells.First(g, "connector_tokens")
	if !in.Known && !out.Known {
		in = total
	}
	beside := tool.Count // unless the total says otherwise
	if in.Known && total.Known {
		beside = max(total.Count-in.Count-out.Count, 0)
	}
	toolBeside := min(tool.Count, beside)
	beside -= toolBeside
	heard := seconds(g)
	audio := cells.First(g, "prompt_tokens_details.audio_tokens")
	cached := cells.First(g, "prompt_tokens_details.cached_tokens", "prompt_token_details.cached_tokens", "num_cached_tokens")
	if heard > 0 {
		u.Set(tokenizer.AudioSeconds, heard, from)
		cached.Count = max(cached.Count-max(beside, audio.Count), 0)
		audio.Known = false
	} else if beside == audio.Count {
		in.Count += beside
	}
	in.Count += toolBeside
	tool.Known = tool.Known && tool.Count > 0
	cells.Split(&u, from, in.As(tokenizer.Input),
		cached.As(tokenizer.CacheRead), audio.As(tokenizer.InputAudio), tool.As(tokenizer.InputTool))
	cells.Split(&u, from, out.As(tokenizer.Output), cells.First(g, "completion_tokens_details.reasoning_tokens").As(tokenizer.Reasoning))
	connectors(&u, g, from)
	return u
}

// seconds is how much sound was sent, begun seconds whole; 0: none, or not told.
func seconds(g gjson.Result) int64 {
	v := g.Get("prompt_audio_seconds")
	if v.Type != gjson.Number || !(v.Num > 0 && v.Num <= cells.MaxCount) {
		return 0
	}
	return int64(math.Ceil(v.Num))
}

// connectors counts the calls of hosted tools that are billed one by one. Runs of
// the code interpreter are too, by the run and not by the second: no class is that.
func connectors(u *tokenizer.Usage, g gjson.Result, from tokenizer.Source) {
	web := cells.Sum(cells.First(g, "connectors.web_search"), cells.First(g, "connectors.web_search_premium"))
	for _, p := range [...]cells.Part{
		web.As(tokenizer.WebSearch),
		cells.First(g, "connectors.document_library").As(tokenizer.FileSearch),
		cells.First(g, "connectors.image_generation").As(tokenizer.Images),
	} {
		if p.Count > 0 {
			cells.Set(u, from, p)
		}
	}
}

// waiveTokens says that none of the tokens of u are billed.
func waiveTokens(u *tokenizer.Usage) {
	for c, n := range u.All {
		if c.IsToken() {
			u.Waive(c, n)
		}
	}
}
