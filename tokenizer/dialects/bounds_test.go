package dialects_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/estimate"
)

// seenOften is after how many answers of a model its guesses are its own.
const seenOften = 20

// uppers are the guesses on the high side, and the share of answers that must
// stay below each.
var uppers = [...]struct {
	name  string
	of    func(*estimate.Estimator, tokenizer.Call) int64
	input bool // else of the output
	least float64
}{
	{"input, 99 in 100", (*estimate.Estimator).InputMost, true, 0.98},
	{"output, 19 in 20", (*estimate.Estimator).Output, false, 0.92},
	{"output, 99 in 100", (*estimate.Estimator).OutputMost, false, 0.97},
}

// bounds is how upper guesses fared: of all answers, those of a model that had
// been seen often, and of these by upper guess those that stayed below, and the
// sum of guess through truth.
type bounds struct {
	answers, often int
	below          [len(uppers)]int
	over           [len(uppers)]float64
}

// take compares what was guessed at most with what was reported.
func (b *bounds) take(e *estimate.Estimator, call tokenizer.Call, input, output int64) {
	b.often++
	for i, u := range uppers {
		most, truth := u.of(e, call), output
		if u.input {
			truth = input
		}
		if truth <= most {
			b.below[i]++
		}
		b.over[i] += float64(most) / float64(truth)
	}
}

func (b *bounds) row(name string) string {
	row := fmt.Sprintf("%s\t%d\t%d\t", name, b.answers, b.often)
	for i := range uppers {
		row += fmt.Sprintf("%s\t%.1f\t", share(b.below[i], b.often), b.over[i]/float64(max(1, b.often)))
	}
	return row + "\n"
}

// TestGuessedBounds guesses each answer from those before it, as a server does:
// its length, and its tokens from its bytes as if it had been a prompt, both on
// the high side. It prints how many stayed below.
func TestGuessedBounds(t *testing.T) {
	const frame = 8 // tokens that a prompt has beside its text
	list := answers(t)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	e := estimate.New()
	seen := map[string]int{}
	var all bounds
	found := map[string]*bounds{}
	for i := range list {
		a := &list[i]
		if found[familyOf(a.model)] == nil {
			found[familyOf(a.model)] = &bounds{}
		}
		call := tokenizer.Call{Dialect: a.dialect, Operation: a.operation, Model: a.model, Choices: 1, Shares: tokenizer.Shares{Last: a.reading.TextBytes}}
		kind := a.dialect + " " + a.operation + " " + a.model
		seen[kind]++
		for _, b := range []*bounds{&all, found[familyOf(a.model)]} {
			b.answers++
			if seen[kind] > seenOften {
				b.take(e, call, a.output+frame, a.output)
			}
		}
		var u tokenizer.Usage
		u.Set(tokenizer.Input, a.output+frame, tokenizer.Reported)
		u.Set(tokenizer.Output, a.output, tokenizer.Reported)
		e.Learn(call, &u)
	}
	judgeBounds(t, &all, found)
}

func judgeBounds(t *testing.T, all *bounds, found map[string]*bounds) {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\nfamily\tanswers\tof a model seen often\t")
	for _, u := range uppers {
		fmt.Fprintf(w, "below %s\tguess through truth\t", u.name)
	}
	fmt.Fprintln(w)
	for _, f := range families {
		if b := found[f.name]; b != nil && b.often > 0 {
			fmt.Fprint(w, b.row(f.name))
		}
	}
	fmt.Fprint(w, all.row("all"))
	w.Flush()
	t.Log(out.String())
	for i, u := range uppers {
		if all.often == 0 || float64(all.below[i]) < u.least*float64(all.often) {
			t.Errorf("%s: %s of %d stayed below, want %.0f %%", u.name, share(all.below[i], all.often), all.often, 100*u.least)
		}
	}
}
