package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/policy/price"
	"github.com/farebox/farebox/tokenizer"
)

// regions carries prices that were filled under a tier over to the tier's rows of
// a region: those that litellm does not say there are the region's plain ones.
func (g *group) regions() {
	for i := range g.rows {
		r := &g.rows[i]
		if r.Region == "" || r.Tier == "" {
			continue
		}
		here := g.like(r, r.Region, "")
		tier, plain := g.like(r, "", r.Tier), g.like(r, "", "")
		if here == nil || tier == nil || plain == nil {
			continue
		}
		for c, p := range tier.Classes {
			b, inRegion, mine := rate(plain, c), rate(here, c), rate(r, c)
			if b > 0 && p.Per == 1 && p.Rate != b && mine == inRegion && int64(p.Rate)*int64(inRegion)%int64(b) == 0 {
				r.Set(c, money.Rate(int64(p.Rate)*int64(inRegion)/int64(b)))
			}
		}
	}
}

// like is the row that differs from r in region and tier at most, or nil.
func (g *group) like(r *price.Row, region, tier string) *price.Row {
	for i := range g.rows {
		o := &g.rows[i]
		if o.Region == region && o.Tier == tier && o.Above == r.Above && o.Deployment == "" && o.Hours == r.Hours && o.From.Equal(r.From) {
			return o
		}
	}
	return nil
}

// rate is the whole rate of a class; 0 when it has none, or a divisor.
func rate(r *price.Row, class tokenizer.Class) money.Rate {
	for c, p := range r.Classes {
		if c == class && p.Per == 1 {
			return p.Rate
		}
	}
	return 0
}

// tools gives each row the prices of hosted tools that the plain row has: no
// region or hour changes them.
func (g *group) tools() {
	plain := *base(g, &g.rows[0])
	for i := range g.rows {
		have := texts(&g.rows[i])
		for c, p := range plain.Classes {
			if _, ok := have[c]; !ok && (c == tokenizer.WebSearch || c == tokenizer.FileSearch || c == tokenizer.Maps) {
				g.rows[i].SetPer(c, p.Rate, p.Per)
			}
		}
	}
}

// snapshot parses the name of a snapshot as a catalogue does.
var snapshot = regexp.MustCompile(`^(.+?)(?:-20\d\d-[01]\d-[0-3]\d|[-@]20\d\d[01]\d[0-3]\d|-latest|@default)$`)

// prune drops snapshots that cost what their family costs: the family's name
// finds them.
func (m *merger) prune(all []*group) (kept []*group) {
	byKey := make(map[key]*group)
	for _, g := range all {
		byKey[g.key] = g
	}
	for _, g := range all {
		if s := snapshot.FindStringSubmatch(g.model); s != nil && len(g.rows[0].Aliases) == 0 {
			if family := byKey[key{g.provider, s[1]}]; family != nil && family.form() == g.form() {
				m.pruned += len(g.rows)
				continue
			}
		}
		kept = append(kept, g)
	}
	return kept
}

// form is all that a model's rows say, the name aside.
func (g *group) form() string {
	var lines []string
	for i := range g.rows {
		r := g.rows[i]
		r.Model, r.Aliases, r.Source = "", nil, ""
		r.Identify()
		lines = append(lines, fmt.Sprint(r.ID, r.Free, r.Resold, r.Until, texts(&r)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
