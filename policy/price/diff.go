package price

import (
	"cmp"
	"slices"
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Change is one way in which two tables differ. An empty Was or Now is not there,
// which is not 0.
type Change struct {
	Row  string `json:"row"`  // id
	What string `json:"what"` // row, terms, until, aliases, or the name of a meter
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// Diff lists what is different in table b from table a: rows by id, then what of
// a row. A row that only one has is one Change, "row", of its prices in brief.
// Where figures are from is not compared.
func Diff(a, b []Row) []Change {
	old := make(map[string]*Row, len(a))
	for i := range a {
		old[a[i].ID] = &a[i]
	}
	var changes []Change
	for i := range b {
		now := &b[i]
		was, there := old[now.ID]
		if !there {
			changes = append(changes, Change{Row: now.ID, What: "row", Now: now.Prices()})
			continue
		}
		delete(old, now.ID)
		changes = append(changes, changesOf(was, now)...)
	}
	for _, r := range old {
		changes = append(changes, Change{Row: r.ID, What: "row", Was: r.Prices()})
	}
	slices.SortStableFunc(changes, func(x, y Change) int { return cmp.Compare(x.Row, y.Row) })
	return changes
}

func changesOf(was, now *Row) (changes []Change) {
	note := func(what, a, b string) {
		if a != b {
			changes = append(changes, Change{now.ID, what, a, b})
		}
	}
	note("terms", was.terms(), now.terms())
	note("until", date(was.Until), date(now.Until))
	note("aliases", strings.Join(was.Aliases, " "), strings.Join(now.Aliases, " "))
	for c := range tokenizer.Classes {
		note(c.String(), was.rateText(c), now.rateText(c))
	}
	return changes
}

// Prices is the rates of a row in brief: "input 2.5, output 10", "free".
func (r *Row) Prices() string {
	if r.Free {
		return "free"
	}
	var parts []string
	for c, p := range r.Classes {
		parts = append(parts, c.String()+" "+p.String())
	}
	return strings.Join(parts, ", ")
}
