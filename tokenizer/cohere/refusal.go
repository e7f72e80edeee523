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

// RefusedStatus is 403 for what no retry helps against: the SDKs try again after
// every 429, whatever its headers say, and after no 403. Haste stays 429.
// https://github.com/cohere-ai/cohere-python/blob/main/src/cohere/core/http_client.py
func (*Dialect) RefusedStatus(status int, code string) int {
	if status == 429 && code != "rate_limited" {
		return 403
	}
	return status
}
