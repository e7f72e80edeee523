package cohere

import "encoding/json"

// Refuse returns an error body as the API words its own: its SDKs raise by the
// status and show the message.
// https://docs.cohere.com/reference/errors
func (*Dialect) Refuse(_ int, code, message string) []byte {
	body, err := json.Marshal(map[string]string{"message": message, "code": code})
	if err != nil { // strings always marshal
		return []byte(`{"message":"refused"}`)
	}
	return body
}
