package mistral

import "encoding/json"

// Refuse returns an error body as the API words its own: its SDKs raise by the
// status and show the body.
// https://docs.mistral.ai/api
func (*Dialect) Refuse(status int, code, message string) []byte {
	type refusal struct {
		Object  string  `json:"object"`
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	body, err := json.Marshal(refusal{Object: "error", Message: message, Type: refusalType(status), Code: code})
	if err != nil { // strings always marshal
		return []byte(`{"object":"error","message":"refused","type":"invalid_request_error","param":null,"code":null}`)
	}
	return body
}

// refusalType is the type that errors of a status have.
func refusalType(status int) string {
	switch {
	case status == 429:
		return "rate_limited"
	case status >= 500:
		return "internal_server_error"
	}
	return "invalid_request_error"
}
