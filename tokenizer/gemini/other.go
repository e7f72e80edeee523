package gemini

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// verbs stand behind the last colon of a path.
// https://ai.google.dev/api, https://docs.cloud.google.com/vertex-ai/docs/reference/rest
var verbs = map[string]tokenizer.Other{
	"countTokens":           {Operation: "count_tokens", Free: true},
	"computeTokens":         {Operation: "count_tokens", Free: true},
	"cancel":                {Operation: "cancel", Free: true},
	"register":              {Operation: "files", Free: true},
	"fetchPredictOperation": {Operation: "operations", Free: true},
	"rawPredict":            {Operation: "predict"},
	"streamRawPredict":      {Operation: "predict"},
	"predict":               {Operation: "predict"},
	"generateAnswer":        {Operation: "generate_answer"},
}

var others = []tokenizer.Other{
	{Tail: "files", Operation: "files", Free: true}, // upload/v1beta/files too
	{Tail: "batchPredictionJobs", Operation: "batch"},
	{Tail: "tuningJobs", Operation: "fine_tuning"},
	{Tail: "tunedModels", Operation: "fine_tuning"},
	{Tail: "fileSearchStores", Operation: "vector_store"},
	{Tail: "auth_tokens", Operation: "realtime"}, // a session that it opens is billed, and not seen
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	if at := strings.LastIndexByte(path, ':'); at >= 0 {
		o, known := verbs[path[at+1:]]
		return o.Operation, o.Free, known
	}
	return tokenizer.FindOther(others, path)
}
