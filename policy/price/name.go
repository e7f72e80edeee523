package price

import (
	"bytes"

	"github.com/farebox/farebox/policy/names"
)

// lower appends s in lower case. Letters beyond ASCII stay as they are: no
// provider's model name has any.
func lower(out []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}

// afterSlash is what follows the first slash, or nil.
func afterSlash(name []byte) []byte {
	i := bytes.IndexByte(name, '/')
	if i < 0 || i+1 == len(name) {
		return nil
	}
	return name[i+1:]
}

// tuned reports whether a name is that of somebody's fine-tuned model: OpenAI's
// "ft:base:org::id", Azure's "base.ft-id", the older "base:ft-org".
func tuned(name []byte) bool {
	return bytes.HasPrefix(name, []byte("ft:")) || bytes.Contains(name, []byte("/ft:")) ||
		bytes.Contains(name, []byte(".ft-")) || bytes.Contains(name, []byte(":ft-"))
}

// family is the name of which another is a snapshot, or nil: what stands before
// "-2024-08-06", "-20250929", "@20250929", "-latest" or "@default". A shorter
// number is not a date: "gpt-4-0613" and "mistral-large-2512" are names.
func family(name []byte) []byte {
	for _, suffix := range [...]string{"-latest", "@default"} {
		if stem, ok := bytes.CutSuffix(name, []byte(suffix)); ok && len(stem) > 0 {
			return stem
		}
	}
	if n := len(name) - len("-2006-01-02"); n > 0 && name[n] == '-' && name[n+5] == '-' && name[n+8] == '-' &&
		isDate(name[n+1:n+5], name[n+6:n+8], name[n+9:]) {
		return name[:n]
	}
	if n := len(name) - len("-20060102"); n > 0 && (name[n] == '-' || name[n] == '@') &&
		isDate(name[n+1:n+5], name[n+5:n+7], name[n+7:]) {
		return name[:n]
	}
	return nil
}

func isDate(year, month, day []byte) bool {
	return year[0] == '2' && year[1] == '0' && number(year[2:]) >= 0 &&
		1 <= number(month) && number(month) <= 12 && 1 <= number(day) && number(day) <= 31
}

// number reads two digits; below 0 when they are none.
func number(two []byte) int {
	if two[0] < '0' || two[0] > '9' || two[1] < '0' || two[1] > '9' {
		return -1
	}
	return int(two[0]-'0')*10 + int(two[1]-'0')
}

// match reports whether a glob covers the whole name, and how many of its
// characters are literal.
func match[G, N string | []byte](glob G, name N) (literal int, ok bool) {
	if !names.Fits(glob, name) {
		return 0, false
	}
	return literals(glob), true
}

// literals counts the characters of a glob that are not a star.
func literals[G string | []byte](glob G) int {
	n := 0
	for i := range len(glob) {
		if glob[i] != '*' {
			n++
		}
	}
	return n
}

// endsAgree reports whether two globs may overlap as far as what stands before
// their first star, and after their last, tells.
func endsAgree(a, b []byte) bool {
	for i := 0; i < len(a) && i < len(b) && a[i] != '*' && b[i] != '*'; i++ {
		if a[i] != b[i] {
			return false
		}
	}
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0 && a[i] != '*' && b[j] != '*'; i, j = i-1, j-1 {
		if a[i] != b[j] {
			return false
		}
	}
	return true
}

// overlap reports whether some text is covered by both of two globs.
func overlap(a, b string) bool {
	// below[j] says whether a[i+1:] and b[j:] have a text in common, row the same
	// of a[i:].
	below, row := make([]bool, len(b)+1), make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = below[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && below[j]
			default:
				row[j] = i < len(a) && j < len(b) && a[i] == b[j] && below[j+1]
			}
		}
		below, row = row, below
	}
	return below[0]
}
