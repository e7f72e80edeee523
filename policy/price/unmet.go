package price

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Unmet is what a call says of itself that changes prices, and that the row which
// prices it does not know of: it may have cost more, or less, than the row says.
type Unmet struct {
	Deployment string // empty: known of, or nothing to know
	Tier       string
}

// String is "deployment=data_zone tier=priority", of what there is.
func (u Unmet) String() string {
	var parts [2]string
	all := parts[:0]
	if u.Deployment != "" {
		all = append(all, "deployment="+u.Deployment)
	}
	if u.Tier != "" {
		all = append(all, "tier="+u.Tier)
	}
	return strings.Join(all, " ")
}

// Standard reports whether a service tier is the one that a price without a tier
// is of. Providers have several names for it; case does not matter.
func Standard(tier string) bool {
	for _, name := range [...]string{"", "default", "standard", "auto", "on_demand", "standard_only"} {
		if strings.EqualFold(tier, name) {
			return true
		}
	}
	return false
}

// Unmet tells what r, which prices q, does not know of the call:
//
//   - a service tier that is not Standard, where r is for any tier;
//   - a kind of deployment other than global, where r is for any, while other
//     rows of the model, in r's layer, are for certain ones.
//
// A free row knows all.
func (c *Catalogue) Unmet(q Query, r *Row) Unmet {
	var u Unmet
	if r.Free {
		return u
	}
	if r.Tier == "" && !Standard(q.Tier) {
		u.Tier = q.Tier
	}
	if r.Deployment == "" && deployed(&q) && c.knowsDeployments(q) {
		u.Deployment = q.Deployment
	}
	return u
}

// deployed reports whether a call says how its model is deployed, other than as
// prices without a deployment mean it.
func deployed(q *Query) bool { return q.Deployment != "" && q.Deployment != global }

// knowsDeployments reports whether the layer of the row that prices q has rows of
// the model for certain kinds of deployment.
func (c *Catalogue) knowsDeployments(q Query) bool {
	q = q.placed()
	t := &trace{}
	s := search{c: c, q: &q, best: -1, trace: t}
	s.run()
	for _, e := range t.seen {
		r := &c.rows[e.row]
		if s.best >= 0 && r.layer == c.rows[s.best].layer && r.tuned == s.tuned && r.Deployment != "" && holdsProvider(&r.Row, &q) {
			return true
		}
	}
	return false
}

// kin lets the row of a family price a snapshot of it whose own row does not know
// of the call's tier or deployment, while the family's does: tables often have
// such rows of the family alone. It does so only where both cost the same when
// nothing special is asked, since a snapshot may have a price of its own.
func (s *search) kin(name []byte) {
	stem := family(name)
	if stem == nil || s.best < 0 || s.ambiguous || s.q.Provider == "" {
		return
	}
	own := &s.c.rows[s.best]
	lacks := func(r *Row) bool { return r.Tier == "" && !Standard(s.q.Tier) || r.Deployment == "" && deployed(s.q) }
	if own.Free || !lacks(&own.Row) {
		return
	}
	relative := s.named(stem, s.q)
	if relative < 0 || s.c.rows[relative].layer != own.layer || lacks(&s.c.rows[relative].Row) {
		return
	}
	plain := *s.q
	plain.Tier, plain.Deployment = "", ""
	if deployed(s.q) {
		plain.Region = ""
	}
	a, b := s.named(name, &plain), s.named(stem, &plain)
	if a >= 0 && b >= 0 && sameTokens(&s.c.rows[a].Row, &s.c.rows[b].Row) {
		s.best, s.score, s.kindred = relative, 2*len(stem)+1, true
	}
}

// named is the narrowest row of exactly that name that holds, of the last layer;
// below 0: none.
func (s *search) named(name []byte, q *Query) int32 {
	of := search{c: s.c, q: q, best: -1, tuned: s.tuned}
	of.exact(name)
	return of.best
}

// sameTokens reports whether two rows price text alike.
func sameTokens(a, b *Row) bool {
	for _, c := range textClasses {
		x, xPer, _ := a.own(c)
		y, yPer, _ := b.own(c)
		if x != y || xPer != yPer {
			return false
		}
	}
	return true
}

// textClasses are the classes by which prices of two names of a model are held
// against each other.
var textClasses = [...]tokenizer.Class{tokenizer.Input, tokenizer.CacheRead, tokenizer.Output, tokenizer.Reasoning}
