package bedrock

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// header is one string header of an event stream's message.
func header(name, value string) string {
	return string([]byte{byte(len(name))}) + name + "\x07" + string(binary.BigEndian.AppendUint16(nil, uint16(len(value)))) + value
}

// frame is one message of an event stream.
func frame(headers, payload string) string {
	m := binary.BigEndian.AppendUint32(nil, uint32(16+len(headers)+len(payload)))
	m = binary.BigEndian.AppendUint32(m, uint32(len(headers)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m))
	m = append(append(m, headers...), payload...)
	return string(binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(m)))
}

func event(kind, payload string) string {
	return frame(header(":event-type", kind)+header(":content-type", "application/json")+header(":message-type", "event"), payload)
}

func exception(kind string) string {
	return frame(header(":exception-type", kind)+header(":content-type", "application/json")+header(":message-type", "exception"), `{"message":"too much"}`)
}

// conversing is a stream of Converse: names of events and their payloads in turn.
func conversing(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString(event(pairs[i], pairs[i+1]))
	}
	return b.String()
}

// chunks is a stream of InvokeModel. The padding member stands before and after
// what counts, as it may.
func chunks(events ...string) string {
	var b strings.Builder
	for i, e := range events {
		payload := `{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(e)) + `","p":"abcdefgh"}`
		if i%2 == 1 {
			payload = `{ "p" : "abc" , "bytes" : "` + strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(e)), "/", `\/`) + `" }`
		}
		b.WriteString(event("chunk", payload))
	}
	return b.String()
}

const (
	textDelta = `{"contentBlockIndex":0,"delta":{"text":"hello "},"p":"abcdefghijklm"}`
	metrics   = `"amazon-bedrock-invocationMetrics":{"inputTokenCount":30,"outputTokenCount":7,"invocationLatency":9,"firstByteLatency":2}`
)

var (
	converseStream = conversing(
		"messageStart", `{"p":"ab","role":"assistant"}`,
		"contentBlockDelta", textDelta,
		"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"why"}}}`,
		"contentBlockStop", `{"contentBlockIndex":0,"p":"abc"}`,
		"contentBlockStart", `{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t1","name":"find"}}}`,
		"contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"q\":1}"}}}`,
		"messageStop", `{"p":"abcd","stopReason":"tool_use"}`,
		"metadata", `{"metrics":{"latencyMs":5},"p":"ab","serviceTier":{"type":"flex"},"usage":{"inputTokens":30,"outputTokens":7,"totalTokens":1041,`+
			`"cacheReadInputTokens":1000,"cacheReadInputTokenCount":1000,"cacheWriteInputTokens":4,"cacheWriteInputTokenCount":4,"cacheDetails":[{"ttl":"1h","inputTokens":1},{"ttl":"5m","inputTokens":3}]}}`)

	// converseStart ends within the message after the text.
	converseStart, _, _ = strings.Cut(converseStream, "contentBlockStop")

	novaStream = chunks(
		`{"messageStart":{"role":"assistant"}}`,
		`{"contentBlockDelta":{"delta":{"text":"hello "},"contentBlockIndex":0}}`,
		`{"contentBlockStart":{"start":{"toolUse":{"toolUseId":"t1","name":"find"}},"contentBlockIndex":1}}`,
		`{"contentBlockDelta":{"delta":{"toolUse":{"input":"{}"}},"contentBlockIndex":1}}`,
		`{"messageStop":{"stopReason":"tool_use"}}`,
		`{"metadata":{"usage":{"inputTokens":30,"outputTokens":7,"cacheReadInputTokenCount":0,"cacheWriteInputTokenCount":0},"metrics":{},"trace":{}},`+metrics+`}`)

	claudeStream = chunks(
		`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-20250101","content":[],"stop_reason":null,"usage":{"input_tokens":30,"cache_read_input_tokens":5,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,`+"\r\n"+`"delta":{"type":"text_delta","text":"hello"}}`,
		`{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":11}}`,
		`{"type":"message_stop",`+metrics+`}`)

	gptStream = chunks(
		`{"id":"chatcmpl-1","model":"openai.gpt-oss-20b-1:0","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}]}`,
		`{"id":"chatcmpl-1","model":"openai.gpt-oss-20b-1:0","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],`+metrics+`}`)

	titanStream = chunks(
		`{"outputText":"hello ","index":0,"inputTextTokenCount":30}`,
		`{"outputText":"you","index":0,"totalOutputTextTokenCount":7.0,"completionReason":"FINISH","inputTextTokenCount":null,`+metrics+`}`)

	llamaStream = chunks(
		`{"generation":"hello","prompt_token_count":30,"generation_token_count":3,"stop_reason":null}`,
		`{"generation":" you","prompt_token_count":null,"generation_token_count":7,"stop_reason":"stop",`+metrics+`}`)

	mistralStream = chunks(
		`{"outputs":[{"text":"hello","stop_reason":null}]}`,
		`{"outputs":[{"text":"","stop_reason":"stop"}],`+metrics+`}`)

	sentOn = "data: {\"contentBlockDelta\":{\"contentBlockIndex\":0,\"delta\":{\"text\":\"hello \"}}}\n\n" +
		"data: {\"metadata\":{\"usage\":{\"inputTokens\":30,\"outputTokens\":7,\"totalTokens\":37}}}\n\n" +
		"data: {\"messageStop\":{\"stopReason\":\"end_turn\"}}\n\n"
)
