package price

import "bytes"

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
// characters are literal. Time is at most the product of the lengths.
func match(glob, name []byte) (literals int, ok bool) {
	g, n := 0, 0
	star, resume := -1, 0 // the last star seen, and where to go on with it
	for n < len(name) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, resume = g, n
			g++
		case g < len(glob) && glob[g] == name[n]:
			g++
			n++
		case star >= 0:
			resume++
			g, n = star+1, resume
		default:
			return 0, false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	if g < len(glob) {
		return 0, false
	}
	return len(glob) - bytes.Count(glob, []byte("*")), true
}
