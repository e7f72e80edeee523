package price

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/tokenizer"
)

// What a file of genai-prices holds, as far as prices go.
type (
	genaiProvider struct {
		ID     string       `json:"id"`
		Models []genaiModel `json:"models"`
	}
	genaiModel struct {
		ID       string          `json:"id"`
		Match    genaiMatch      `json:"match"`
		Window   int64           `json:"context_window"` // tokens; 0: not said
		Prices   json.RawMessage `json:"prices"`         // genaiPrices, or a list of genaiDated
		Variants []genaiVariant  `json:"price_variants"`
	}
	genaiMatch struct {
		Equals     string       `json:"equals"`
		StartsWith string       `json:"starts_with"`
		EndsWith   string       `json:"ends_with"`
		Contains   string       `json:"contains"`
		Regex      string       `json:"regex"`
		Or         []genaiMatch `json:"or"`
		And        []genaiMatch `json:"and"`
	}
	genaiPrices map[string]any // a number, or base and tiers
	genaiDated  struct {
		Constraint genaiConstraint `json:"constraint"`
		Prices     genaiPrices     `json:"prices"`
	}
	genaiConstraint struct {
		StartDate string `json:"start_date"`
		StartTime string `json:"start_time"`
		EndTime   string `json:"end_time"`
	}
	genaiVariant struct {
		When       map[string]string `json:"when"`
		Prices     genaiPrices       `json:"prices"`
		Constraint genaiConstraint   `json:"constraint"`
	}
)

// genai reads the list of providers.
func (b *importer) genai(in io.Reader) error {
	d := json.NewDecoder(in)
	d.UseNumber()
	var providers []genaiProvider
	if err := d.Decode(&providers); err != nil {
		return err
	}
	models := 0
	for _, p := range providers {
		for i := range p.Models {
			models++
			b.genaiModel(p.ID, &p.Models[i])
		}
	}
	if models == 0 {
		return errors.New("no model in it")
	}
	return nil
}

// genaiHost is the name here of a model's provider: at Google, Claude is Vertex's.
func genaiHost(provider, model string) string {
	if h := host(provider); h != "gemini" || !strings.HasPrefix(model, "claude") {
		return h
	}
	return "vertex"
}

// genaiUnits are the prices that have a meter, and how many units they are for.
var genaiUnits = map[string]struct {
	class tokenizer.Class
	per   int64
}{
	"input_mtok": {tokenizer.Input, 1_000_000}, "output_mtok": {tokenizer.Output, 1_000_000},
	"cache_read_mtok": {tokenizer.CacheRead, 1_000_000}, "cache_write_mtok": {tokenizer.CacheWrite, 1_000_000},
	"cache_write_5m_mtok": {tokenizer.CacheWrite5m, 1_000_000}, "cache_write_1h_mtok": {tokenizer.CacheWrite1h, 1_000_000},
	"input_audio_mtok": {tokenizer.InputAudio, 1_000_000}, "output_audio_mtok": {tokenizer.OutputAudio, 1_000_000},
	"cache_audio_read_mtok": {tokenizer.CacheReadAudio, 1_000_000}, "cache_image_read_mtok": {tokenizer.CacheReadImage, 1_000_000},
	"cache_video_read_mtok": {tokenizer.CacheReadVideo, 1_000_000}, "input_image_mtok": {tokenizer.InputImage, 1_000_000},
	"output_image_mtok": {tokenizer.OutputImage, 1_000_000}, "input_video_mtok": {tokenizer.InputVideo, 1_000_000},
	"output_video_mtok": {tokenizer.OutputVideo, 1_000_000}, "output_reasoning_mtok": {tokenizer.Reasoning, 1_000_000},
	"input_tool_mtok":     {tokenizer.InputTool, 1_000_000},
	"web_searches_kcount": {tokenizer.WebSearch, 1000}, "storage_searches_kcount": {tokenizer.FileSearch, 1000},
	"rerank_searches_kcount": {tokenizer.RerankUnits, 1000}, "requests_kcount": {tokenizer.Requests, 1000},
	"input_document_kpages": {tokenizer.Pages, 1000}, "input_mchars": {tokenizer.Characters, 1_000_000},
	"audio_hours": {tokenizer.AudioSeconds, 3600}, "input_audio_hours": {tokenizer.AudioSeconds, 3600}, "output_audio_hours": {tokenizer.AudioSeconds, 3600},
}

// genaiModel makes the rows of one model.
func (b *importer) genaiModel(provider string, m *genaiModel) {
	base := Row{Provider: genaiHost(provider, m.ID), Model: m.ID, Source: "genai-prices"}
	if !b.genaiNames(&base, m) {
		return
	}
	base.Resold = !makers[base.Provider] || strings.Contains(base.Model, "/")
	base.Developer = developer(base.Provider, base.Model, base.Resold)
	dated, err := m.dated()
	if err != nil {
		b.doubt(Tangled, provider+"/"+m.ID, "%v: left out", err)
		return
	}
	var rows []Row
	for i := range dated {
		of := base
		if err := of.constrain(&dated[i].Constraint); err != nil {
			b.doubt(Tangled, provider+"/"+m.ID, "%v: left out", err)
			continue
		}
		of.Until = nextStart(dated[i+1:])
		if !of.Until.IsZero() && !of.From.Before(of.Until) {
			continue // a later price of the list begins no later
		}
		rows = append(rows, b.genaiBands(of, dated[i].Prices)...)
		if of.Hours.IsZero() {
			rows = append(rows, b.genaiVariants(of, m, dated[i].Prices)...)
		}
	}
	b.add(rows...)
}

// genaiNames sets the names of a model that are spelt out, and reports whether
// there is one.
func (b *importer) genaiNames(r *Row, m *genaiModel) bool {
	own, patterns := m.Match.matches(m.ID), 0
	var spelt []string
	clauses := append([]genaiMatch{m.Match}, m.Match.Or...)
	for _, c := range clauses {
		switch {
		case c.Equals != "":
			spelt = append(spelt, strings.ToLower(c.Equals))
		case c.StartsWith+c.EndsWith+c.Contains+c.Regex != "" || len(c.And) > 0:
			patterns++
		}
	}
	if patterns > 0 {
		b.doubt(Pattern, r.Provider+"/"+m.ID, "%d patterns", patterns)
	}
	if tuned([]byte(m.ID)) && own {
		r.Aliases = []string{m.ID}
		r.Model = strings.TrimRight(m.ID, "-:") + ":*"
		return true
	}
	spelt = slices.DeleteFunc(spelt, func(s string) bool { return tuned([]byte(s)) })
	if !own {
		if len(spelt) == 0 {
			return false
		}
		r.Model, spelt = spelt[0], spelt[1:]
	}
	if stem, ok := strings.CutSuffix(r.Model, "-latest"); ok && m.Match.matches(stem) {
		spelt = append(spelt, stem) // by which its snapshots find it
	}
	r.Aliases = slices.DeleteFunc(spelt, func(s string) bool { return strings.EqualFold(s, r.Model) || strings.Contains(s, "*") })
	return !strings.Contains(r.Model, "*")
}

// matches reports whether a name is one of the clause's, regular expressions
// aside.
func (c *genaiMatch) matches(name string) bool {
	name = strings.ToLower(name)
	has := func(clause string, test func(string, string) bool) bool {
		return clause != "" && test(name, strings.ToLower(clause))
	}
	return has(c.Equals, func(a, b string) bool { return a == b }) || has(c.StartsWith, strings.HasPrefix) ||
		has(c.EndsWith, strings.HasSuffix) || has(c.Contains, strings.Contains) ||
		slices.ContainsFunc(c.Or, func(o genaiMatch) bool { return o.matches(name) }) ||
		len(c.And) > 0 && !slices.ContainsFunc(c.And, func(o genaiMatch) bool { return !o.matches(name) })
}

// dated is the list of prices, in the order in which a later one wins.
func (m *genaiModel) dated() ([]genaiDated, error) {
	decode := func(to any) error {
		d := json.NewDecoder(strings.NewReader(string(m.Prices)))
		d.UseNumber()
		return d.Decode(to)
	}
	var list []genaiDated
	if decode(&list) == nil {
		return list, nil
	}
	var one genaiPrices
	err := decode(&one)
	return []genaiDated{{Prices: one}}, err
}

// constrain sets the date or the hours from which a price holds.
func (r *Row) constrain(c *genaiConstraint) (err error) {
	if c.StartDate != "" {
		r.From, err = time.Parse(time.DateOnly, c.StartDate)
		return err
	}
	if c.StartTime == "" && c.EndTime == "" {
		return nil
	}
	from, err := utcMinute(c.StartTime)
	if err != nil {
		return err
	}
	to, err := utcMinute(c.EndTime)
	if err != nil {
		return err
	}
	if to == 0 {
		to = minutesPerDay
	}
	r.Hours = Window{From: from, To: to}
	return nil
}

// utcMinute reads a time of day, in UTC unless it says otherwise.
func utcMinute(s string) (int16, error) {
	for _, layout := range []string{"15:04:05Z07:00", "15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return int16(t.Hour()*60 + t.Minute()), nil //nolint:gosec // below 1440
		}
	}
	return 0, errors.New("a time of day that cannot be read")
}

// nextStart is when the first of the prices after one begins; zero: never.
func nextStart(after []genaiDated) (next time.Time) {
	for i := range after {
		if t, err := time.Parse(time.DateOnly, after[i].Constraint.StartDate); err == nil && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

// genaiVariants makes rows of prices under a service tier, for a batch, or fast:
// what they do not say is as of.
func (b *importer) genaiVariants(of Row, m *genaiModel, standard genaiPrices) []Row {
	var rows []Row
	for _, v := range m.Variants {
		r := of
		switch {
		case len(v.When) != 1 || len(v.Prices) == 0:
			continue
		case v.When["processing"] == "batch":
			r.Tier = "batch"
		case v.When["service_tier"] != "":
			r.Tier = v.When["service_tier"]
		case v.When["speed"] != "":
			r.Tier = v.When["speed"]
		default:
			b.doubt(Tangled, r.Provider+"/"+r.Model, "prices of another condition than tier, batch or speed are left out")
			continue
		}
		if v.Constraint.StartTime != "" {
			continue
		}
		from := r.From
		if err := r.constrain(&v.Constraint); err != nil || r.From.Before(from) {
			r.From = from
		}
		if !r.Until.IsZero() && !r.From.Before(r.Until) {
			continue
		}
		prices := maps.Clone(standard)
		maps.Copy(prices, v.Prices)
		rows = append(rows, b.genaiBands(r, prices)...)
	}
	return rows
}

// genaiBands makes a row for each band of input.
func (b *importer) genaiBands(of Row, prices genaiPrices) []Row {
	bands := map[int64]bool{0: true}
	for _, v := range prices {
		for above := range tiersOf(v) {
			bands[above] = true
		}
	}
	var rows []Row
	for _, above := range slices.Sorted(maps.Keys(bands)) {
		r := of
		r.Above = above
		for _, key := range slices.Sorted(maps.Keys(prices)) {
			b.genaiPrice(&r, key, prices[key])
		}
		rows = append(rows, r)
	}
	return rows
}

func (b *importer) genaiPrice(r *Row, key string, v any) {
	price := exact(v)
	if tiers := tiersOf(v); len(tiers) > 0 {
		at := int64(0)
		for above := range tiers {
			if above <= r.Above && above >= at {
				at = above
			}
		}
		price = tiers[at]
	}
	if price == nil {
		return
	}
	unit, ok := genaiUnits[key]
	if !ok {
		if price.Sign() != 0 {
			b.doubt(NoMeter, r.Provider+"/"+r.Model, "%s", key)
		}
		return
	}
	class := unit.class
	if class == tokenizer.CacheWrite && strings.Contains(r.Model, "claude") {
		class = tokenizer.CacheWrite5m
	}
	b.setUSD(r, class, price, big.NewRat(1_000_000, unit.per))
}

// tiersOf reads a price with bands: the price above so many tokens of input.
func tiersOf(v any) map[int64]*big.Rat {
	fields, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	tiers := map[int64]*big.Rat{0: exact(fields["base"])}
	list, _ := fields["tiers"].([]any)
	for _, item := range list {
		tier, _ := item.(map[string]any)
		start, price := exact(tier["start"]), exact(tier["price"])
		if start != nil && start.IsInt() && start.Num().IsInt64() && start.Sign() > 0 && price != nil {
			tiers[start.Num().Int64()] = price
		}
	}
	return tiers
}
