package bedrock

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// read reads a usage object.
//
// Converse's inputTokens excludes what was read from the cache and what was
// written to it, and totalTokens is the sum of all four. Nova's InvokeModel says
// the same under slightly other names, and both are given at times. What was
// written is told by time to live where a model has several.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
func read(u *tokenizer.Usage, raw []byte, from tokenizer.Source) {
	if len(raw) == 0 {
		return
	}
	g := gjson.ParseBytes(raw)
	if in := cells.First(g, "prompt_tokens"); in.Known {
		brought(u, g, from)
		return
	}
	cells.Set(u, from,
		cells.First(g, "inputTokens").As(tokenizer.Input),
		cells.First(g, "cacheReadInputTokens", "cacheReadInputTokenCount").As(tokenizer.CacheRead),
		cells.First(g, "outputTokens").As(tokenizer.Output),
	)
	written := cells.First(g, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
	cells.Split(u, from, written.As(tokenizer.CacheWrite),
		cells.First(g, `cacheDetails.#(ttl=="5m").inputTokens`).As(tokenizer.CacheWrite5m),
		cells.First(g, `cacheDetails.#(ttl=="1h").inputTokens`).As(tokenizer.CacheWrite1h),
	)
}

// brought reads the usage of a model that somebody brought along and that
// completes text as OpenAI's did.
func brought(u *tokenizer.Usage, g gjson.Result, from tokenizer.Source) {
	cells.Split(u, from, cells.First(g, "prompt_tokens").As(tokenizer.Input),
		cells.First(g, "prompt_tokens_details.cached_tokens").As(tokenizer.CacheRead))
	cells.Split(u, from, cells.First(g, "completion_tokens").As(tokenizer.Output),
		cells.First(g, "completion_tokens_details.reasoning_tokens").As(tokenizer.Reasoning))
}

// metricsOf reads Bedrock's counts of an InvokeModel stream.
func metricsOf(raw []byte) counts {
	if len(raw) == 0 {
		return counts{}
	}
	g := gjson.ParseBytes(raw)
	return counts{
		input:      cells.First(g, "inputTokenCount"),
		output:     cells.First(g, "outputTokenCount"),
		cacheRead:  cells.First(g, "cacheReadInputTokenCount"),
		cacheWrite: cells.First(g, "cacheWriteInputTokenCount"),
	}
}
