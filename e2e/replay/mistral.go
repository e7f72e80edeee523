package replay

// Mistral answers chat and filling in the middle, whole and streamed, with usage
// that comes unasked in the last event with a choice; conversations, whose total
// holds what connectors added; sound that is told in seconds; embeddings, documents
// and speech.
func Mistral() []Answer {
	return []Answer{
		{Path: "/v1/chat/completions", Kind: JSON, Body: []byte(mistralWhole)},
		{Path: "/v1/chat/completions", Streamed: true, Kind: EventStream, Body: unnamed(append(mistralChunks, "[DONE]"), "\n\n")},
		{Path: "/v1/embeddings", Kind: JSON, Body: []byte(`{"id":"quaym3","object":"list","data":[{"object":"embedding","embedding":[0.25,-0.5,0.125],"index":0}],` +
			`"model":"mistral-ferry","usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0}}`)},
		{Path: "/v1/agents/completions", Kind: JSON, Body: []byte(mistralHeard)},
		{Path: "/v1/fim/completions", Kind: JSON, Body: []byte(mistralMiddle)},
		{Path: "/v1/fim/completions", Streamed: true, Kind: EventStream, Body: unnamed(append(mistralMiddleChunks, "[DONE]"), "\n\n")},
		{Path: "/v1/conversations", Kind: JSON, Body: []byte(mistralTalk)},
		{Path: "/v1/conversations", Streamed: true, Kind: EventStream, Body: []byte(mistralTalkEvents)},
		{Path: "/v1/ocr", Kind: JSON, Body: []byte(`{"pages":[{"index":0,"markdown":"# Tides","images":[],"dimensions":null}],"model":"ocr-ferry","document_annotation":null,` +
			`"usage_info":{"pages_processed":3,"doc_size_bytes":13002}}`)},
		{Path: "/v1/audio/speech", Kind: JSON, Body: []byte(`{"audio_data":"SUQzBAAAAAAA"}`)},
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

const mistralHeard = `{"id":"quaym4","object":"chat.completion","model":"voxtral-ferry","created":1767225600,"choices":[{"index":0,"finish_reason":"stop",` +
	`"message":{"role":"assistant","tool_calls":null,"content":"Gulls."}}],"usage":{"prompt_audio_seconds":31,"prompt_tokens":9,"total_tokens":799,"completion_tokens":40,` +
	`"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":750},"service_tier":"standard"}}`

const mistralMiddle = `{"id":"quaym5","object":"chat.completion","model":"codestral-ferry","created":1767225600,"choices":[{"index":0,"finish_reason":"stop",` +
	`"message":{"role":"assistant","tool_calls":null,"content":"return \"quay\""}}],"usage":{"prompt_tokens":8,"total_tokens":12,"completion_tokens":4}}`

var mistralMiddleChunks = []string{
	`{"id":"quaym6","object":"chat.completion.chunk","created":1767225600,"model":"codestral-ferry","choices":[{"index":0,"delta":{"role":"assistant","content":"return "},"finish_reason":null}]}`,
	`{"id":"quaym6","object":"chat.completion.chunk","created":1767225600,"model":"codestral-ferry","choices":[{"index":0,"delta":{"content":"noon"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":9,"total_tokens":14,"completion_tokens":5}}`,
}

const mistralTalk = `{"object":"conversation.response","conversation_id":"conv_quay1","outputs":[` +
	`{"object":"entry","type":"tool.execution","id":"tool_quay1","name":"web_search","arguments":"{\"query\":\"ferry\"}","info":{}},` +
	`{"object":"entry","type":"message.output","id":"msg_quay1","model":"mistral-ferry","role":"assistant","content":"At noon \u2693."}],` +
	`"usage":{"prompt_tokens":177,"completion_tokens":34,"total_tokens":4140,"connector_tokens":3929,"connectors":{"web_search":2}}}`

const mistralTalkEvents = `event: conversation.response.started
data: {"type":"conversation.response.started","created_at":"2026-01-01T00:00:00Z","conversation_id":"conv_quay2"}

event: message.output.delta
data: {"type":"message.output.delta","created_at":"2026-01-01T00:00:01Z","output_index":0,"id":"msg_quay2","content_index":0,"model":"mistral-ferry","role":"assistant","content":"At noon, "}

event: message.output.delta
data: {"type":"message.output.delta","created_at":"2026-01-01T00:00:02Z","output_index":0,"id":"msg_quay2","content_index":0,"model":"mistral-ferry","role":"assistant","content":"as ever."}

event: conversation.response.done
data: {"type":"conversation.response.done","created_at":"2026-01-01T00:00:03Z","usage":{"prompt_tokens":188,"completion_tokens":55,"total_tokens":7355,"connector_tokens":7112,"connectors":{"web_search":1}}}

`
