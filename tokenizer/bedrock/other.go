package bedrock

import "github.com/farebox/farebox/tokenizer"

// others are of https://docs.aws.amazon.com/bedrock/latest/APIReference.
var others = []tokenizer.Other{
	{Tail: "model/*/count-tokens", Operation: "count_tokens", Free: true},
	{Tail: "model/*/invoke-with-bidirectional-stream", Operation: "realtime"},
	{Tail: "async-invoke", Operation: "async_invoke"},
	{Tail: "guardrail/**", Operation: "guardrail"},
	{Tail: "agents/**", Operation: "agents"},
	{Tail: "flows/**", Operation: "agents"},
	{Tail: "knowledgebases/**", Operation: "retrieve"},
	{Tail: "retrieveAndGenerate", Operation: "retrieve"},
	{Tail: "retrieveAndGenerateStream", Operation: "retrieve"},
	{Tail: "rerank", Operation: "rerank"},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
