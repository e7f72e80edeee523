package policy

import (
	"unicode"
	"unicode/utf8"
)

// Printable reports whether s is UTF-8 without characters that would hide in a
// report: controls, format characters (direction marks, zero-width joiners) and
// line separators. It does not allocate.
func Printable(s string) bool {
	for _, c := range s {
		if c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return false
			}
			continue
		}
		if c == utf8.RuneError || unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return false
		}
	}
	return true
}
