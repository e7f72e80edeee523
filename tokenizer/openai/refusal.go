package openai

import (
	"encoding/json"

	"github.com/farebox/farebox/tokenizer"
)

type refusal struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

// Refuse returns an error body as the API words its own, with Content-Type
// application/json meant.
func (*Dialect) Refuse(status int, code, message string) []byte {
	body, err := json.Marshal(map[string]refusal{"error": {Message: message, Type: refusalType(status, code), Code: code}})
	if err != nil { // strings always marshal
		return []byte(`{"error":{"message":"refused","type":"invalid_request_error","param":null,"code":null}}`)
	}
	return body
}

// Stop returns an event with an error object, which every official client raises.
// The events of responses have names, and say what they are a second time.
// https://platform.openai.com/docs/api-reference/responses-streaming/error
func (d *Dialect) Stop(c tokenizer.Call, form tokenizer.Form, status int, code, message string) []byte {
	switch {
	case form != tokenizer.SSE:
		return nil
	case c.Operation != responses:
		return []byte("data: " + string(d.Refuse(status, code, message)) + "\n\n")
	}
	body, err := json.Marshal(struct {
		Type    string  `json:"type"`
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Param   *string `json:"param"`
		Error   refusal `json:"error"`
	}{"error", code, message, nil, refusal{Message: message, Type: refusalType(status, code), Code: code}})
	if err != nil { // strings always marshal
		return nil
	}
	return []byte("event: error\ndata: " + string(body) + "\n\n")
}

// refusalType is the type that the API gives errors of a status. Its clients look
// at it to tell an empty purse, which no retry fills, from haste.
func refusalType(status int, code string) string {
	switch {
	case status == 401:
		return "authentication_error"
	case status == 403:
		return "permission_error"
	case status == 429 && code == "budget_exhausted":
		return "insufficient_quota"
	case status == 429:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}
