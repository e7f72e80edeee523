package main

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// merger makes one table of the two sources. litellm's is the broader: its rows
// stand, and genai-prices' are held against them and fill what they lack.
type merger struct {
	asOf     time.Time
	litellm  []price.Row
	genai    []price.Row
	findings []price.Finding // of both sources
	pins     []string

	agreed   int
	disagree []disagreement
	filled   int // prices that only genai-prices has, of rows that both have
	added    int // rows that only genai-prices has
	pruned   int // rows of snapshots that cost what their family costs
}

// disagreement is one price that the sources give differently.
type disagreement struct {
	row            string
	class          tokenizer.Class
	litellm, genai string
}

// key is one model of one provider.
type key struct{ provider, model string }

func keyOf(r *price.Row) key { return key{r.Provider, strings.ToLower(r.Model)} }

func (m *merger) read(s *sources) error {
	var found []price.Finding
	var err error
	if m.litellm, m.findings, err = price.Import(price.LiteLLM, bytes.NewReader(s.litellm)); err != nil {
		return err
	}
	if m.genai, found, err = price.Import(price.GenAI, bytes.NewReader(s.genai)); err != nil {
		return err
	}
	m.findings = append(m.findings, found...)
	m.pins = s.pins
	for i := range m.litellm {
		m.litellm[i].Source = s.pins[0]
	}
	for i := range m.genai {
		m.genai[i].Source = s.pins[1]
	}
	return nil
}

// group is the rows of one model.
type group struct {
	key
	rows []price.Row
}

func groups(rows []price.Row) (list []*group) {
	byKey := make(map[key]*group)
	for i := range rows {
		k := keyOf(&rows[i])
		g := byKey[k]
		if g == nil {
			g = &group{key: k}
			byKey[k] = g
			list = append(list, g)
		}
		g.rows = append(g.rows, rows[i])
	}
	return list
}

// merge returns the table, sorted.
func (m *merger) merge() []price.Row {
	theirs := groups(m.genai)
	byName := named(theirs)
	mine := groups(m.litellm)
	taken := make(map[key]bool) // names that litellm prices
	for k := range named(mine) {
		taken[k] = true
	}
	met := make(map[key]bool) // genai-prices' models that litellm has
	for _, g := range mine {
		other := byName[g.key]
		if snap := snapshot.FindStringSubmatch(g.model); len(other) == 0 && snap != nil {
			other = byName[key{g.provider, snap[1]}]
		}
		if len(other) == 1 {
			m.meet(g, other[0], taken, !met[other[0].key])
			met[other[0].key] = true
		}
	}
	var all []price.Row
	for _, g := range m.prune(mine) {
		all = append(all, g.rows...)
	}
	for _, g := range theirs {
		if !met[g.key] && !taken[g.key] {
			all = append(all, m.alone(g, taken)...)
		}
	}
	for i := range all {
		all[i].Identify()
	}
	price.SortRows(all)
	return all
}

// named lists models by their names and aliases.
func named(all []*group) map[key][]*group {
	byName := make(map[key][]*group)
	for _, g := range all {
		byName[g.key] = append(byName[g.key], g)
		for _, alias := range g.rows[0].Aliases {
			k := key{g.provider, strings.ToLower(alias)}
			byName[k] = append(byName[k], g)
		}
	}
	return byName
}

// alone are the rows of a model that only genai-prices has.
func (m *merger) alone(g *group, taken map[key]bool) []price.Row {
	for i := range g.rows {
		g.rows[i].Aliases = slices.DeleteFunc(slices.Clone(g.rows[i].Aliases), func(alias string) bool {
			return taken[key{g.provider, strings.ToLower(alias)}]
		})
	}
	m.added += len(g.rows)
	return g.rows
}

// meet holds a model's rows of litellm against genai-prices', and takes over what
// they lack. first says that the model of genai-prices meets no other: then its
// aliases are taken too.
func (m *merger) meet(mine, theirs *group, taken map[key]bool, first bool) {
	differ := len(m.disagree)
	for i := range mine.rows {
		r := &mine.rows[i]
		if r.Region != "" || r.Deployment != "" || !r.Hours.IsZero() || r.Size != "" || r.Quality != "" {
			continue
		}
		if g := m.same(theirs, r); g != nil {
			m.compare(mine, r, g)
		}
	}
	if len(m.disagree) > differ {
		return // of a model on which they differ nothing more is taken
	}
	m.bands(mine, theirs)
	m.dates(mine, theirs)
	mine.regions()
	mine.tools()
	if !first {
		return
	}
	for _, alias := range theirs.rows[0].Aliases {
		if k := (key{mine.provider, strings.ToLower(alias)}); !taken[k] {
			taken[k] = true
			for i := range mine.rows {
				mine.rows[i].Aliases = append(slices.Clone(mine.rows[i].Aliases), alias)
			}
		}
	}
}

// holds reports whether a row is one of now.
func (m *merger) holds(r *price.Row) bool {
	return !m.asOf.Before(r.From) && (r.Until.IsZero() || m.asOf.Before(r.Until))
}

// same is the row of genai-prices that would price the same calls now, or nil.
func (m *merger) same(theirs *group, r *price.Row) *price.Row {
	var best *price.Row
	for i := range theirs.rows {
		g := &theirs.rows[i]
		if g.Tier == r.Tier && g.Above <= r.Above && g.Hours.IsZero() && m.holds(g) && (best == nil || g.Above > best.Above || g.From.After(best.From)) {
			best = g
		}
	}
	return best
}

// compare holds prices of one row against each other.
func (m *merger) compare(mine *group, r, g *price.Row) {
	have := texts(r)
	plain := texts(base(mine, r))
	for c, p := range g.Classes {
		switch text, ok := have[c]; {
		case !ok:
			r.SetPer(c, p.Rate, p.Per)
			m.filled++
		case text == p.String():
			m.agreed++
		case r.Tier != "" && text == plain[c]:
			r.SetPer(c, p.Rate, p.Per) // litellm says nothing of this price under the tier
			m.filled++
		default:
			m.disagree = append(m.disagree, disagreement{r.ID, c, text, p.String()})
		}
	}
}

// base is the row of the same band without a tier.
func base(g *group, r *price.Row) *price.Row {
	for i := range g.rows {
		if b := &g.rows[i]; b.Tier == "" && b.Above == r.Above && b.Region == "" && b.Deployment == "" && b.Hours.IsZero() && b.Size == "" && b.Quality == "" {
			return b
		}
	}
	return r
}

func texts(r *price.Row) map[tokenizer.Class]string {
	all := make(map[tokenizer.Class]string)
	for c, p := range r.Classes {
		all[c] = p.String()
	}
	return all
}

// bands takes over tiers and bands of now that litellm does not have. Where both
// have bands, litellm's stand.
func (m *merger) bands(mine, theirs *group) {
	tiers, banded := make(map[string]bool), make(map[string]bool)
	for _, r := range mine.rows {
		tiers[r.Tier] = true
		banded[r.Tier] = banded[r.Tier] || r.Above > 0
	}
	for i := range theirs.rows {
		g := theirs.rows[i]
		if !m.holds(&g) || !g.Hours.IsZero() || tiers[g.Tier] && (g.Above == 0 || banded[g.Tier]) {
			continue
		}
		g.From = time.Time{} // that of the model's, which dates sets
		m.adopt(mine, g)
	}
}

// dates takes over prices of other times. The rows of now begin where the last
// of them ends.
func (m *merger) dates(mine, theirs *group) {
	var began time.Time
	now := m.same(theirs, &price.Row{})
	if now != nil && slices.ContainsFunc(theirs.rows, func(g price.Row) bool { return g.Hours.IsZero() && !g.Until.IsZero() && !g.Until.After(m.asOf) }) {
		began = now.From
	}
	for i := range mine.rows {
		mine.rows[i].From = began
	}
	for i := range theirs.rows {
		if g := theirs.rows[i]; !m.holds(&g) && g.Hours.IsZero() {
			m.adopt(mine, g)
		}
	}
}

// adopt adds a row of genai-prices under litellm's names. What litellm charges
// besides tokens goes on.
func (m *merger) adopt(mine *group, g price.Row) {
	plain := base(mine, &mine.rows[0])
	g.Model, g.Aliases, g.Resold, g.Developer = plain.Model, plain.Aliases, plain.Resold, plain.Developer
	have := texts(&g)
	for c, p := range plain.Classes {
		if _, ok := have[c]; !ok && !c.IsToken() {
			g.SetPer(c, p.Rate, p.Per)
		}
	}
	m.added++
	mine.rows = append(mine.rows, g)
}
