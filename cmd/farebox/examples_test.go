package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fenced is a block of shell in a page.
var fenced = regexp.MustCompile("(?s)```sh\n(.*?)```")

// TestExamplesAreWhatTheirPagesSay runs the commands of each example that make and
// check Envoy's side: the file beside the page is what they print.
func TestExamplesAreWhatTheirPagesSay(t *testing.T) {
	pages, err := filepath.Glob("../../docs/examples/*/README.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(filepath.Dir(page)), func(t *testing.T) {
			t.Chdir(filepath.Dir(page))
			ran := 0
			for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
				for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
					words := strings.Fields(line)
					if len(words) < 2 || words[0] != "farebox" || words[1] != "envoy" && words[1] != "check" {
						continue
					}
					ran++
					args, file, printed := strings.Cut(strings.Join(words[1:], " "), " > ")
					status, out, errOut := try(strings.Fields(args)...)
					if status != 0 {
						t.Errorf("%s: status %d: %s%s", line, status, out, errOut)
					} else if printed {
						compare(t, file, out)
					}
				}
			}
			if ran != 2 {
				t.Errorf("%d commands were run, want one that makes Envoy's side and one that checks it", ran)
			}
		})
	}
}
