package jsonscan

import (
	"strconv"

	"github.com/tidwall/gjson"
)

// MaxWord bounds a Word, in bytes as written.
const MaxWord = 256

// Word is a copy of a raw JSON string of reasonable length, or empty.
func Word(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' || len(raw) > MaxWord+2 {
		return ""
	}
	return gjson.ParseBytes(raw).String()
}

// SetWord copies a raw JSON string that is not the one already there: the events
// of a stream repeat themselves, and a comparison allocates nothing. What is no
// string, empty or too long leaves the old one.
func SetWord(to *string, raw []byte) {
	if len(raw) <= 2 || raw[0] != '"' || string(raw[1:len(raw)-1]) == *to {
		return
	}
	if w := Word(raw); w != "" {
		*to = w
	}
}

// Number is a raw JSON number that is not negative, cut to a whole one, or 0 for
// anything else.
func Number(raw []byte) int64 {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return max(n, 0)
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < 0 || f > 1<<53 {
		return 0
	}
	return int64(f)
}

// Numeric is Number, also of a number that is written as a text: protocol buffers
// may be, and servers such as vLLM take it.
func Numeric(raw []byte) int64 {
	if len(raw) > 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	return Number(raw)
}

// StringWeight is the bytes between the quotes of a raw JSON string, or 0.
func StringWeight(raw []byte) int64 {
	if len(raw) < 2 || raw[0] != '"' {
		return 0
	}
	return int64(len(raw) - 2)
}

// Weight is the bytes of a raw array or object, or 0 for anything else and for
// what is empty.
func Weight(raw []byte) int64 {
	if len(raw) <= 2 || raw[0] != '[' && raw[0] != '{' {
		return 0
	}
	return int64(len(raw))
}

// Says reports whether a raw value says something: it is neither null, false nor
// empty. One too long to keep does.
func Says(raw []byte) bool {
	switch string(raw) {
	case "null", "false", `""`, "{}", "[]":
		return false
	}
	return true
}
