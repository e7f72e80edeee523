package price

import (
	"maps"
	"math/big"
	"slices"
)

// tiered reads a list of bands; the first begins at 0.
func (b *importer) tiered(m litellmModel, cells map[cell]Row) {
	list, _ := m["tiered_pricing"].([]any)
	for _, item := range list {
		band, _ := item.(map[string]any)
		bounds, _ := band["range"].([]any)
		if len(bounds) == 0 {
			continue
		}
		from := exact(bounds[0])
		if from == nil || !from.IsInt() || !from.Num().IsInt64() || from.Sign() < 0 {
			continue
		}
		at := cell{above: from.Num().Int64()}
		r := cells[at]
		r.Model, r.Above = m.text("_name"), at.above
		for _, t := range litellmTokens {
			if price := exact(band[t.stem]); price != nil {
				b.setUSD(&r, t.class, price, big.NewRat(1_000_000, 1))
			}
		}
		cells[at] = r
	}
}

// fromThreshold makes bands that begin at a number of tokens begin above one
// less: xAI's do.
func fromThreshold(cells map[cell]Row) map[cell]Row {
	moved := make(map[cell]Row, len(cells))
	for at, r := range cells {
		if at.above > 0 {
			at.above--
			r.Above--
		}
		moved[at] = r
	}
	return moved
}

// spread makes whole rows of cells: what a band or tier does not say, it takes
// from the cell that is nearest, the band before the tier, or for a batch the
// other way round, as litellm itself does. Rows stand in order of tier, size and
// band.
func spread(base Row, cells map[cell]Row) []Row {
	tiers, sizes, bands := map[string]bool{"": true}, map[string]bool{"": true}, map[int64]bool{0: true}
	for at := range cells {
		tiers[at.tier], sizes[at.size], bands[at.above] = true, true, true
	}
	var rows []Row
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		for _, size := range slices.Sorted(maps.Keys(sizes)) {
			for _, above := range slices.Sorted(maps.Keys(bands)) {
				if r := base.gathered(cells, cell{tier, above, size}); r.known != 0 {
					rows = append(rows, r)
				}
			}
		}
	}
	return rows
}

// gathered is the whole row of one cell.
func (r *Row) gathered(cells map[cell]Row, at cell) Row {
	whole := *r
	whole.Tier, whole.Above = at.tier, at.above
	if at.size != "" {
		whole.Size = at.size
	}
	band, tier := cell{"", at.above, at.size}, cell{at.tier, 0, at.size}
	if at.tier == "batch" {
		band, tier = tier, band
	}
	for _, from := range []cell{at, band, tier, {"", 0, at.size}, {at.tier, 0, ""}, {"", 0, ""}} {
		source := cells[from]
		for c, price := range source.Classes {
			if _, _, there := whole.own(c); !there {
				whole.SetPer(c, price.Rate, price.Per)
			}
		}
	}
	return whole
}
