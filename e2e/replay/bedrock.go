package replay

import (
	"bytes"
	"net/http"
)

// Bedrock answers its four calls: Converse whole and streamed, with a cache that
// was read and written; and a message of Anthropic's, whole and in chunks, with
// Bedrock's own counts beside it.
func Bedrock() []Answer {
	return []Answer{
		{Path: "/converse", Kind: JSON, Header: awsHead(), Body: []byte(converseWhole)},
		{Path: "/converse-stream", Kind: Frames, Header: awsHead(), Body: converseFrames()},
		{Path: "/invoke", Kind: JSON, Header: invokeHead(), Body: []byte(invokeWhole)},
		{Path: "/invoke-with-response-stream", Kind: Frames, Header: streamHead(), Body: invokeFrames()},
	}
}

func awsHead() http.Header { return http.Header{"X-Amzn-Requestid": {"quay-0000-0001"}} }

// invokeHead are Bedrock's counts of the message below.
func invokeHead() http.Header {
	return http.Header{
		"X-Amzn-Requestid": {"quay-0000-0002"}, "X-Amzn-Bedrock-Input-Token-Count": {"44"}, "X-Amzn-Bedrock-Output-Token-Count": {"19"},
		"X-Amzn-Bedrock-Cache-Read-Input-Token-Count": {"700"}, "X-Amzn-Bedrock-Cache-Write-Input-Token-Count": {"0"},
		"X-Amzn-Bedrock-Invocation-Latency": {"812"},
	}
}

func streamHead() http.Header {
	return http.Header{"X-Amzn-Requestid": {"quay-0000-0003"}, "X-Amzn-Bedrock-Content-Type": {JSON}}
}

const converseWhole = `{"metrics":{"latencyMs":420},"output":{"message":{"content":[{"text":"Noon, from the north quay \u2693."}],"role":"assistant"}},` +
	`"stopReason":"end_turn","usage":{"cacheReadInputTokens":1000,"cacheWriteInputTokens":100,"cacheDetails":[{"inputTokens":100,"ttl":"1h"}],` +
	`"inputTokens":30,"outputTokens":20,"totalTokens":1150}}`

func converseFrames() []byte {
	return bytes.Join([][]byte{
		frame("messageStart", `{"p":"abc","role":"assistant"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Noon, from "},"p":"abcdefghijk"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"the north quay."},"p":"ab"}`),
		frame("contentBlockStop", `{"contentBlockIndex":0,"p":"abcdef"}`),
		frame("messageStop", `{"p":"abcdefghi","stopReason":"end_turn"}`),
		frame("metadata", `{"metrics":{"latencyMs":388},"p":"a","usage":{"cacheReadInputTokens":512,"cacheWriteInputTokens":48,`+
			`"inputTokens":15,"outputTokens":25,"totalTokens":600}}`),
	}, nil)
}

const invokeWhole = `{"model":"claude-ferry-5","id":"msg_bdrk_quay01","type":"message","role":"assistant",` +
	`"content":[{"type":"text","text":"The ferry is late."}],"stop_reason":"end_turn","stop_sequence":null,` +
	`"usage":{"input_tokens":44,"cache_creation_input_tokens":0,"cache_read_input_tokens":700,"output_tokens":19}}`

// invokeFrames end with Bedrock's counts, which say less output than the message.
func invokeFrames() []byte {
	var out []byte
	for _, e := range []string{
		`{"type":"message_start","message":{"model":"claude-ferry-5","id":"msg_bdrk_quay02","type":"message","role":"assistant","content":[],` +
			`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":61,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"The ferry "}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"is on time."}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":88}}`,
		`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":61,"outputTokenCount":72,"invocationLatency":954,"firstByteLatency":310}}`,
	} {
		out = append(out, chunk(e)...)
	}
	return out
}
