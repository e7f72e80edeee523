package config

import (
	"slices"
	"strings"
)

// nearest returns the word that was most likely meant, or "".
func nearest(given string, words []string) string {
	best, least := "", 1+min(len(given), 12)/4
	plain := flatten(given)
	for _, w := range words {
		if flatten(w) == plain {
			return w
		}
		if d := distance(plain, flatten(w)); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// flatten makes inject-usage, injectUsage and inject_usage the same.
func flatten(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// distance counts the letters to insert, remove, change or swap with their
// neighbour to make b of a. Long words are not compared.
func distance(a, b string) int {
	const long = 64
	if len(a) > long || len(b) > long {
		return long
	}
	var older, old []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		older, old, row = old, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := old[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// maxChoices bounds how many words a hint lists.
const maxChoices = 12

// didYouMean is the hint for a misspelt word, or else the list of choices.
func didYouMean(given string, words []string) string {
	if w := nearest(given, words); w != "" {
		return "did you mean `" + w + "`?"
	}
	if len(words) == 0 || len(words) > maxChoices {
		return ""
	}
	return "it can be " + orList(words)
}

// orList writes `a`, `b` or `c`.
func orList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + w + "`"
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(slices.Clone(quoted[:last]), ", ") + " or " + quoted[last]
}
