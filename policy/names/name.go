package names

import "bytes"

// Lower appends s in lower case; of a longer name than any model's, nothing.
// Letters beyond ASCII stay as they are: no provider's model name has any.
func Lower(out []byte, s string) []byte {
	if len(s) > MaxName {
		return nil
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}

// AfterSlash is what follows the first slash, or nil.
func AfterSlash(name []byte) []byte {
	i := bytes.IndexByte(name, '/')
	if i < 0 || i+1 == len(name) {
		return nil
	}
	return name[i+1:]
}

// The endings of snapshots: a 0 is any digit.
var snapshots = [...]string{"-0000-00-00", "-00000000", "@00000000", "-latest", "@default"}

// Family is the name of which another is a snapshot, or nil: what stands before
// "-2024-08-06", "-20250929", "@20250929", "-latest" or "@default", as list
// prices have it. A shorter number is not a date: "gpt-4-0613" is a name.
func Family(name []byte) []byte {
	for _, ending := range snapshots {
		at := len(name) - len(ending)
		if at > 0 && looksLike(name[at:], ending) {
			return name[:at]
		}
	}
	return nil
}

func looksLike(s []byte, form string) bool {
	date := 0 // digits seen
	for i := range s {
		if form[i] != '0' {
			if s[i] != form[i] {
				return false
			}
			continue
		}
		if s[i] < '0' || s[i] > '9' || date == 0 && s[i] != '2' || date == 1 && s[i] != '0' {
			return false
		}
		date++
	}
	return true
}
