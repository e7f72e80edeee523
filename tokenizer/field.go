package tokenizer

import (
	"encoding/json"
	"strings"

	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// MaxField bounds what Field returns, in bytes as written.
const MaxField = 4 << 10

// Field returns the text or number at a path of members' names, from the top of
// body, joined by dots. It is "" for what is absent, is something else, is longer
// than MaxField, or stands in a body that cannot be read so far. Of a member that
// comes twice the last one counts, as it does for the servers. It goes once over
// body and copies only what it returns.
func Field(body []byte, path string) string {
	w := jsonscan.Walk(body)
	raw := field(w, path)
	if w.End() != nil || len(raw) > MaxField {
		return ""
	}
	return scalarText(raw)
}

// field passes the value that w stands before and returns what is at the path.
func field(w *jsonscan.Walker, path string) (raw []byte) {
	name, rest, deeper := strings.Cut(path, ".")
	for key := range w.Members {
		switch {
		case string(key) != name:
		case deeper:
			raw = field(w, rest)
		default:
			raw = w.Raw()
		}
	}
	return raw
}

func scalarText(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return ""
		}
		return text
	case c == '-' || c >= '0' && c <= '9':
		if !json.Valid(raw) {
			return ""
		}
		return string(raw)
	}
	return ""
}
