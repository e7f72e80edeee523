package anthropic

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/tidwall/gjson"
)

// counts is what the usage objects of one message said. Counts are cumulative: a
// later one replaces an earlier one and nothing is added up; a member that the
// later object leaves out keeps its value.
type counts struct {
	input, read, output     cells.Part
	write, write5m, write1h cells.Part // all tokens written to the cache, and its parts by time to live
	thinking, searches      cells.Part
	model, kind             string // of an iteration
	tier, speed, region     string
	iterations              string // raw
}

// take reads a usage object, or an iteration of one; null says nothing.
//
// input_tokens are those that no cache was involved in. The split of the tokens
// written to the cache by their time to live stands in message_start only, while
// message_delta may raise their total.
// https://platform.claude.com/docs/en/build-with-claude/prompt-caching
func (c *counts) take(raw []byte) {
	if len(raw) <= 2 || raw[0] != '{' {
		return
	}
	g := gjson.ParseBytes(raw)
	for _, m := range [...]struct {
		to   *cells.Part
		path string
	}{
		{&c.input, "input_tokens"},
		{&c.read, "cache_read_input_tokens"},
		{&c.write, "cache_creation_input_tokens"},
		{&c.write5m, "cache_creation.ephemeral_5m_input_tokens"},
		{&c.write1h, "cache_creation.ephemeral_1h_input_tokens"},
		{&c.output, "output_tokens"},
		{&c.thinking, "output_tokens_details.thinking_tokens"},
		{&c.searches, "server_tool_use.web_search_requests"},
	} {
		if p := cells.First(g, m.path); p.Known {
			*m.to = p
		}
	}
	for _, m := range [...]struct {
		to   *string
		path string
	}{
		{&c.model, "model"}, {&c.kind, "type"}, {&c.tier, "service_tier"}, {&c.speed, "speed"}, {&c.region, "inference_geo"},
	} {
		if v := g.Get(m.path); v.Type == gjson.String && len(v.Str) <= jsonscan.MaxWord {
			*m.to = strings.Clone(v.Str)
		}
	}
	if v := g.Get("iterations"); v.IsArray() {
		c.iterations = v.Raw
	}
}

// known reports whether anything was counted.
func (c *counts) known() bool {
	return c.input.Known || c.output.Known || c.read.Known || c.written().Known
}

// written is all tokens that were written to the cache.
func (c *counts) written() cells.Part {
	if c.write.Known {
		return c.write
	}
	return cells.Sum(c.write5m, c.write1h)
}

// usage is the counts as disjoint classes. What the split by time to live does not
// account for has a time to live that was not said: it is not guessed.
func (c *counts) usage(from tokenizer.Source) (u tokenizer.Usage) {
	cells.Set(&u, from, c.input.As(tokenizer.Input), c.read.As(tokenizer.CacheRead), c.searches.As(tokenizer.WebSearch))
	written := c.written()
	cells.Split(&u, from, written.As(tokenizer.CacheWrite), c.write5m.As(tokenizer.CacheWrite5m), c.write1h.As(tokenizer.CacheWrite1h))
	cells.Split(&u, from, c.output.As(tokenizer.Output), c.thinking.As(tokenizer.Reasoning))
	return u
}

// total is every token counted.
func (c *counts) total() int64 {
	return cells.Sum(c.input, c.read, c.written(), c.output).Count
}

// servedTier is the service tier as prices know it. Speed is a tier of its own.
// https://platform.claude.com/docs/en/build-with-claude/fast-mode
func (c *counts) servedTier() string { return tierOf(c.tier, c.speed) }

// tierOf is the one word for a service tier and a speed.
func tierOf(tier, speed string) string {
	if speed == fast {
		return fast
	}
	return tier
}

const fast = "fast"

// geography is where inference ran; that it ran anywhere says nothing.
// https://platform.claude.com/docs/en/build-with-claude/data-residency
func geography(said string) string {
	switch said {
	case "global", "not_available":
		return ""
	}
	return said
}
