package openai

import "github.com/farebox/farebox/tokenizer"

// others are of https://platform.openai.com/docs/api-reference, and of servers
// that speak as OpenAI does.
var others = []tokenizer.Other{
	{Tail: "realtime/**", Operation: "realtime"}, // a session that it opens is billed, and not seen
	{Tail: "images/**", Operation: "images"},
	{Tail: "audio/**", Operation: "audio"},
	{Tail: "videos/**", Operation: "video"},
	{Tail: "batches", Operation: "batch"},
	{Tail: "fine_tuning/jobs/*/cancel", Operation: "fine_tuning", Free: true},
	{Tail: "fine_tuning/**", Operation: "fine_tuning"},
	{Tail: "evals/**", Operation: "evals"},
	{Tail: "vector_stores/*/search", Operation: "vector_search"},
	{Tail: "vector_stores/**", Operation: "vector_store"},
	{Tail: "assistants/**", Operation: "assistants", Free: true}, // runs of threads are billed
	{Tail: "threads/runs", Operation: "runs"},
	{Tail: "threads/*/runs/**", Operation: "runs"},
	{Tail: "threads/**", Operation: "threads", Free: true},
	{Tail: "conversations/**", Operation: "conversations", Free: true},
	{Tail: "containers/*/files", Operation: "containers", Free: true},
	{Tail: "containers", Operation: "containers"},
	{Tail: "responses/input_tokens", Operation: "count_tokens", Free: true},
	{Tail: "moderations", Operation: "moderations", Free: true},
	{Tail: "files", Operation: "files", Free: true},
	{Tail: "uploads", Operation: "files", Free: true},
	{Tail: "uploads/*/parts", Operation: "files", Free: true},
	{Tail: "uploads/*/complete", Operation: "files", Free: true},
	{Tail: "uploads/*/cancel", Operation: "files", Free: true},
	{Tail: "chat/completions/*", Operation: "stored", Free: true}, // of a stored completion its labels change
	{Tail: "organization/**", Operation: "organization", Free: true},
	{Tail: "tokenize", Operation: "count_tokens", Free: true}, // vLLM
	{Tail: "detokenize", Operation: "count_tokens", Free: true},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
