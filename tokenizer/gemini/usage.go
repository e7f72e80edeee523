package gemini

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/tidwall/gjson"
)

// counts are what a usage object says. Cached tokens are part of the prompt;
// tokens that tools added, candidates and thoughts stand beside it and each other.
type counts struct {
	prompt, cached, tool      cells.Part
	candidates, thoughts      cells.Part
	promptBy, cachedBy, outBy modalities
}

// metadata reads a usageMetadata object. Sessions of the Live API, and
// embeddings, name some of it another way.
func metadata(g gjson.Result) counts {
	c := counts{
		prompt:     cells.First(g, "promptTokenCount"),
		cached:     cells.First(g, "cachedContentTokenCount"),
		tool:       cells.First(g, "toolUsePromptTokenCount"),
		candidates: cells.First(g, "candidatesTokenCount", "responseTokenCount"),
		thoughts:   cells.First(g, "thoughtsTokenCount"),
		promptBy:   byModality(g, "tokenCount", "promptTokensDetails", "promptTokenDetails"),
		cachedBy:   byModality(g, "tokenCount", "cacheTokensDetails"),
		outBy:      byModality(g, "tokenCount", "candidatesTokensDetails", "responseTokensDetails"),
	}
	c.complete(cells.First(g, "totalTokenCount"))
	return c
}

// interactionCounts reads the usage object of an interaction.
func interactionCounts(g gjson.Result) counts {
	c := counts{
		prompt:     cells.First(g, "total_input_tokens"),
		cached:     cells.First(g, "total_cached_tokens"),
		tool:       cells.First(g, "total_tool_use_tokens"),
		candidates: cells.First(g, "total_output_tokens"),
		thoughts:   cells.First(g, "total_thought_tokens", "total_reasoning_tokens"),
		promptBy:   byModality(g, "tokens", "input_tokens_by_modality"),
		cachedBy:   byModality(g, "tokens", "cached_tokens_by_modality"),
		outBy:      byModality(g, "tokens", "output_tokens_by_modality"),
	}
	c.complete(cells.First(g, "total_tokens"))
	return c
}

// complete finds the count that was left out. The servers leave out what is zero,
// and streams were seen that leave out the candidates at their end: the total
// tells what is missing. It also tells when thoughts were counted among the
// candidates, as some models at Vertex AI did.
func (c *counts) complete(total cells.Part) {
	if !total.Known {
		return
	}
	rest := total.Count - cells.Sum(c.prompt, c.tool, c.candidates, c.thoughts).Count
	switch {
	case rest < 0:
		if rest == -c.thoughts.Count && c.candidates.Count >= c.thoughts.Count {
			c.candidates.Count += rest
		}
	case !c.prompt.Known:
		c.prompt = cells.Part{Count: rest, Known: true}
		if !c.candidates.Known {
			c.candidates = cells.Part{Known: true}
		}
	case !c.candidates.Known:
		c.candidates = cells.Part{Count: rest, Known: true}
	}
}

// usage divides the counts into disjoint classes.
func (c *counts) usage(from tokenizer.Source) (u tokenizer.Usage) {
	cached := c.cachedBy.parts(cacheClasses)
	if !c.cached.Known {
		c.cached = cells.Sum(cached[:]...)
	}
	fresh := c.promptBy.parts(inputClasses)
	for i := range fresh {
		fresh[i].Count = max(fresh[i].Count-cached[i].Count, 0)
	}
	var kept tokenizer.Usage // divides what was cached, by itself
	cells.Split(&kept, from, c.cached.As(tokenizer.CacheRead), cached[:]...)
	parts := make([]cells.Part, 0, len(cached)+1+len(fresh))
	for class, n := range kept.All {
		parts = append(parts, cells.Part{Class: class, Count: n, Known: true})
	}
	cells.Split(&u, from, c.prompt.As(tokenizer.Input), append(parts, fresh[:]...)...)
	made := c.outBy.parts(outputClasses)
	cells.Split(&u, from, c.candidates.As(tokenizer.Output), made[:]...)
	cells.Set(&u, from, c.tool.As(tokenizer.InputTool), c.thoughts.As(tokenizer.Reasoning))
	return u
}

// modality is what tokens stand for, by its number in Google's enumeration less
// two: text, which is number one, is what the others leave over.
// https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Modality
type modality int

const (
	image modality = iota
	footage
	sound
	document
	kinds // how many there are
)

// modalities are tokens by what they stand for, text left out.
type modalities [kinds]cells.Part

// The classes of the modalities. What documents make is text.
var (
	inputClasses  = [kinds]tokenizer.Class{tokenizer.InputImage, tokenizer.InputVideo, tokenizer.InputAudio, tokenizer.InputDocument}
	cacheClasses  = [kinds]tokenizer.Class{tokenizer.CacheReadImage, tokenizer.CacheReadVideo, tokenizer.CacheReadAudio, tokenizer.CacheReadDocument}
	outputClasses = [kinds]tokenizer.Class{tokenizer.OutputImage, tokenizer.OutputVideo, tokenizer.OutputAudio, tokenizer.Output}
)

// byModality reads the first list of that name: objects with a modality and a
// count. One modality may come more than once.
func byModality(g gjson.Result, count string, lists ...string) (m modalities) {
	for _, name := range lists {
		list := g.Get(name)
		if !list.IsArray() {
			continue
		}
		list.ForEach(func(_, each gjson.Result) bool {
			n := cells.First(each, count)
			if of := modalityOf(each.Get("modality")); of >= 0 && n.Known {
				m[of] = cells.Sum(m[of], n)
			}
			return true
		})
		return m
	}
	return m
}

// modalityOf is -1 for text, and for what has no class of its own.
func modalityOf(v gjson.Result) modality {
	if v.Type == gjson.Number {
		if m := modality(v.Int()) - 2; m >= 0 && m < kinds {
			return m
		}
		return -1
	}
	switch strings.ToUpper(v.Str) {
	case "IMAGE":
		return image
	case "VIDEO":
		return footage
	case "AUDIO":
		return sound
	case "DOCUMENT":
		return document
	}
	return -1
}

// parts are the tokens of each modality as parts of a total.
func (m modalities) parts(classes [kinds]tokenizer.Class) (parts [kinds]cells.Part) {
	for i := range m {
		if m[i].Known && classes[i] != tokenizer.Output {
			parts[i] = m[i].As(classes[i])
		}
	}
	return parts
}

// provisioned is the tier of calls that capacity paid for beforehand serves.
const provisioned = "provisioned"

// tierName is a service tier as price lists name it. Vertex AI says what traffic
// a call was, the Gemini API what tier, each by name or by number.
func tierName(said string) string {
	said = strings.ToLower(said)
	said = strings.TrimPrefix(strings.TrimPrefix(said, "service_tier_"), "on_demand_")
	switch said {
	case "on_demand", "1":
		return "standard"
	case "provisioned_throughput", "2":
		return provisioned
	case "3":
		return "priority"
	case "4":
		return "flex"
	case "unspecified", "traffic_type_unspecified", "0":
		return ""
	}
	return said
}

// servedTier is the tier in a usage object.
func servedTier(g gjson.Result) string {
	for _, name := range [...]string{"serviceTier", "trafficType"} {
		if v := g.Get(name); v.Type == gjson.String || v.Type == gjson.Number {
			return strings.Clone(tierName(v.String()))
		}
	}
	return ""
}
