package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy/capacity"
	"github.com/farebox/farebox/policy/price"
)

// limiter makes one table of what two sources say that models can read and give.
// Of two figures the larger is taken: what is held for a call is then enough
// whichever is right.
type limiter struct {
	rows   []capacity.Row
	byName map[key]int // names and aliases to rows

	windows, outputs int
	differ           []string // windows on which the sources differ
	doubted          []string // windows that are less than prices tell of
}

// makeLimits merges the limits of both sources, and holds them against prices.
func makeLimits(s *sources, prices []price.Row) (*limiter, error) {
	mine, err := price.ImportLimits(price.LiteLLM, bytes.NewReader(s.litellm))
	if err != nil {
		return nil, err
	}
	theirs, err := price.ImportLimits(price.GenAI, bytes.NewReader(s.genai))
	if err != nil {
		return nil, err
	}
	l := &limiter{byName: make(map[key]int)}
	for i := range mine {
		mine[i].Source = s.pins[0]
		l.put(mine[i])
	}
	for i := range theirs {
		theirs[i].Source = s.pins[1]
		l.meet(theirs[i])
	}
	l.alias()
	l.doubt(prices)
	l.rows = slices.DeleteFunc(l.rows, func(r capacity.Row) bool { return r.Limit == capacity.Limit{} })
	slices.SortFunc(l.rows, func(a, b capacity.Row) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	for i := range l.rows {
		if l.rows[i].Window > 0 {
			l.windows++
		}
		if l.rows[i].Output > 0 {
			l.outputs++
		}
	}
	slices.Sort(l.differ)
	slices.Sort(l.doubted)
	_, err = capacity.New(l.rows, nil)
	return l, err
}

func limitKey(provider, model string) key { return key{provider, strings.ToLower(model)} }

func (l *limiter) put(r capacity.Row) {
	l.byName[limitKey(r.Provider, r.Model)] = len(l.rows)
	l.rows = append(l.rows, r)
}

// meet takes the window of a model of genai-prices for each of its names that
// litellm has, and a row of its own for the others.
func (l *limiter) meet(r capacity.Row) {
	var alone []string
	for _, name := range append([]string{r.Model}, r.Aliases...) {
		i, ok := l.byName[limitKey(r.Provider, name)]
		if !ok {
			alone = append(alone, name)
			continue
		}
		have := &l.rows[i]
		if have.Window > 0 && have.Window != r.Window {
			l.differ = append(l.differ, fmt.Sprintf("`%s/%s`: %d and %d", have.Provider, have.Model, have.Window, r.Window))
		}
		if have.Window < r.Window {
			have.Window = r.Window
			have.Source += ", " + r.Source
		}
	}
	if len(alone) > 0 {
		r.Model, r.Aliases = alone[0], alone[1:]
		l.put(r)
	}
}

// alias keeps of each alias the first row that has it, and none that is the name
// of another row.
func (l *limiter) alias() {
	for i := range l.rows {
		r := &l.rows[i]
		r.Aliases = slices.DeleteFunc(slices.Clone(r.Aliases), func(alias string) bool {
			k := limitKey(r.Provider, alias)
			if _, taken := l.byName[k]; taken {
				return true
			}
			l.byName[k] = i
			return false
		})
	}
}

// doubt drops windows that are no more than what the model, or that of which it is
// a snapshot, has a price above: it reads more, and nobody says how much.
func (l *limiter) doubt(prices []price.Row) {
	above := make(map[key]int64)
	for i := range prices {
		k := limitKey(prices[i].Provider, prices[i].Model)
		above[k] = max(above[k], prices[i].Above)
	}
	for i := range l.rows {
		r := &l.rows[i]
		k := limitKey(r.Provider, r.Model)
		most := above[k]
		if snap := snapshot.FindStringSubmatch(k.model); snap != nil {
			most = max(most, above[key{k.provider, snap[1]}])
		}
		if r.Window > 0 && r.Window <= most {
			l.doubted = append(l.doubted, fmt.Sprintf("`%s/%s`: %d, and there is a price above %d", r.Provider, r.Model, r.Window, most))
			r.Window = 0
		}
	}
}

// report is the part of docs/prices-lint.md that is of limits.
func (l *limiter) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
## What models can read and give

- Of %d models the context window is known, of %d the longest answer. What no source states is not known.
- On %d windows the sources differ: the larger is taken, so that what is held is enough whichever is right.
- %d windows are left out: the model has a price for more.
`, l.windows, l.outputs, len(l.differ), len(l.doubted))
	for _, line := range l.doubted[:min(len(l.doubted), most)] {
		fmt.Fprintf(&b, "  - %s\n", line)
	}
	if more := len(l.doubted) - most; more > 0 {
		fmt.Fprintf(&b, "  - and %d more\n", more)
	}
	return b.String()
}

func (l *limiter) pack() ([]byte, error) {
	return packed(func(w io.Writer) error { return capacity.WriteCSV(w, l.rows) })
}
