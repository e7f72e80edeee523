package replay

import "strings"

// Anthropic answers messages: whole, with a cache that was read and written with
// both times to live, thoughts, and searches; streamed, with a tool and counts
// that its end corrects. And it counts tokens.
func Anthropic() []Answer {
	return []Answer{
		{Path: "/v1/messages/count_tokens", Kind: JSON, Body: []byte(`{"input_tokens":321}`)},
		{Path: "/v1/messages", Kind: JSON, Body: []byte(claudeWhole)},
		{Path: "/v1/messages", Streamed: true, Kind: EventStream, Body: named(claudeEvents)},
	}
}

const claudeWhole = `{"id":"msg_quay01","type":"message","role":"assistant","model":"claude-ferry-5","content":[` +
	`{"type":"thinking","thinking":"They ask for the ferry.","signature":"c2lnbmVk"},` +
	`{"type":"text","text":"The ferry lies at the \"north\" quay \u2693."}],"stop_reason":"end_turn","stop_sequence":null,` +
	`"usage":{"input_tokens":21,"cache_creation_input_tokens":300,"cache_read_input_tokens":1200,` +
	`"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},` +
	`"output_tokens":77,"output_tokens_details":{"thinking_tokens":30},"server_tool_use":{"web_search_requests":2},"service_tier":"standard"}}`

// claudeEvents are the events of a stream. Its end says more input, and more from
// the cache, than its start.
var claudeEvents = []string{
	`{"type":"message_start","message":{"id":"msg_quay02","type":"message","role":"assistant","model":"claude-ferry-5","content":[],` +
		`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":40,"cache_creation_input_tokens":64,"cache_read_input_tokens":0,` +
		`"cache_creation":{"ephemeral_5m_input_tokens":64,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
	`{"type":"ping"}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Quays have timetables."}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2lnbmVk"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Let me look "}}`,
	`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"it up: \u2693."}}`,
	`{"type":"content_block_stop","index":1}`,
	`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_quay","name":"timetable","input":{}}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"quay\":"}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"north\"}"}}`,
	`{"type":"content_block_stop","index":2}`,
	`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":55,` +
		`"cache_creation_input_tokens":64,"cache_read_input_tokens":512,"output_tokens":90,"output_tokens_details":{"thinking_tokens":33}}}`,
	`{"type":"message_stop"}`,
}

// named writes events as server-sent ones that go by the name of their type,
// which is what they begin with.
func named(events []string) []byte {
	var out strings.Builder
	for _, e := range events {
		name, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
		out.WriteString("event: " + name + "\ndata: " + e + "\n\n")
	}
	return []byte(out.String())
}

// unnamed writes events as server-sent ones, each with such an end.
func unnamed(events []string, end string) []byte {
	var out strings.Builder
	for _, e := range events {
		out.WriteString("data: " + e + end)
	}
	return []byte(out.String())
}
