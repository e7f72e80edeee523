package cohere

import "github.com/farebox/farebox/tokenizer"

// others are of https://docs.cohere.com/reference.
var others = []tokenizer.Other{
	{Tail: "tokenize", Operation: "count_tokens", Free: true},
	{Tail: "detokenize", Operation: "count_tokens", Free: true},
	{Tail: "check-api-key", Operation: "organization", Free: true},
	{Tail: "datasets", Operation: "files", Free: true},
	{Tail: "connectors/**", Operation: "connectors", Free: true},
	{Tail: "embed-jobs/*/cancel", Operation: "batch", Free: true},
	{Tail: "embed-jobs", Operation: "batch"},
	{Tail: "batches", Operation: "batch"},
	{Tail: "finetuning/**", Operation: "fine_tuning"},
	{Tail: "generate", Operation: "generate"},
	{Tail: "summarize", Operation: "summarize"},
	{Tail: "audio/**", Operation: "audio"},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
