package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// keepUsage keeps raw if it is a usage object that stands at no worse a place
// than the one at hand. Usage in a stream is cumulative: the last one counts and
// nothing is added up. null is no usage.
func (m *meter) keepUsage(from role, raw []byte) {
	if len(raw) <= 2 || raw[0] != '{' || len(m.usage) > 0 && from < m.usageFrom {
		return
	}
	m.usage, m.usageFrom = append(m.usage[:0], raw...), from
}

// counts turns the usage that was kept into disjoint classes. tier is the service
// tier in it (Mistral), and ok is false if it counts nothing.
func (m *meter) counts(from tokenizer.Source) (u tokenizer.Usage, tier string, ok bool) {
	if len(m.usage) == 0 {
		return u, "", false
	}
	g := gjson.ParseBytes(m.usage)
	m.reading.Cost = cells.Cost(g)
	m.reading.Quality = searchSize(g)
	if calls, told := toolsTold(g); told {
		m.searches = calls
	}
	if m.usageFrom == timingsRole {
		u = timings(g, from)
	} else {
		u = m.read(g, from)
	}
	return u, g.Get("service_tier").Str, u.Known()
}

// usage reads a usage object.
//
// The input total is prompt_tokens, or input_tokens in the responses API; where
// only total_tokens is given (embeddings of some servers) it is the input. Cached
// tokens, cache writes, audio, images and video are parts of it, and the rest is
// text. The output total is completion_tokens or output_tokens, of which
// reasoning, audio and images are parts. Two servers count a part beside its
// total, which shows in total_tokens: xAI's chat does so with reasoning, and
// Mistral with audio that was sent.
func usage(g gjson.Result, from tokenizer.Source) (u tokenizer.Usage) {
	in, out := cells.First(g, "prompt_tokens", "input_tokens"), cells.First(g, "completion_tokens", "output_tokens")
	total := cells.First(g, "total_tokens")
	if !in.Known && !out.Known {
		in = total
	}
	if researched(g) {
		return research(g, from, in, out)
	}
	reasoning := cells.First(g, "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "reasoning_tokens")
	audio := cells.First(g, "prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens", "input_token_details.audio_tokens", "audio_prompt_tokens")
	if in.Known && out.Known && total.Known {
		switch beside := total.Count - in.Count - out.Count; {
		case beside <= 0:
		case beside == reasoning.Count:
			out.Count += beside
		case beside == audio.Count:
			in.Count += beside
		}
	}
	cells.Split(&u, from, in.As(tokenizer.Input),
		cells.First(g, "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "prompt_token_details.cached_tokens",
			"cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens", "input_tokens_details.cache_read_input_tokens").As(tokenizer.CacheRead),
		cells.First(g, "prompt_tokens_details.cache_write_tokens", "input_tokens_details.cache_write_tokens",
			"prompt_tokens_details.cache_creation_tokens", "input_tokens_details.cache_creation_input_tokens").As(tokenizer.CacheWrite),
		audio.As(tokenizer.InputAudio),
		cells.First(g, "prompt_tokens_details.image_tokens", "input_tokens_details.image_tokens").As(tokenizer.InputImage),
		cells.First(g, "prompt_tokens_details.video_tokens", "input_tokens_details.video_tokens").As(tokenizer.InputVideo),
	)
	cells.Split(&u, from, out.As(tokenizer.Output),
		reasoning.As(tokenizer.Reasoning),
		cells.First(g, "completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens").As(tokenizer.OutputAudio),
		cells.First(g, "completion_tokens_details.image_tokens", "output_tokens_details.image_tokens").As(tokenizer.OutputImage),
	)
	return u
}

// searchSize is how much a search put before the model: low, medium or high, on
// which Perplexity's fee for a request depends; empty: not said.
// https://docs.perplexity.ai/getting-started/pricing
func searchSize(g gjson.Result) string {
	switch size := g.Get("search_context_size").Str; size {
	case "low", "medium", "high":
		return size
	}
	return ""
}

// researched reports whether a usage object is that of Perplexity's deep research:
// no other tells of citations and of reasoning, both beside its details. The plain
// models tell null, or citations alone, and are not billed by them.
func researched(g gjson.Result) bool {
	return cells.First(g, "citation_tokens").Known && cells.First(g, "reasoning_tokens").Known
}

// research counts a deep research. Citations, which its searches added to the
// input, and reasoning stand beside prompt and completion and in no total, and are
// billed by themselves, as each search is.
// https://docs.perplexity.ai/getting-started/pricing
func research(g gjson.Result, from tokenizer.Source, in, out cells.Part) (u tokenizer.Usage) {
	cells.Set(&u, from,
		in.As(tokenizer.Input), cells.First(g, "citation_tokens").As(tokenizer.InputTool),
		out.As(tokenizer.Output), cells.First(g, "reasoning_tokens").As(tokenizer.Reasoning),
		cells.First(g, "num_search_queries").As(tokenizer.WebSearch))
	return u
}

// timings reads what llama.cpp says in the last chunk when usage was not asked
// for: tokens of the prompt taken from the cache, computed, and generated.
func timings(g gjson.Result, from tokenizer.Source) (u tokenizer.Usage) {
	cells.Set(&u, from,
		cells.First(g, "prompt_n").As(tokenizer.Input),
		cells.First(g, "cache_n").As(tokenizer.CacheRead),
		cells.First(g, "predicted_n").As(tokenizer.Output),
	)
	return u
}
