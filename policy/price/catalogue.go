package price

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Bounds of a catalogue.
const (
	maxRows        = 100_000
	maxName        = 256 // bytes of a model's name
	maxDeployments = 10_000
	maxClashes     = 10 // that are told
)

// Catalogue holds rows in layers. It never changes and is safe for concurrent
// use.
type Catalogue struct {
	rows        []entry
	exact       map[string][]named  // lower-case name to rows
	globs       []int32             // positions in rows
	deployments map[string]string   // lower-case name to lower-case model
	tiers       map[string][]string // by provider; that of none for rows of anyone
}

// entry is a row ready to be compared.
type entry struct {
	Row
	layer int
	model []byte // lower case
	tuned bool   // names a fine-tuned model
}

// named is a row by one of its names.
type named struct {
	row   int32 // position in rows
	alias bool
}

// Options of a catalogue. The zero value has none.
type Options struct {
	// Deployments tells what model stands behind a name that only its owner
	// knows: an Azure deployment, the ARN of a Bedrock inference profile, a Vertex
	// endpoint. Such a name is never looked up itself. Case does not matter.
	Deployments map[string]string
}

// New makes a catalogue of layers, of which a later one wins over an earlier one
// whatever else is more specific: a configuration over the builtin prices. An
// error names the row at fault. Two rows of a layer that one call may fulfil
// while neither is more specific, as Find has it, are a ClashError; several are
// joined.
func New(layers ...[]Row) (*Catalogue, error) { return NewWith(Options{}, layers...) }

// NewWith is New with options.
func NewWith(o Options, layers ...[]Row) (*Catalogue, error) {
	c := &Catalogue{exact: make(map[string][]named), tiers: make(map[string][]string)}
	if err := c.deploy(o.Deployments); err != nil {
		return nil, err
	}
	total := 0
	for _, rows := range layers {
		total += len(rows)
	}
	c.rows = make([]entry, 0, min(total, maxRows))
	ids := make(map[string]bool, min(total, maxRows))
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
			c.add(r, layer)
		}
	}
	if clashes := c.clashes(); len(clashes) > 0 {
		return nil, errors.Join(clashes...)
	}
	return c, nil
}

func (c *Catalogue) deploy(models map[string]string) error {
	if len(models) > maxDeployments {
		return fmt.Errorf("check deployments: more than %d", maxDeployments)
	}
	c.deployments = make(map[string]string, len(models))
	for name, model := range models {
		if name == "" || len(name) > maxName || model == "" || len(model) > maxName {
			return fmt.Errorf("check deployment %.60q: want names of 1 to %d bytes", name, maxName)
		}
		key := strings.ToLower(name)
		if _, twice := c.deployments[key]; twice {
			return fmt.Errorf("check deployment %.60q: it is there twice", name)
		}
		c.deployments[key] = strings.ToLower(model)
	}
	return nil
}

func (c *Catalogue) add(r *Row, layer int) {
	name := strings.ToLower(r.Model)
	at := int32(len(c.rows)) //nolint:gosec // at most maxRows
	c.rows = append(c.rows, entry{Row: r.placed(), layer: layer, model: []byte(name), tuned: tuned([]byte(name))})
	if strings.Contains(name, "*") {
		c.globs = append(c.globs, at)
	} else {
		c.exact[name] = append(c.exact[name], named{row: at})
	}
	if tier := c.rows[at].Tier; tier != "" && !slices.Contains(c.tiers[r.Provider], tier) {
		c.tiers[r.Provider] = append(c.tiers[r.Provider], tier)
	}
	for _, alias := range r.Aliases {
		alias = strings.ToLower(alias)
		c.exact[alias] = append(c.exact[alias], named{row: at, alias: true})
	}
}

// Tiers yields each service tier for which a row of a provider, or of anyone, has a
// price, in no order; some may come twice.
func (c *Catalogue) Tiers(provider string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, of := range [...]string{provider, ""} {
			for _, tier := range c.tiers[of] {
				if !yield(tier) {
					return
				}
			}
		}
	}
}

// ClashError says that a call may fulfil two rows of which neither is more
// specific. ID is that of the row that was given later.
type ClashError struct{ ID, Other string }

func (e *ClashError) Error() string {
	return fmt.Sprintf("check price row %q: %q is as specific, and a call may fulfil both", e.ID, e.Other)
}

// clashes returns a ClashError for each row that clashes with an earlier one, in
// the order of rows, at most maxClashes of them.
func (c *Catalogue) clashes() (found []error) {
	first := make(map[int32]int32) // of those that a row clashes with
	note := func(x, y int32) {
		later, earlier := max(x, y), min(x, y)
		if old, noted := first[later]; !noted || earlier < old {
			first[later] = earlier
		}
	}
	for _, rows := range c.exact {
		for i, x := range rows {
			for _, y := range rows[:i] {
				if x.alias == y.alias && x.row != y.row && c.clash(x.row, y.row) {
					note(x.row, y.row)
				}
			}
		}
	}
	same := make(map[int][]int32) // patterns by their literal characters
	for _, x := range c.globs {
		p := c.rows[x].model
		for _, y := range same[literals(p)] {
			// What is cheap comes first: of n patterns there are n² pairs.
			if q := c.rows[y].model; endsAgree(p, q) && c.clash(x, y) && overlap(string(p), string(q)) {
				note(x, y)
			}
		}
		same[literals(p)] = append(same[literals(p)], x)
	}
	for _, later := range slices.Sorted(maps.Keys(first)) {
		if len(found) < maxClashes {
			found = append(found, &ClashError{ID: c.rows[later].ID, Other: c.rows[first[later]].ID})
		}
	}
	return found
}

func (c *Catalogue) clash(i, j int32) bool {
	a, b := &c.rows[i], &c.rows[j]
	return a.layer == b.layer && a.tuned == b.tuned && clash(&a.Row, &b.Row)
}

// All yields the rows, layer by layer, as they were given; with the
// regions of Azure under one name, and tier, size and quality in lower case.
func (c *Catalogue) All() iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		for i := range c.rows {
			if !yield(&c.rows[i].Row) {
				return
			}
		}
	}
}
