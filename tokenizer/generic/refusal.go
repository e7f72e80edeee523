package generic

import "encoding/json"

// Refuse returns an error object: what is priced by a route has no shape of its own
// that could be known.
func (*Dialect) Refuse(_ int, code, message string) []byte {
	body, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	if err != nil { // strings always marshal
		return []byte(`{"error":{"code":"refused"}}`)
	}
	return body
}
