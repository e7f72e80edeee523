package price

import "cmp"

// Find returns the row that prices a call, which the caller must not change. The
// most specific row wins:
//
//  1. of a later layer;
//  2. by name: as written, then as an alias, of the longer of two parts; then as
//     a dated snapshot of a family or by glob, more literal characters first;
//  3. that names the provider, its account, the kind of deployment, the region
//     (more literal characters first), the service tier, the size, the quality;
//  4. of the highest band of input; of hours; of the latest start.
//
// The first of these in which two rows differ decides; New refuses rows that
// differ in none and may both hold.
//
// Names are compared without regard to case. Of "provider/model" and
// "models/model" the part after a slash is tried as well. A name that ends in a
// date, in "-latest" or in "@default" is a snapshot of the name before that. A
// fine-tuned model ("ft:…") is priced only by a row that says so, and the name of
// a deployment by the model that Options.Deployments has for it.
//
// Of the tier or deployment of a snapshot of which only the family has a row,
// that row is taken, where the two cost the same otherwise.
//
// Without a provider only rows of those who host their own models count, and
// only when the winning layer knows the model of one provider alone.
func (c *Catalogue) Find(q Query) (*Row, bool) {
	q = q.placed()
	s := search{c: c, q: &q, best: -1}
	s.run()
	if s.best < 0 || s.ambiguous {
		return nil, false
	}
	return &c.rows[s.best].Row, true
}

// exactName is a score above that of every glob and family.
const exactName = 1 << 20

// search is the state of one look-up.
type search struct {
	c         *Catalogue
	q         *Query
	tuned     bool
	best      int32 // position of the best row; below 0: none
	score     int   // of best's name
	provider  string
	kindred   bool   // best is of the family of a snapshot that has rows of its own
	ambiguous bool   // best's layer knows the model of several providers
	trace     *trace // what Explain tells; nil on the hot path
}

func (s *search) run() {
	if s.q.Model == "" || len(s.q.Model) > maxName {
		return
	}
	var room, other [maxName]byte
	name := lower(room[:0], s.q.Model)
	if model, ok := s.c.deployments[string(name)]; ok {
		name = append(other[:0], model...)
		s.trace.deployed(model)
	}
	s.tuned = tuned(name)
	var exact []byte // the part of the name that led to the best row by name
	for part := name; part != nil; part = afterSlash(part) {
		best := s.best
		s.exact(part)
		if s.best != best {
			exact = part
		}
		if stem := family(part); stem != nil {
			s.family(stem)
		}
		s.globs(part)
	}
	if s.score >= exactName {
		s.kin(exact)
	}
}

func (s *search) exact(name []byte) {
	for _, n := range s.c.exact[string(name)] {
		score := exactName + 2*len(name)
		if n.alias {
			score--
		}
		s.consider(n.row, score)
	}
}

func (s *search) family(stem []byte) {
	for _, n := range s.c.exact[string(stem)] {
		s.consider(n.row, 2*len(stem)+1)
	}
}

func (s *search) globs(name []byte) {
	for _, i := range s.c.globs {
		e := &s.c.rows[i]
		if s.trace == nil && !e.holds(s.q) { // cheaper to tell than the name
			continue
		}
		if literal, ok := match(e.model, name); ok {
			s.consider(i, 2*literal)
		}
	}
}

func (s *search) consider(i int32, score int) {
	e := &s.c.rows[i]
	s.trace.saw(i, score)
	if e.tuned != s.tuned || !e.holds(s.q) {
		return
	}
	if s.best >= 0 {
		old := &s.c.rows[s.best]
		switch {
		case e.layer < old.layer:
			return
		case e.layer > old.layer:
			s.provider, s.ambiguous = "", false
		}
	}
	if s.q.Provider == "" && e.Provider != "" {
		s.ambiguous = s.ambiguous || s.provider != "" && s.provider != e.Provider
		s.provider = e.Provider
	}
	if s.best < 0 || s.beats(i, score) {
		s.best, s.score = i, score
	}
}

// beats reports whether row i, whose name has the given score, is more specific
// than the best.
func (s *search) beats(i int32, score int) bool {
	a, b := &s.c.rows[i], &s.c.rows[s.best]
	if order := cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(score, s.score)); order != 0 {
		return order > 0
	}
	order, _ := narrower(&a.Row, &b.Row)
	return order > 0
}
