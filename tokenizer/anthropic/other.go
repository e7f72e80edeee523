package anthropic

import "github.com/farebox/farebox/tokenizer"

// others are of https://docs.anthropic.com/en/api.
var others = []tokenizer.Other{
	{Tail: "messages/count_tokens", Operation: "count_tokens", Free: true},
	{Tail: "messages/batches/*/cancel", Operation: "batch", Free: true},
	{Tail: "messages/batches", Operation: "batch"},
	{Tail: "files", Operation: "files", Free: true},
	{Tail: "organizations/**", Operation: "organization", Free: true},
	{Tail: "skills/**", Operation: "skills", Free: true},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
