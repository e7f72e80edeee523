package gemini

import (
	"encoding/json"
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Refuse returns an error body as Google's APIs word theirs, with Content-Type
// application/json meant. code is the reason in a detail of its own, in the case
// that reasons have there. https://google.aip.dev/193
func (*Dialect) Refuse(status int, code, message string) []byte {
	type detail struct {
		Type   string `json:"@type"`
		Reason string `json:"reason"`
		Domain string `json:"domain"`
	}
	type refusal struct {
		Code    int      `json:"code"`
		Message string   `json:"message"`
		Status  string   `json:"status"`
		Details []detail `json:"details"`
	}
	body, err := json.Marshal(map[string]refusal{"error": {
		Code: status, Message: message, Status: statusName(status),
		Details: []detail{{"type.googleapis.com/google.rpc.ErrorInfo", strings.ToUpper(code), "farebox"}},
	}})
	if err != nil { // strings and numbers always marshal
		return []byte(`{"error":{"code":400,"message":"refused","status":"INVALID_ARGUMENT"}}`)
	}
	return body
}

// Stop returns an event with an error in the place of an answer, which is how the
// official clients know that a stream failed. An array of JSON has no place for it.
func (d *Dialect) Stop(_ tokenizer.Call, form tokenizer.Form, status int, code, message string) []byte {
	if form != tokenizer.SSE {
		return nil
	}
	return []byte("data: " + string(d.Refuse(status, code, message)) + "\n\n")
}

// statusName is the name of the canonical code that an HTTP status stands for.
// https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
func statusName(status int) string {
	switch status {
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 409:
		return "ABORTED"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 499:
		return "CANCELLED"
	case 501:
		return "UNIMPLEMENTED"
	case 503:
		return "UNAVAILABLE"
	case 504:
		return "DEADLINE_EXCEEDED"
	}
	if status >= 500 {
		return "INTERNAL"
	}
	return "INVALID_ARGUMENT"
}
