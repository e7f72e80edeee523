package anthropic

import (
	"encoding/json"

	"github.com/farebox/farebox/tokenizer"
)

// Refuse returns an error body as the API words its own, with Content-Type
// application/json meant. The API's errors have no member for a code: their type
// is all that a client can look at.
// https://platform.claude.com/docs/en/api/errors
func (*Dialect) Refuse(status int, _, message string) []byte {
	type refusal struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(struct {
		Type  string  `json:"type"`
		Error refusal `json:"error"`
	}{"error", refusal{refusalType(status), message}})
	if err != nil { // strings always marshal
		return []byte(`{"type":"error","error":{"type":"api_error","message":"refused"}}`)
	}
	return body
}

// Stop returns the event by which the API ends a stream that fails.
// https://platform.claude.com/docs/en/build-with-claude/streaming
func (d *Dialect) Stop(_ tokenizer.Call, form tokenizer.Form, status int, code, message string) []byte {
	if form != tokenizer.SSE {
		return nil
	}
	return []byte("event: error\ndata: " + string(d.Refuse(status, code, message)) + "\n\n")
}

// refusalType is the type that the API gives errors of a status.
func refusalType(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 504:
		return "timeout_error"
	case 503, 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}
