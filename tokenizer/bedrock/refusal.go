package bedrock

import "encoding/json"

// Refuse returns an error body as the service words its own, with Content-Type
// application/json meant. The SDKs take the kind of error from "__type" where
// there is no x-amzn-ErrorType header.
// https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
func (*Dialect) Refuse(status int, code, message string) []byte {
	body, err := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{refusalType(status, code), message})
	if err != nil { // strings always marshal
		return []byte(`{"__type":"ValidationException","message":"refused"}`)
	}
	return body
}

// quota is the kind of error that no retry helps against, unlike throttling.
const quota = "ServiceQuotaExceededException"

// RefusedStatus is 400 for what exceeds a quota, as the service has it: its SDKs
// try again after every 429, whatever its kind.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
func (*Dialect) RefusedStatus(status int, code string) int {
	if refusalType(status, code) == quota {
		return 400
	}
	return status
}

// refusalType is the kind of error that the service gives a status. SDKs retry
// when they are throttled, which fills no empty purse and does not turn the clock:
// that is a quota.
func refusalType(status int, code string) string {
	switch {
	case status == 401 || status == 403:
		return "AccessDeniedException"
	case status == 404:
		return "ResourceNotFoundException"
	case status == 429 && code == "rate_limited":
		return "ThrottlingException"
	case status == 429:
		return quota
	case status == 503:
		return "ServiceUnavailableException"
	case status >= 500:
		return "InternalServerException"
	}
	return "ValidationException"
}
