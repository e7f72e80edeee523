package dialects

import (
	"os"
	"regexp"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// TestEveryDialectIsDocumented: its section says what it reads, at which paths, and
// what it cannot read.
func TestEveryDialectIsDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/dialects.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	heads := regexp.MustCompile(`(?m)^## ([a-z]+)\b.*$`).FindAllSubmatchIndex(document, -1)
	for i, at := range heads {
		end := len(document)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		sections[string(document[at[2]:at[3]])] = string(document[at[1]:end])
	}
	for _, d := range All() {
		text, there := sections[d.Name()]
		if !there {
			t.Errorf("docs/dialects.md has no section %q", d.Name())
			continue
		}
		for what, how := range map[string]string{
			"a path that is POSTed to":             "`POST ",
			"a host, or that there may be any":     `(?i)hosts?\b`,
			"what is read":                         `(?i)\breads?\b|usage`,
			"what is not read, or not to be known": `(?i)cannot read|not read|told nowhere`,
		} {
			if !regexp.MustCompile(how).MatchString(text) {
				t.Errorf("docs/dialects.md, %s: does not say %s", d.Name(), what)
			}
		}
		if _, free := d.(tokenizer.Neighbour); !free {
			t.Errorf("%s does not name what of its API is not metered", d.Name())
		}
	}
}
