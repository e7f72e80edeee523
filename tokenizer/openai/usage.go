package openai

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/tidwall/gjson"
)

// maxTokens is the largest count that is believed. It keeps sums far from
// overflow.
const maxTokens = 1 << 40

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
	m.reading.Cost = cost(g)
	if m.usageFrom == timingsRole {
		u = timings(g, from)
	} else {
		u = usage(g, from)
	}
	return u, g.Get("service_tier").Str, u.Known()
}

// part is one class of a total.
type part struct {
	class  tokenizer.Class
	tokens int64
	known  bool
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
	in, out := first(g, "prompt_tokens", "input_tokens"), first(g, "completion_tokens", "output_tokens")
	total := first(g, "total_tokens")
	if !in.known && !out.known {
		in = total
	}
	reasoning := first(g, "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "reasoning_tokens")
	audio := first(g, "prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens", "audio_prompt_tokens")
	if in.known && out.known && total.known {
		switch beside := total.tokens - in.tokens - out.tokens; {
		case beside <= 0:
		case beside == reasoning.tokens:
			out.tokens += beside
		case beside == audio.tokens:
			in.tokens += beside
		}
	}
	split(&u, from, in.as(tokenizer.Input), []part{
		first(g, "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "prompt_token_details.cached_tokens",
			"cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens").as(tokenizer.CacheRead),
		first(g, "prompt_tokens_details.cache_write_tokens", "input_tokens_details.cache_write_tokens",
			"prompt_tokens_details.cache_creation_tokens").as(tokenizer.CacheWrite),
		audio.as(tokenizer.InputAudio),
		first(g, "prompt_tokens_details.image_tokens", "input_tokens_details.image_tokens").as(tokenizer.InputImage),
		first(g, "prompt_tokens_details.video_tokens", "input_tokens_details.video_tokens").as(tokenizer.InputVideo),
	})
	split(&u, from, out.as(tokenizer.Output), []part{
		reasoning.as(tokenizer.Reasoning),
		first(g, "completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens").as(tokenizer.OutputAudio),
		first(g, "completion_tokens_details.image_tokens", "output_tokens_details.image_tokens").as(tokenizer.OutputImage),
	})
	return u
}

// timings reads what llama.cpp says in the last chunk when usage was not asked
// for: tokens of the prompt taken from the cache, computed, and generated.
func timings(g gjson.Result, from tokenizer.Source) (u tokenizer.Usage) {
	for _, p := range []part{
		first(g, "prompt_n").as(tokenizer.Input),
		first(g, "cache_n").as(tokenizer.CacheRead),
		first(g, "predicted_n").as(tokenizer.Output),
	} {
		if p.known {
			u.Set(p.class, p.tokens, from)
		}
	}
	return u
}

// split sets the parts of a total and leaves the rest of it to one class, so that
// the classes sum to the total that the provider states, whatever its parts say:
// a part is cut to what the parts before it have left. Cached tokens come first,
// for where they overlap with audio or images the provider bills the cheaper.
// Parts of an unknown total are unknown.
func split(u *tokenizer.Usage, from tokenizer.Source, total part, parts []part) {
	if !total.known {
		return
	}
	left := total.tokens
	for _, p := range parts {
		if !p.known {
			continue
		}
		n := min(p.tokens, left)
		u.Set(p.class, n, from)
		left -= n
	}
	u.Set(total.class, left, from)
}

// first returns the first of the members that is a believable number.
func first(g gjson.Result, members ...string) part {
	for _, m := range members {
		if v := g.Get(m); v.Type == gjson.Number && v.Num >= 0 && v.Num <= maxTokens {
			return part{tokens: v.Int(), known: true}
		}
	}
	return part{}
}

func (p part) as(c tokenizer.Class) part {
	p.class = c
	return p
}

// cost is what the provider says that the call cost: OpenRouter and those that
// follow it tell it in USD.
// https://openrouter.ai/docs/use-cases/usage-accounting
func cost(g gjson.Result) string {
	const most = 32
	if c := g.Get("cost"); c.Type == gjson.Number && len(c.Raw) <= most {
		return strings.Clone(c.Raw)
	}
	return ""
}
