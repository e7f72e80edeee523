package price

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// litellmModel is one entry of litellm's map, numbers as they are written.
type litellmModel map[string]any

func (m litellmModel) text(key string) string {
	s, _ := m[key].(string)
	return s
}

// number is an exact number, or nil.
func (m litellmModel) number(key string) *big.Rat { return exact(m[key]) }

func exact(v any) *big.Rat {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return nil
	}
	if len(text) > 40 || strings.ContainsAny(text, "/_xXpP") {
		return nil
	}
	if _, e, found := strings.Cut(strings.ToLower(text), "e"); found && len(strings.TrimLeft(e, "+-0")) > 2 {
		return nil // no price has a hundred zeros
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return r
}

// litellm reads the whole map.
func (b *importer) litellm(in io.Reader) error {
	models, err := litellmModels(in)
	if err != nil {
		return err
	}
	aliases := aliasesOf(models)
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if m := models[name]; m.text("litellm_provider") != "" {
			b.litellmModel(name, m, aliases[name])
		}
	}
	return nil
}

// litellmModels are the entries of the map by their keys.
func litellmModels(in io.Reader) (map[string]litellmModel, error) {
	d := json.NewDecoder(in)
	d.UseNumber()
	var all map[string]json.RawMessage
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	models := make(map[string]litellmModel, len(all))
	for name, raw := range all {
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		var m litellmModel
		if d.Decode(&m) == nil && m != nil && name != "sample_spec" {
			m["_name"] = name
			models[name] = m
		}
	}
	if len(models) == 0 {
		return nil, errors.New("no model in it")
	}
	return models, nil
}

// aliasesOf are the keys of entries that are another's, by that one's.
func aliasesOf(models map[string]litellmModel) map[string][]string {
	aliases := make(map[string][]string)
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if target := models[name].text("alias_of"); target != "" {
			aliases[target] = append(aliases[target], name)
		}
	}
	return aliases
}

// cell is the conditions that a key of litellm's map carries in its name.
type cell struct {
	tier  string
	above int64
	size  string
}

// litellmModel makes the rows of one entry.
func (b *importer) litellmModel(name string, m litellmModel, aliases []string) {
	base := litellmName(name, m)
	for _, alias := range aliases {
		if a := litellmName(alias, m); a.Model != base.Model {
			base.Aliases = append(base.Aliases, a.Model)
		}
	}
	base.Developer = developer(base.Provider, base.Model, base.Resold)
	base.Source = "litellm"
	cells := make(map[cell]Row)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		b.litellmKey(name, key, m, cells)
	}
	b.searches(m, cells, name)
	b.tiered(m, cells)
	if base.Provider == "xai" {
		cells = fromThreshold(cells)
	}
	for at, r := range cells {
		if _, _, ok := r.own(tokenizer.Reasoning); ok && r.rateText(tokenizer.Reasoning) == r.rateText(tokenizer.Output) {
			r.drop(tokenizer.Reasoning) // it is output, under every tier
			cells[at] = r
		}
	}
	rows := spread(base, cells)
	if len(rows) == 0 && len(cells) == 0 {
		return
	}
	b.uplifts(name, m, rows)
	b.offPeak(name, m, rows)
}

// conditioned parses what may follow the stem of a key: a band, then a tier.
var conditioned = regexp.MustCompile(`^(?:_above_(\d+)(k?)_tokens)?(?:_(batches|flex|priority|balanced|ultrafast|decisions))?$`)

// sized parses prices per second or image of one resolution.
var sized = regexp.MustCompile(`^(output_cost_per_second|output_cost_per_image)_(\d+(?:\.\d+)?[KkPp]|\d+)$`)

// litellmKey puts one price where it belongs.
func (b *importer) litellmKey(name, key string, m litellmModel, cells map[cell]Row) {
	if !strings.Contains(key, "cost") || strings.HasPrefix(key, "search_context") {
		return
	}
	price := m.number(key)
	if price == nil {
		return
	}
	at := cell{}
	stem := key
	if s := sized.FindStringSubmatch(key); s != nil {
		stem, at.size = s[1], strings.ToLower(s[2])
	}
	class, scale, ok := b.meter(stem, m, &at)
	if !ok {
		if price.Sign() != 0 {
			b.doubt(NoMeter, name, "%s", key)
		}
		return
	}
	r := cells[at]
	if _, _, there := r.own(class); there {
		return // a more telling key came before it
	}
	r.Provider, r.Model, r.Tier, r.Above, r.Size = "", name, at.tier, at.above, at.size
	b.setUSD(&r, class, price, scale)
	cells[at] = r
}

// meter finds the class of a key, what one of the key's units is in a million of
// its own, and its conditions.
func (b *importer) meter(key string, m litellmModel, at *cell) (class tokenizer.Class, scale *big.Rat, ok bool) {
	for _, t := range litellmTokens {
		rest, found := strings.CutPrefix(key, t.stem)
		if !found {
			continue
		}
		parts := conditioned.FindStringSubmatch(rest)
		if parts == nil {
			continue
		}
		at.above, at.tier = thousands(parts[1], parts[2]), strings.Replace(parts[3], "batches", "batch", 1)
		class = t.class
		if class == tokenizer.CacheWrite && strings.Contains(m.text("litellm_provider")+m.text("_name"), "claude") {
			class = tokenizer.CacheWrite5m
		}
		return class, big.NewRat(1_000_000, 1), true
	}
	key, batch := strings.CutSuffix(key, "_batches")
	if batch {
		at.tier = "batch"
	}
	class, ok = litellmUnit(key, m)
	return class, big.NewRat(1_000_000, 1), ok
}

func thousands(digits, k string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 32) // at most too large, which is 0 or the most; no key is
	if k != "" {
		n *= 1000
	}
	return n
}

// litellmTokens are the keys of tokens; the longer of two that fit stands first.
var litellmTokens = [...]struct {
	stem  string
	class tokenizer.Class
}{
	{"input_cost_per_token", tokenizer.Input},
	{"input_cost_per_audio_token", tokenizer.InputAudio},
	{"input_cost_per_image_token", tokenizer.InputImage},
	{"input_cost_per_video_token", tokenizer.InputVideo},
	{"cache_read_input_token_cost", tokenizer.CacheRead},
	{"input_cost_per_token_cache_hit", tokenizer.CacheRead},
	{"cache_read_input_audio_token_cost", tokenizer.CacheReadAudio},
	{"cache_read_input_image_token_cost", tokenizer.CacheReadImage},
	{"cache_creation_input_token_cost_above_12hr", tokenizer.CacheWrite12h},
	{"cache_creation_input_token_cost_above_1hr", tokenizer.CacheWrite1h},
	{"cache_creation_input_token_cost", tokenizer.CacheWrite},
	{"output_cost_per_token", tokenizer.Output},
	{"output_cost_per_audio_token", tokenizer.OutputAudio},
	{"output_cost_per_image_token", tokenizer.OutputImage},
	{"output_cost_per_video_token", tokenizer.OutputVideo},
	{"output_cost_per_reasoning_token", tokenizer.Reasoning},
}

// litellmUnit is the meter of a key that is not of tokens.
func litellmUnit(key string, m litellmModel) (tokenizer.Class, bool) {
	mode := m.text("mode")
	images, video := strings.HasPrefix(mode, "image"), mode == "video_generation"
	switch key {
	case "google_maps_grounding_cost_per_query":
		return tokenizer.Maps, true
	case "input_cost_per_request":
		return tokenizer.Requests, true
	case "input_cost_per_query":
		if mode == "rerank" {
			return tokenizer.RerankUnits, true
		}
		return tokenizer.WebSearch, mode == "search"
	case "ocr_cost_per_page":
		return tokenizer.Pages, true
	case "output_cost_per_image":
		return tokenizer.Images, m["output_cost_per_image_token"] == nil // else it is the same in other words
	case "input_cost_per_image":
		return tokenizer.Images, images && m["output_cost_per_image"] == nil && m["output_cost_per_image_token"] == nil
	case "input_cost_per_character":
		return tokenizer.Characters, true
	case "output_cost_per_second":
		if video {
			return tokenizer.VideoSeconds, true
		}
		return tokenizer.AudioSeconds, mode == "audio_speech" || mode == "audio_transcription" && m["input_cost_per_second"] == nil
	case "input_cost_per_second":
		return tokenizer.AudioSeconds, mode == "audio_transcription" || mode == "realtime"
	case "input_cost_per_audio_per_second":
		return tokenizer.AudioSeconds, true
	case "output_cost_per_video_per_second":
		return tokenizer.VideoSeconds, m["output_cost_per_second"] == nil
	case "input_cost_per_video_per_second":
		return tokenizer.VideoSeconds, !video
	}
	return 0, false
}

// searches sets the price of a web search: that of a search of medium context,
// which is what the providers do unless asked.
func (b *importer) searches(m litellmModel, cells map[cell]Row, name string) {
	sizes, ok := m["search_context_cost_per_query"].(map[string]any)
	if !ok {
		return
	}
	medium := exact(sizes["search_context_size_medium"])
	if medium == nil || medium.Sign() == 0 {
		return
	}
	r := cells[cell{}]
	if _, _, there := r.own(tokenizer.WebSearch); there {
		return
	}
	r.Model = name
	for _, size := range []string{"search_context_size_low", "search_context_size_high"} {
		if other := exact(sizes[size]); other != nil && other.Cmp(medium) != 0 {
			b.doubt(Tangled, name, "web searches cost %s USD by %s: that of medium size, %s, is taken", other.FloatString(4), size, medium.FloatString(4))
		}
	}
	b.setUSD(&r, tokenizer.WebSearch, medium, big.NewRat(1_000_000, 1))
	cells[cell{}] = r
}
