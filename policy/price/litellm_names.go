package price

import (
	"math/big"
	"regexp"
	"strings"
)

// hosts maps what litellm and genai-prices call a provider to its name here.
// Others keep their name.
var hosts = map[string]string{
	"text-completion-openai": "openai", "azure_text": "azure", "azure_ai": "azure",
	"bedrock_converse": "bedrock", "bedrock_mantle": "bedrock", "aws": "bedrock",
	"cohere_chat": "cohere", "codestral": "mistral", "text-completion-codestral": "mistral",
	"fireworks_ai": "fireworks", "fireworks_ai-embedding-models": "fireworks", "together_ai": "together",
	"google": "gemini", "x-ai": "xai", "voyageai": "voyage", "moonshotai": "moonshot", "meta_llama": "meta",
}

// makers host their own models: their prices hold for a call whose provider is
// not known.
var makers = map[string]bool{
	"openai": true, "anthropic": true, "gemini": true, "cohere": true, "mistral": true, "deepseek": true, "xai": true,
	"perplexity": true, "ai21": true, "voyage": true, "jina_ai": true, "moonshot": true, "zai": true, "minimax": true,
	"dashscope": true, "amazon_nova": true, "meta": true, "elevenlabs": true, "deepgram": true, "assemblyai": true,
	"stability": true, "black_forest_labs": true, "runwayml": true, "recraft": true, "soniox": true, "inception": true,
}

// host is the name here of a provider.
func host(name string) string {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "vertex_ai") {
		return "vertex"
	}
	if known, ok := hosts[name]; ok {
		return known
	}
	return name
}

var (
	imageSize    = regexp.MustCompile(`^(\d+)-x-(\d+)$`)
	imageQuality = regexp.MustCompile(`^(low|medium|high|standard|hd|\d+-steps|max-steps)$`)
	awsRegion    = regexp.MustCompile(`^[a-z]{2}(-gov)?-[a-z]+-\d$`)
)

// litellmName takes a key of litellm's map apart: who hosts the model, its name
// there, and the conditions that stand before it.
func litellmName(key string, m litellmModel) Row {
	provider := m.text("litellm_provider")
	r := Row{Provider: host(provider), Model: key}
	parts := strings.Split(key, "/")
	if len(parts) > 1 && host(parts[0]) == r.Provider {
		parts = parts[1:]
	}
	for len(parts) > 1 && r.condition(parts[0]) {
		parts = parts[1:]
		if len(parts) > 1 && host(parts[0]) == r.Provider {
			parts = parts[1:]
		}
	}
	r.Model = strings.Join(parts, "/")
	r.Resold = !makers[r.Provider] || len(parts) > 1
	if strings.HasPrefix(r.Model, "ft:") {
		r.Aliases = append(r.Aliases, r.Model)
		r.Model += ":*" // ft:base:organisation:name:id
	}
	return r
}

// condition takes one part before a name for what it says.
func (r *Row) condition(part string) bool {
	size := imageSize.FindStringSubmatch(part)
	switch {
	case size != nil:
		r.Size = size[1] + "x" + size[2]
	case imageQuality.MatchString(part):
		r.Quality = part
	case r.Provider == "azure" && (part == "us" || part == "eu" || part == "apac"):
		r.Deployment, r.Region = "data_zone", part
	case r.Provider == "azure" && (part == "global" || part == "global-standard"):
		r.Deployment = "global"
	case r.Provider == "azure" && part == "us-gov":
		r.Region = part
	case r.Provider == "bedrock" && awsRegion.MatchString(part):
		r.Region = part
	default:
		return false
	}
	return true
}

// made tells who made a model by how its name begins.
var made = [...]struct{ prefix, developer string }{
	{"gpt", "openai"}, {"chatgpt", "openai"}, {"o1", "openai"}, {"o3", "openai"}, {"o4", "openai"}, {"dall-e", "openai"},
	{"whisper", "openai"}, {"tts-1", "openai"}, {"text-embedding-3", "openai"}, {"text-embedding-ada", "openai"}, {"sora", "openai"},
	{"davinci", "openai"}, {"babbage", "openai"}, {"codex", "openai"}, {"computer-use", "openai"}, {"omni-moderation", "openai"},
	{"claude", "anthropic"}, {"anthropic", "anthropic"}, {"gemini", "google"}, {"gemma", "google"}, {"imagen", "google"}, {"veo", "google"},
	{"llama", "meta"}, {"meta", "meta"}, {"codellama", "meta"}, {"mistral", "mistral"}, {"mixtral", "mistral"}, {"ministral", "mistral"},
	{"codestral", "mistral"}, {"magistral", "mistral"}, {"devstral", "mistral"}, {"pixtral", "mistral"}, {"voxtral", "mistral"},
	{"deepseek", "deepseek"}, {"qwen", "alibaba"}, {"qwq", "alibaba"}, {"command", "cohere"}, {"cohere", "cohere"}, {"embed-", "cohere"},
	{"rerank-", "cohere"}, {"amazon", "amazon"}, {"nova-", "amazon"}, {"titan", "amazon"}, {"grok", "xai"}, {"kimi", "moonshot"},
	{"moonshot", "moonshot"}, {"glm", "zai"}, {"jamba", "ai21"}, {"ai21", "ai21"}, {"phi-", "microsoft"}, {"sonar", "perplexity"},
	{"minimax", "minimax"}, {"stability", "stability"}, {"openai", "openai"}, {"google", "google"}, {"zai", "zai"}, {"xai", "xai"},
}

// developer is who made a model; empty when its name does not say.
func developer(provider, model string, resold bool) string {
	name := strings.ToLower(model)
	name = name[strings.LastIndex(name, "/")+1:]
	name = strings.TrimPrefix(name, "ft:")
	for _, region := range []string{"us.", "eu.", "apac.", "global.", "au.", "jp.", "us-gov."} {
		name = strings.TrimPrefix(name, region)
	}
	for _, m := range made {
		if strings.HasPrefix(name, m.prefix) {
			return m.developer
		}
	}
	if resold {
		return ""
	}
	if provider == "gemini" {
		return "google"
	}
	return provider
}

// uplifts adds rows for what a provider takes more for processing in a region,
// or faster, and then all rows.
func (b *importer) uplifts(name string, m litellmModel, rows []Row) {
	all := rows
	for _, u := range []struct{ key, region string }{
		{"regional_processing_uplift_multiplier_eu", "eu"},
		{"regional_processing_uplift_multiplier_us", "us"},
		{"regional_endpoint_uplift_multiplier", "*"},
	} {
		if by := m.number(u.key); by != nil && by.Sign() > 0 {
			all = append(all, b.dearer(rows, by, func(r *Row) bool { r.Region = u.region; return true })...)
		}
	}
	entry, _ := m["provider_specific_entry"].(map[string]any)
	special := litellmModel(entry)
	fast := special.number("fast")
	if fast != nil && fast.Sign() > 0 {
		quick := b.dearer(rows, fast, func(r *Row) bool { was := r.Tier; r.Tier = "fast"; return was == "" })
		all, rows = append(all, quick...), append(rows[:len(rows):len(rows)], quick...)
	}
	if by := special.number("us"); by != nil && by.Sign() > 0 {
		all = append(all, b.dearer(rows, by, func(r *Row) bool { r.Region = "us"; return true })...)
	}
	if m["fedramp_uplift_multiplier"] != nil {
		b.doubt(Tangled, name, "the uplift of FedRAMP is not taken: no call says that it is one")
	}
	b.add(all...)
}

// dearer copies rows with the prices of their tokens multiplied; change sets the
// condition, and whether the row is one to copy. Other units keep their price.
func (b *importer) dearer(rows []Row, by *big.Rat, change func(*Row) bool) []Row {
	var out []Row
	for i := range rows {
		r := rows[i]
		if !change(&r) {
			continue
		}
		for c, price := range rows[i].Classes {
			if !c.IsToken() {
				continue
			}
			usd := new(big.Rat).Mul(big.NewRat(int64(price.Rate), 1_000_000*price.Per), by)
			if up, upPer, _, err := rateOf(usd, isTime(c)); err == nil {
				r.SetPer(c, up, upPer)
			} else {
				r.drop(c)
				b.doubt(TooFine, r.id()+" "+c.String(), "%s times %s: left out", price, by.FloatString(3))
			}
		}
		out = append(out, r)
	}
	return out
}

// offPeak adds a row for each window in which a model costs less. Only the plain
// row gets them: litellm says the windows of no tier, band or region.
func (b *importer) offPeak(name string, m litellmModel, rows []Row) {
	entry, _ := m["off_peak_pricing"].(map[string]any)
	if entry == nil || len(rows) == 0 {
		return
	}
	if entry["weekday_timezone"] != nil {
		b.doubt(Tangled, name, "weekdays in a time zone of their own: the off-peak price is left out")
		return
	}
	off := litellmModel(entry)
	base := rows[0]
	for _, t := range litellmTokens {
		if price := off.number(t.stem); price != nil {
			b.setUSD(&base, t.class, price, big.NewRat(1_000_000, 1))
		}
	}
	for _, w := range b.windows(name, off) {
		r := base
		r.Hours = w
		b.add(r)
	}
}

// windows reads hours_utc, and windows of hours on some days.
func (b *importer) windows(name string, off litellmModel) (out []Window) {
	rules := []any{map[string]any{"hours_utc": off["hours_utc"]}}
	if more, ok := off["windows"].([]any); ok {
		rules = append(rules, more...)
	}
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		var days uint8
		if list, ok := fields["weekdays"].([]any); ok {
			for _, d := range list {
				if n := exact(d); n != nil && n.IsInt() && n.Num().IsInt64() && n.Num().Int64() >= 1 && n.Num().Int64() <= 7 {
					days |= 1 << (n.Num().Int64() - 1)
				}
			}
		}
		texts, _ := fields["hours_utc"].([]any)
		if one, ok := fields["hours_utc"].(string); ok {
			texts = []any{one}
		}
		for _, text := range texts {
			s, _ := text.(string)
			w, err := ParseWindow(s)
			if err != nil {
				b.doubt(Tangled, name, "off-peak hours %.40q: left out", s)
				continue
			}
			w.Days = days
			out = append(out, w)
		}
	}
	return out
}
