package terms

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/names"
)

// rule is a row under one combination of the patterns of its match.
//
// Of the rules that fit a line, the most specific wins: by model (as written,
// then without what stands before a slash; an exact name, then the longer of the
// name of its family and the literal characters of a glob), then by provider,
// then by owner (more attributes; of the same attributes by name the more
// specific value), then by operation, then by meter. Two rules that are equally
// specific and could both fit one line are an error of New.
type rule struct {
	*row
	model, provider, operation pattern
	owner                      []owner // by name
}

// row is what a line costs by one discount or one row of the rate card.
type row struct {
	id          string
	from, until time.Time
	covers      meters
	narrow      int  // of meters: all of a unit, a direction, one
	listed      bool // says something only about lines with a list price
	price
}

// index finds the rule of a line.
type index struct {
	rules []*rule
	exact map[string][]*rule // by model in lower case
	globs []*rule
	any   []*rule // of no model
}

// add makes rules of r under m, which is clean.
func (b *builder) add(x *index, r *row, m *Match) {
	count := max(len(m.Model), 1) * max(len(m.Provider), 1) * max(len(m.Operation), 1)
	for _, a := range m.Owner {
		count = min(count, maxRules+1) * max(len(a.Values), 1)
	}
	if count > maxRules || len(x.rules)+count > maxRules {
		b.wrong(r.id, "match", "too many combinations of patterns", fmt.Sprintf("all rows together may have %d", maxRules))
		return
	}
	rules := []*rule{{row: r}}
	each := func(patterns []string, set func(*rule, pattern)) {
		if len(patterns) == 0 {
			return
		}
		grown := make([]*rule, 0, len(rules)*len(patterns))
		for _, had := range rules {
			for _, p := range patterns {
				one := *had
				one.owner = slices.Clone(had.owner)
				set(&one, compile(p))
				grown = append(grown, &one)
			}
		}
		rules = grown
	}
	each(m.Model, func(r *rule, p pattern) { r.model = p })
	each(m.Provider, func(r *rule, p pattern) { r.provider = p })
	each(m.Operation, func(r *rule, p pattern) { r.operation = p })
	for _, a := range m.Owner {
		each(a.Values, func(r *rule, p pattern) { r.owner = append(r.owner, owner{a.Name, p}) })
	}
	x.rules = append(x.rules, rules...)
}

// sort puts the most specific rules first.
func (x *index) sort() {
	x.exact = make(map[string][]*rule)
	slices.SortStableFunc(x.rules, func(a, b *rule) int { return cmp.Or(cmp.Compare(b.model.score, a.model.score), b.compare(a)) })
	for _, r := range x.rules {
		switch {
		case r.model.any():
			x.any = append(x.any, r)
		case r.model.score == exactly:
			x.exact[r.model.text] = append(x.exact[r.model.text], r)
		default:
			x.globs = append(x.globs, r)
		}
	}
}

// compare is above 0 when r is more specific than o, the model aside.
func (r *rule) compare(o *rule) int {
	if c := cmp.Or(cmp.Compare(r.provider.score, o.provider.score), cmp.Compare(len(r.owner), len(o.owner))); c != 0 {
		return c
	}
	for i := range r.owner {
		// Rules of different attributes that can meet are refused: any order will do.
		if c := cmp.Or(cmp.Compare(r.owner[i].name, o.owner[i].name), cmp.Compare(r.owner[i].score, o.owner[i].score)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(r.operation.score, o.operation.score), cmp.Compare(r.narrow, o.narrow))
}

// find returns the row of a line, or nil: by its model, else by the model that
// was asked for, as prices are found, else by what names no model.
func (x *index) find(l *policy.Line, rec *policy.Record) *row {
	if len(x.rules) == 0 {
		return nil
	}
	if r := x.named(l.Model, l, rec); r != nil {
		return r
	}
	if rec.ModelAsked != l.Model {
		if r := x.named(rec.ModelAsked, l, rec); r != nil {
			return r
		}
	}
	return first(x.any, l, rec)
}

func (x *index) named(model string, l *policy.Line, rec *policy.Record) *row {
	var room [maxName]byte
	for part := names.Lower(room[:0], model); len(part) > 0; part = names.AfterSlash(part) {
		if r := first(x.exact[string(part)], l, rec); r != nil {
			return r
		}
		if r := x.alike(part, l, rec); r != nil {
			return r
		}
	}
	return nil
}

// alike tries the globs and, where its length puts it among them, the family.
func (x *index) alike(name []byte, l *policy.Line, rec *policy.Record) *row {
	stem := names.Family(name)
	for _, r := range x.globs {
		if stem != nil && r.model.score <= len(stem) {
			if found := first(x.exact[string(stem)], l, rec); found != nil {
				return found
			}
			stem = nil
		}
		if patternFits(&r.model, name) && r.holds(l, rec) {
			return r.row
		}
	}
	if stem == nil {
		return nil
	}
	return first(x.exact[string(stem)], l, rec)
}

func first(rules []*rule, l *policy.Line, rec *policy.Record) *row {
	for _, r := range rules {
		if r.holds(l, rec) {
			return r.row
		}
	}
	return nil
}

// holds reports whether r says something about the line, the model aside.
func (r *rule) holds(l *policy.Line, rec *policy.Record) bool {
	if !r.covers[l.Class] || r.listed && l.State != policy.Priced || rec.Admitted.Before(r.from) ||
		!r.until.IsZero() && !rec.Admitted.Before(r.until) || !r.provider.fits(rec.Provider) || !r.operation.fits(rec.Operation) {
		return false
	}
	for i := range r.owner {
		o := &r.owner[i]
		if v := rec.Owner.Value(o.name); v == "" || !o.fits(v) {
			return false
		}
	}
	return true
}
