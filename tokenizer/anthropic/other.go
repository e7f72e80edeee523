package anthropic

import "github.com/farebox/farebox/tokenizer"

// others are of https://platform.claude.com/docs/en/api.
var others = []tokenizer.Other{
	{Tail: "messages/count_tokens", Operation: "count_tokens", Free: true},
	{Tail: "publishers/anthropic/models/count-tokens:rawPredict", Operation: "count_tokens", Free: true},
	{Tail: "sessions/**", Operation: "agents"}, // models that work on their own, and are paid for
	{Tail: "deployments/*/run", Operation: "agents"},
	{Tail: "dreams", Operation: "agents"},
	{Tail: "agents/**", Operation: "agents", Free: true}, // what they are told, not what they do
	{Tail: "files", Operation: "files", Free: true},
	{Tail: "organizations/**", Operation: "organization", Free: true},
	{Tail: "skills/**", Operation: "skills", Free: true},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
