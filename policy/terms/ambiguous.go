package terms

import (
	"slices"
	"strings"
)

// ambiguous returns an *Error for each row of which a rule is as specific as one
// of another row and could fit the same line.
func (x *index) ambiguous() (errs []error) {
	told := make(map[*row]bool)
	meet := func(rules []*rule) {
		for i, a := range rules {
			for _, b := range rules[i+1:] {
				if b.model.score != a.model.score {
					break // sorted by it
				}
				if a.row != b.row && !told[a.row] && !told[b.row] && a.tied(b) {
					told[b.row] = true
					errs = append(errs, &Error{
						ID: b.id, Message: "is as specific as " + a.id + ", and one call could be of both",
						Hint: "name more in one of the two, or give them dates that do not overlap",
					})
				}
			}
		}
	}
	for _, r := range x.rules { // in order, so that errors are
		if rules := x.exact[r.model.text]; len(rules) > 1 && rules[0] == r {
			meet(rules)
		}
	}
	meet(x.globs)
	meet(x.any)
	return errs
}

// tied reports whether two rules of models that are equally specific are so in
// all else too, and can meet. Of two attributes none is more specific.
func (r *rule) tied(o *rule) bool {
	if !overlap(r.row, o.row) || !r.meets(o) {
		return false
	}
	sameNames := slices.EqualFunc(r.owner, o.owner, func(a, b owner) bool { return a.name == b.name })
	if !sameNames && len(r.owner) == len(o.owner) && r.provider.score == o.provider.score {
		return true
	}
	return r.compare(o) == 0
}

// overlap reports whether two rows hold at a common time for a common meter.
func overlap(a, b *row) bool {
	if !a.until.IsZero() && !b.from.Before(a.until) || !b.until.IsZero() && !a.from.Before(b.until) {
		return false
	}
	for c := range a.covers {
		if a.covers[c] && b.covers[c] {
			return true
		}
	}
	return a.unit != "" && a.unit == b.unit && a.covers == (meters{}) // which nothing counts yet
}

func (r *rule) meets(o *rule) bool {
	if !r.model.meets(&o.model) || !r.provider.meets(&o.provider) || !r.operation.meets(&o.operation) {
		return false
	}
	for i := range r.owner {
		for j := range o.owner {
			if r.owner[i].name == o.owner[j].name && !r.owner[i].meets(&o.owner[j].pattern) {
				return false
			}
		}
	}
	return true
}

// meets reports whether some text fits both patterns.
func (p *pattern) meets(o *pattern) bool {
	switch {
	case p.any() || o.any():
		return true
	case p.score == exactly && o.score == exactly:
		return p.text == o.text
	case p.score == exactly:
		return o.fits(p.text)
	case o.score == exactly:
		return p.fits(o.text)
	}
	// Each has a star, so what stands before the first star of both must agree, and
	// what stands after the last. Between them each star can give way to all that
	// the other glob asks.
	return ends(p.head, o.head, strings.HasPrefix) && ends(p.tail, o.tail, strings.HasSuffix)
}

func ends(a, b string, within func(s, end string) bool) bool { return within(a, b) || within(b, a) }
