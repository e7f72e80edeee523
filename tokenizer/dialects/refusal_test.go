package dialects

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// TestEveryDialectRefusesInJSON: whatever a message says, a refusal is one JSON
// object that holds it and its code, or the status that a client goes by.
func TestEveryDialectRefusesInJSON(t *testing.T) {
	const message = "no \"more\" money\n\u2028 for <you>"
	for _, d := range All() {
		r, can := d.(tokenizer.Refuser)
		if !can {
			t.Errorf("%s cannot refuse", d.Name())
			continue
		}
		for _, status := range []int{400, 403, 413, 429, 503} {
			body := r.Refuse(status, "budget_exhausted", message)
			var said map[string]any
			if err := json.Unmarshal(body, &said); err != nil || len(said) == 0 {
				t.Errorf("%s, %d: %s: %v", d.Name(), status, body, err)
			}
			if !holds(said, message) {
				t.Errorf("%s, %d: %s does not say why", d.Name(), status, body)
			}
		}
	}
}

// holds reports whether a text stands anywhere in a JSON value.
func holds(value any, text string) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		for _, in := range v {
			if holds(in, text) {
				return true
			}
		}
	case map[string]any:
		for _, in := range v {
			if holds(in, text) {
				return true
			}
		}
	}
	return false
}
