package openai

import "encoding/json"

// Refuse returns an error body as the API words its own, with Content-Type
// application/json meant.
func (*Dialect) Refuse(status int, code, message string) []byte {
	type refusal struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	body, err := json.Marshal(map[string]refusal{"error": {Message: message, Type: refusalType(status, code), Code: code}})
	if err != nil { // strings always marshal
		return []byte(`{"error":{"message":"refused","type":"invalid_request_error","param":null,"code":null}}`)
	}
	return body
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
