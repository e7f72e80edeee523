package ollama

import "github.com/farebox/farebox/tokenizer"

// others keep the models of a server, which takes no money for that; see
// https://docs.ollama.com/api.
var others = []tokenizer.Other{
	{Tail: "api/show", Operation: "models", Free: true},
	{Tail: "api/create", Operation: "models", Free: true},
	{Tail: "api/copy", Operation: "models", Free: true},
	{Tail: "api/pull", Operation: "models", Free: true},
	{Tail: "api/push", Operation: "models", Free: true},
	{Tail: "api/blobs/*", Operation: "files", Free: true},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
