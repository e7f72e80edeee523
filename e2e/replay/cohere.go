package replay

// Cohere answers the second version of its API: chat, whole and streamed, with the
// three numbers that it tells of tokens; embeddings; and a ranking, which counts
// searches.
func Cohere() []Answer {
	return []Answer{
		{Path: "/v2/chat", Kind: JSON, Body: []byte(cohereWhole)},
		{Path: "/v2/chat", Streamed: true, Kind: "text/event-stream", Body: unnamed(cohereEvents, "\n\n")},
		{Path: "/v2/embed", Kind: JSON, Body: []byte(`{"id":"quay-c3","embeddings":{"float":[[0.25,-0.5,0.125]]},"texts":["ferry"],` +
			`"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":5}},"response_type":"embeddings_by_type"}`)},
		{Path: "/v2/rerank", Kind: JSON, Body: []byte(`{"id":"quay-c4","results":[{"index":1,"relevance_score":0.91},{"index":0,"relevance_score":0.2}],` +
			`"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":3}}}`)},
	}
}

const cohereWhole = `{"id":"quay-c1","message":{"role":"assistant","content":[{"type":"text","text":"At noon \u2693."}]},"finish_reason":"COMPLETE",` +
	`"usage":{"billed_units":{"input_tokens":12,"output_tokens":7},"tokens":{"input_tokens":507,"output_tokens":10},"cached_tokens":448}}`

var cohereEvents = []string{
	`{"id":"quay-c2","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}`,
	`{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}`,
	`{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"At noon, "}}}}`,
	`{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"the \"north\" quay."}}}}`,
	`{"type":"content-end","index":0}`,
	`{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":14,"output_tokens":9},` +
		`"tokens":{"input_tokens":620,"output_tokens":13},"cached_tokens":0}}}`,
}
