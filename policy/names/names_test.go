package names

import (
	"regexp"
	"strings"
	"testing"
)

func TestModelFits(t *testing.T) {
	for _, test := range []struct {
		name, pattern, model string
		want                 bool
	}{
		{"the name itself", "gpt-4o", "gpt-4o", true},
		{"in capitals", "gpt-4o", "GPT-4o", true},
		{"another", "gpt-4o", "gpt-4o-mini", false},
		{"of a family", "gpt-4o", "gpt-4o-2024-08-06", true},
		{"of a family, without a slash", "claude-sonnet-4", "anthropic/claude-sonnet-4-20250514", true},
		{"a number that is no date", "gpt-4", "gpt-4-0613", false},
		{"of a vendor", "meta-llama/*", "meta-llama/Llama-3", true},
		{"without its vendor", "llama-3", "meta-llama/Llama-3", true},
		{"a glob within", "gpt-*-mini", "gpt-4o-mini", true},
		{"a glob is no family", "gpt-4?", "gpt-4o", false},
		{"anything", "*", "x", true},
		{"a name that is too long", "*", strings.Repeat("x", MaxName+1), false},
		{"no name", "gpt-4o", "", false},
	} {
		if got := ModelFits([]string{"other", test.pattern}, test.model); got != test.want {
			t.Errorf("%s: ModelFits(%q, %q) = %v, want %v", test.name, test.pattern, test.model, got, test.want)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	patterns := []string{"gpt-*-mini", "claude-*"}
	if n := testing.AllocsPerRun(100, func() { ModelFits(patterns, "Meta-Llama/Llama-3-70B-2024-08-06") }); n != 0 {
		t.Errorf("ModelFits allocates %v times", n)
	}
}

// A glob says the same as a regular expression.
func FuzzFits(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("**", "")
	f.Add("a*a*a", "aaaa")
	f.Fuzz(func(t *testing.T, glob, name string) {
		if len(glob) > 100 || len(name) > 200 {
			t.Skip()
		}
		// Bytes as characters, so that what is no UTF-8 is compared too.
		want := regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(latin(glob)), `\*`, ".*") + "$").MatchString(latin(name))
		if got := Fits(glob, name); got != want || got != Fits([]byte(glob), []byte(name)) || got != OneFits([]string{glob}, name) {
			t.Errorf("Fits(%q, %q) = %v, want %v", glob, name, got, want)
		}
	})
}

func latin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
