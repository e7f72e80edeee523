package price

import (
	"strings"

	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// lint takes prices away that are not believed: the rows are those of one model.
func (b *importer) lint(rows []Row) []Row {
	var out []Row
	for i := range rows {
		r := &rows[i]
		b.zeros(r)
		b.caches(r)
		below := lowerBand(rows[:i], r)
		if below != nil {
			b.band(r, below)
			if sameRates(r, below) {
				continue // the band changes nothing
			}
		}
		b.tier(rows[:i], r)
		out = append(out, *r)
	}
	return out
}

// zeros decides what prices of 0 mean. A price of 0 for tokens is one only beside
// a price of another unit; a row of nothing but zeros is free only if its name
// says so. All other zeros are what a source writes for "not known".
func (b *importer) zeros(r *Row) {
	unit, any := false, false
	for c, price := range r.Classes {
		any = any || price.Rate > 0
		unit = unit || price.Rate > 0 && !c.IsToken()
	}
	if !any && r.known != 0 && namedFree(r.Model) {
		*r = r.without()
		r.Free = true
		b.doubt(Listed, r.ID, "all prices are 0")
		return
	}
	if !any && r.known != 0 {
		*r = r.without()
		b.doubt(Zero, r.ID, "all prices are 0: left out, so that it is unpriced")
		return
	}
	for c, price := range r.Classes {
		if price.Rate > 0 || unit && (c == tokenizer.Input || c == tokenizer.Output) {
			continue
		}
		r.drop(c)
		if c != tokenizer.Output && c != tokenizer.CacheWrite && c != tokenizer.CacheWrite5m {
			b.doubt(Zero, r.ID+" "+c.String(), "0 beside other prices: left out")
		}
	}
}

// namedFree reports whether a model is free by name.
func namedFree(model string) bool {
	return strings.HasSuffix(model, ":free") || strings.HasSuffix(model, "-free") || strings.HasSuffix(model, "/free")
}

// without is r without rates.
func (r *Row) without() Row {
	clean := *r
	clean.rates = [tokenizer.Classes]money.Rate{}
	clean.known, clean.per = 0, nil
	return clean
}

// cached pairs classes of cache reads with what they must not cost more than.
var cached = [...][2]tokenizer.Class{
	{tokenizer.CacheRead, tokenizer.Input}, {tokenizer.CacheReadAudio, tokenizer.InputAudio},
	{tokenizer.CacheReadImage, tokenizer.InputImage}, {tokenizer.CacheReadVideo, tokenizer.InputVideo},
}

func (b *importer) caches(r *Row) {
	for _, pair := range cached {
		if more(r, pair[0], r, pair[1]) {
			b.doubt(Dearer, r.ID+" "+pair[0].String(), "%s is more than %s of %s: left out", r.rateText(pair[0]), r.rateText(pair[1]), pair[1])
			r.drop(pair[0])
		}
	}
}

// more reports whether a's rate of c is above b's of d, both being known.
func more(a *Row, c tokenizer.Class, b *Row, d tokenizer.Class) bool {
	x, xPer, ok := a.own(c)
	y, yPer, there := b.own(d)
	return ok && there && x.TimesPer(1_000_000, xPer).Cmp(y.TimesPer(1_000_000, yPer)) > 0
}

// lowerBand is the row of the same conditions for less input, or nil.
func lowerBand(rows []Row, r *Row) *Row {
	var best *Row
	for i := range rows {
		below := rows[i]
		if below.Above >= r.Above || best != nil && below.Above < best.Above {
			continue
		}
		below.Above = r.Above
		if below.id() == r.ID {
			best = &rows[i]
		}
	}
	return best
}

// band refuses a price that falls as the input grows: no provider has one, and
// the error would be in the caller's favour.
func (b *importer) band(r, below *Row) {
	for c := range r.Classes {
		if more(below, c, r, c) {
			b.doubt(Cheaper, r.ID+" "+c.String(), "%s is below %s for less input, which stands", r.rateText(c), below.rateText(c))
			rate, per, _ := below.own(c)
			r.SetPer(c, rate, per)
		}
	}
}

// tier only notes a tier that costs the other way round from its name: such
// prices exist.
func (b *importer) tier(rows []Row, r *Row) {
	cheap := r.Tier == "batch" || r.Tier == "flex"
	if !cheap && r.Tier != "priority" && r.Tier != "fast" {
		return
	}
	for i := range rows {
		base := rows[i]
		base.Tier = r.Tier
		if rows[i].Tier != "" || base.id() != r.ID {
			continue
		}
		for _, c := range [...]tokenizer.Class{tokenizer.Input, tokenizer.Output} {
			if cheap && more(r, c, &rows[i], c) || !cheap && more(&rows[i], c, r, c) {
				b.doubt(Tier, r.ID+" "+c.String(), "%s, and %s without the tier: taken as it is", r.rateText(c), rows[i].rateText(c))
			}
		}
	}
}
