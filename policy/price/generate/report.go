package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/price"
)

// shown are the providers whose disagreements the report lists; of others it
// gives the number.
var shown = []string{"openai", "anthropic", "azure", "bedrock", "gemini", "vertex", "mistral", "cohere", "deepseek", "xai"}

// kinds is what is made of each kind of doubt.
var kinds = [...]struct{ kind, rule string }{
	{price.Zero, "A price of 0 is left out, which makes it unpriced, unless it is that of tokens beside the price of another unit."},
	{price.Listed, "All prices are 0 and the name says free: the row is free."},
	{price.Cheaper, "A band of more input is cheaper than one of less: the price for less input stands."},
	{price.Dearer, "A cached token costs more than one that is not: left out, so that it costs what input does."},
	{price.Noise, "More than six decimals of USD per million, within a billionth of fewer: the error of a binary fraction, rounded."},
	{price.TooFine, "A price that no fraction of a row holds: left out."},
	{price.TooDear, "Above one dollar a unit: left out."},
	{price.Tier, "A tier costs the other way round from its name: taken as it is."},
	{price.Duplicate, "The same model and conditions twice, at two prices: the first by name is taken."},
	{price.NoMeter, "A price of what is not metered: left out."},
	{price.Pattern, "Names given by pattern: only those spelt out are taken, so that no new product takes an old one's price."},
	{price.Tangled, "Conditions that a row cannot have: left out, or as the finding says."},
}

// report is docs/prices-lint.md.
func (m *merger) report(rows []price.Row) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# What the price table doubts

Made by %[1]smake prices%[1]s of %[2]s, as of %[3]s; not edited by hand.
[prices.md](prices.md) tells how prices are found. Here is what the importer did not believe, and what it made of it.

%[4]s
## Doubts, by kind

| kind | times | what is made of it |
|---|---:|---|
`, "`", strings.Join(m.pins, " and "), asOf, m.summary(rows))
	count := make(map[string]int)
	for _, f := range m.findings {
		count[f.Kind]++
	}
	for _, k := range kinds {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", k.kind, count[k.kind], k.rule)
	}
	m.list(&b, price.Cheaper, "Bands that are cheaper than less input")
	m.list(&b, price.Dearer, "Cached tokens that are dearer than others")
	m.list(&b, price.Duplicate, "One model, two prices")
	m.disagreements(&b)
	return []byte(b.String())
}

// summary counts, in lines.
func (m *merger) summary(rows []price.Row) string {
	providers, models := make(map[string]bool), make(map[key]bool)
	for i := range rows {
		providers[rows[i].Provider] = true
		models[keyOf(&rows[i])] = true
	}
	return fmt.Sprintf(`- %d rows, %d models, %d providers.
- The sources agree on %d prices and differ on %d. litellm's stand where they differ: it names the page of the provider
  for each model; of a model on which they differ nothing else is taken from genai-prices.
- genai-prices fills %d prices and adds %d rows: models, tiers, bands and dates that litellm does not have.
- %d rows of dated snapshots are left out that cost what their family costs: a snapshot finds its family's price.
`, len(rows), len(models), len(providers), m.agreed, len(m.disagree), m.filled, m.added, m.pruned)
}

// most bounds a list of the report.
const most = 12

func (m *merger) list(b *strings.Builder, kind, title string) {
	var lines []string
	for _, f := range m.findings {
		if provider, _, _ := strings.Cut(f.Row, "/"); f.Kind == kind && slices.Contains(shown, provider) {
			lines = append(lines, fmt.Sprintf("- `%s`: %s\n", f.Row, f.Detail))
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.Sort(lines)
	fmt.Fprintf(b, "\n## %s\n\nOf %s.\n\n%s", title, strings.Join(shown, ", "), strings.Join(lines[:min(len(lines), most)], ""))
	if len(lines) > most {
		fmt.Fprintf(b, "- and %d more of the same kind\n", len(lines)-most)
	}
}

func (m *merger) disagreements(b *strings.Builder) {
	b.WriteString("\n## Prices on which the sources differ\n\nUSD per million units, litellm's first; litellm's are used.\n\n| row | prices |\n|---|---|\n")
	slices.SortFunc(m.disagree, func(x, y disagreement) int { return cmp.Or(cmp.Compare(x.row, y.row), cmp.Compare(x.class, y.class)) })
	others := make(map[string]int)
	last, open := "", false
	for _, d := range m.disagree {
		provider, _, _ := strings.Cut(d.row, "/")
		if !slices.Contains(shown, provider) {
			others[provider]++
			continue
		}
		if d.row == last {
			fmt.Fprintf(b, ", %s %s, not %s", d.class, d.litellm, d.genai)
			continue
		}
		if open {
			b.WriteString(" |\n")
		}
		fmt.Fprintf(b, "| `%s` | %s %s, not %s", d.row, d.class, d.litellm, d.genai)
		last, open = d.row, true
	}
	if open {
		b.WriteString(" |\n")
	}
	var rest []string
	for _, p := range slices.Sorted(maps.Keys(others)) {
		rest = append(rest, fmt.Sprintf("%s %d", p, others[p]))
	}
	if len(rest) > 0 {
		fmt.Fprintf(b, "\nOf other providers: %s.\n", strings.Join(rest, ", "))
	}
}
