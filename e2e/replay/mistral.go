package replay

// Mistral answers chat, whole and streamed, with usage that comes unasked in the
// last event with a choice; and embeddings.
func Mistral() []Answer {
	return []Answer{
		{Path: "/v1/chat/completions", Kind: JSON, Body: []byte(mistralWhole)},
		{Path: "/v1/chat/completions", Streamed: true, Kind: EventStream, Body: unnamed(append(mistralChunks, "[DONE]"), "\n\n")},
		{Path: "/v1/embeddings", Kind: JSON, Body: []byte(`{"id":"quaym3","object":"list","data":[{"object":"embedding","embedding":[0.25,-0.5,0.125],"index":0}],` +
			`"model":"mistral-ferry","usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0}}`)},
	}
}

const mistralWhole = `{"id":"quaym1","object":"chat.completion","model":"mistral-ferry","created":1767225600,"choices":[{"index":0,"finish_reason":"stop",` +
	`"message":{"role":"assistant","tool_calls":null,"content":"The \"north\" quay \u2693."}}],"usage":{"prompt_tokens":17,"total_tokens":41,"completion_tokens":24}}`

var mistralChunks = []string{
	`{"id":"quaym2","object":"chat.completion.chunk","created":1767225600,"model":"mistral-ferry","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"p":"abc"}`,
	`{"id":"quaym2","object":"chat.completion.chunk","created":1767225600,"model":"mistral-ferry","choices":[{"index":0,"delta":{"content":"At noon, "},"finish_reason":null}],"p":"abcdefg"}`,
	`{"id":"quaym2","object":"chat.completion.chunk","created":1767225600,"model":"mistral-ferry","choices":[{"index":0,"delta":{"content":"as ever."},"finish_reason":null}],"p":"ab"}`,
	`{"id":"quaym2","object":"chat.completion.chunk","created":1767225600,"model":"mistral-ferry","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":19,"total_tokens":45,"completion_tokens":26},"p":"abcdefghijklmnop"}`,
}
