package terms

import (
	"slices"
	"testing"

	"github.com/farebox/farebox/policy/names"
)

func TestRowsThatDoNotMeet(t *testing.T) {
	two := func(a, b Match) Options {
		return Options{Discounts: []Discount{{ID: "a", Match: a}, {ID: "b", Match: b}}}
	}
	for name, o := range map[string]Options{
		"other models":      two(Match{Model: []string{"x"}}, Match{Model: []string{"y"}}),
		"other beginnings":  two(Match{Model: []string{"a-*"}}, Match{Model: []string{"b-*"}}),
		"other ends":        two(Match{Model: []string{"*-a"}}, Match{Model: []string{"*-b"}}),
		"a longer glob":     two(Match{Model: []string{"a*"}}, Match{Model: []string{"aa*"}}),
		"other teams":       two(Match{Owner: team("a")}, Match{Owner: team("b")}),
		"a narrower team":   two(Match{Owner: team("a")}, Match{Owner: team("a*")}),
		"other projects":    two(Match{Owner: append(team("*"), Attribute{"project", []string{"x"}})}, Match{Owner: append(team("*"), Attribute{"project", []string{"y"}})}),
		"a team and a host": two(Match{Owner: team("a")}, Match{Provider: []string{"azure"}}),
		"one after another": {Discounts: []Discount{{ID: "a", Until: noon}, {ID: "b", From: noon}}},
		"its own patterns":  {Discounts: []Discount{{ID: "a", Match: Match{Model: []string{"a*", "*a", "b*"}}}}},
		"other meters": {Card: []CardRow{
			{ID: "a", Unit: Unit{1, token}, Meter: "input"}, {ID: "b", Unit: Unit{1, token}, Meter: "output"},
			{ID: "c", Unit: Unit{1, token}}, {ID: "d", Unit: Unit{1, token}, Meter: "reasoning"}, {ID: "e", Unit: Unit{1, "request"}},
		}},
	} {
		if _, err := New(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGlobsMeet compares with a search of all short texts.
func TestGlobsMeet(t *testing.T) {
	var texts []string
	for n, level := 0, []string{""}; n <= 4; n++ {
		texts = append(texts, level...)
		var next []string
		for _, s := range level {
			next = append(next, s+"a", s+"b")
		}
		level = next
	}
	agrees := func(p *pattern, s string) {
		if p.fits(s) != names.Fits(p.text, s) || patternFits(p, []byte(s)) != names.Fits(p.text, []byte(s)) {
			t.Errorf("%q and %q: %v, want %v", p.text, s, p.fits(s), names.Fits(p.text, s))
		}
	}
	globs := []string{"a", "b", "ab", "a*", "*a", "b*", "*b", "a*b", "b*a", "ab*", "*ab*", "a*a", "*a*b", "ba*ab", "aa*", "*bb", "a*b*"}
	for _, g := range globs {
		for _, s := range texts {
			p := compile(g)
			agrees(&p, s)
		}
		for _, h := range globs {
			p, q := compile(g), compile(h)
			both := func(s string) bool { return p.fits(s) && q.fits(s) }
			// A text that fits two of these globs is at most as long as both together.
			want := slices.ContainsFunc(texts, both) || slices.ContainsFunc(texts, func(s string) bool {
				return slices.ContainsFunc(texts, func(end string) bool { return both(s + end) })
			})
			if got := p.meets(&q); got != want {
				t.Errorf("%q and %q meet: %v, want %v", g, h, got, want)
			}
		}
	}
}
