package price

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Query asks for the price of one call.
type Query struct {
	Provider string // who hosts the model; empty: not known
	Model    string // as answered, else as asked; at most 256 bytes
	Tier     string // service tier as served; empty: not said
	Input    int64  // all input tokens, cached ones too; 0: not known, the lowest band
	At       time.Time
}

// Bounds of a catalogue.
const (
	maxRows = 100_000
	maxName = 256 // bytes of a model's name
)

// Catalogue holds rows in layers. It never changes and is safe for concurrent
// use.
type Catalogue struct {
	rows  []entry
	exact map[string][]int32 // lower-case model to rows, by position in rows
	globs []int32
}

// entry is a row ready to be compared.
type entry struct {
	Row
	layer int
	model []byte // lower case
	tuned bool   // names a fine-tuned model
}

// New makes a catalogue of layers, of which a later one wins over an earlier one
// whatever else is more specific: a configuration over the builtin prices. An
// error names the row at fault.
func New(layers ...[]Row) (*Catalogue, error) {
	c := &Catalogue{exact: make(map[string][]int32)}
	ids := make(map[string]bool)
	for layer, rows := range layers {
		for i := range rows {
			r := &rows[i]
			if err := r.check(); err != nil {
				return nil, fmt.Errorf("check price row %q: %w", r.ID, err)
			}
			if ids[r.ID] {
				return nil, fmt.Errorf("check price row %q: another row has that id", r.ID)
			}
			if len(c.rows) == maxRows {
				return nil, fmt.Errorf("check price row %q: more than %d rows", r.ID, maxRows)
			}
			ids[r.ID] = true
			c.add(*r, layer)
		}
	}
	return c, nil
}

func (c *Catalogue) add(r Row, layer int) {
	name := strings.ToLower(r.Model)
	at := int32(len(c.rows)) //nolint:gosec // at most maxRows
	c.rows = append(c.rows, entry{Row: r, layer: layer, model: []byte(name), tuned: tuned([]byte(name))})
	if strings.Contains(name, "*") {
		c.globs = append(c.globs, at)
		return
	}
	c.exact[name] = append(c.exact[name], at)
}

func (r *Row) check() error {
	switch {
	case r.ID == "":
		return errors.New("no id")
	case r.Model == "" || len(r.Model) > maxName:
		return fmt.Errorf("model: want 1 to %d bytes", maxName)
	case r.Free && r.known != 0:
		return errors.New("free, yet it has rates")
	case !r.Free && r.known == 0:
		return errors.New("no rate, and not free")
	case !r.From.IsZero() && !r.Until.IsZero() && !r.From.Before(r.Until):
		return errors.New("until is not after from")
	case r.Above < 0:
		return errors.New("above is below 0")
	}
	for class, rate := range r.rates {
		if rate < 0 {
			return fmt.Errorf("rate %d is below 0", class)
		}
	}
	return nil
}

// All yields the rows, layer by layer, as they were given.
func (c *Catalogue) All() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for i := range c.rows {
			if !yield(&c.rows[i].Row) {
				return
			}
		}
	}
}

// Find returns the row that prices a call, which the caller must not change. The
// most specific row wins: by layer, then by name (as written, then as a dated
// snapshot of a family or by glob, more literal characters first), then one that
// names the provider, its tier, the highest band of input, the latest start; of
// equals the later one given.
//
// Names are compared without regard to case. Of "provider/model" and
// "models/model" the part after a slash is tried as well. A name that ends in a
// date, in "-latest" or in "@default" is a snapshot of the name before that. A
// fine-tuned model ("ft:…") is priced only by a row that says so.
//
// Without a provider only rows of those who host their own models count, and
// only when the winning layer knows the model of one provider alone.
func (c *Catalogue) Find(q Query) (*Row, bool) {
	if q.Model == "" || len(q.Model) > maxName {
		return nil, false
	}
	var room [maxName]byte
	name := lower(room[:0], q.Model)
	s := search{c: c, q: &q, tuned: tuned(name), best: -1}
	for part := name; part != nil; part = afterSlash(part) {
		s.exact(part, exactName-len(name)+len(part))
		if stem := family(part); stem != nil {
			s.exact(stem, 2*len(stem)+1)
		}
		s.globs(part)
	}
	if s.best < 0 || s.ambiguous {
		return nil, false
	}
	return &c.rows[s.best].Row, true
}

// exactName is a score above that of every glob and family.
const exactName = 1 << 20

// search is the state of one Find.
type search struct {
	c         *Catalogue
	q         *Query
	tuned     bool
	best      int32 // position of the best row; below 0: none
	score     int   // of best's name
	provider  string
	ambiguous bool // best's layer knows the model of several providers
}

func (s *search) exact(name []byte, score int) {
	for _, i := range s.c.exact[string(name)] {
		s.consider(i, score)
	}
}

func (s *search) globs(name []byte) {
	for _, i := range s.c.globs {
		e := &s.c.rows[i]
		if !e.holds(s.q) { // cheaper to tell than the name
			continue
		}
		if literals, ok := match(e.model, name); ok {
			s.consider(i, 2*literals)
		}
	}
}

func (s *search) consider(i int32, score int) {
	e := &s.c.rows[i]
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
	return cmp.Or(
		cmp.Compare(a.layer, b.layer),
		cmp.Compare(score, s.score),
		given(a.Provider)-given(b.Provider),
		given(a.Tier)-given(b.Tier),
		cmp.Compare(a.Above, b.Above),
		a.From.Compare(b.From),
		cmp.Compare(i, s.best),
	) > 0
}

func given(s string) int { return min(len(s), 1) }
