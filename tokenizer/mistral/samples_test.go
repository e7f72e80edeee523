package mistral

import (
	"fmt"

	"github.com/farebox/farebox/tokenizer"
)

type counted map[tokenizer.Class]int64

// sample is an answer in Mistral's own words, written here, and what is in it.
type sample struct {
	name, body string
	call       tokenizer.Call
	form       tokenizer.Form
	want       counted // billed
	waived     counted
	total      int64 // tokens that the provider states; 0: none
	sound      int64 // of them, of sound that is paid by the second
	text       string
	model, id  string
	tier       string
	finish     string
	deferred   tokenizer.Deferred
	source     tokenizer.Source // None: reported
	fails      bool
}

// events are those of a stream, each with its name.
func events(all ...string) (stream string) {
	for i := 0; i < len(all); i += 2 {
		stream += "event: " + all[i] + "\ndata: " + all[i+1] + "\n\n"
	}
	return stream
}

func of(operation string) tokenizer.Call { return tokenizer.Call{Operation: operation} }

// results9 asks for a file of results.
var results9 = tokenizer.Call{Operation: batchResults, Of: "f-9", Results: true}

// line is one of such a file.
func line(status int, body string) string {
	return fmt.Sprintf(`{"id":"r","custom_id":"0","response":{"status_code":%d,"body":%s},"error":null}`+"\n", status, body)
}

var chats = []sample{
	{name: "chat", call: of(chat), body: `{"id":"q-1","object":"chat.completion","model":"m-2","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","tool_calls":null,"content":"At \"noon\"."}}],
		"usage":{"prompt_tokens":120,"total_tokens":137,"completion_tokens":17,"prompt_tokens_details":{"cached_tokens":64},"service_tier":"priority"}}`,
		want: counted{tokenizer.Input: 56, tokenizer.CacheRead: 64, tokenizer.Output: 17}, total: 137, text: `At \"noon\".`, model: "m-2", id: "q-1", tier: "priority", finish: "stop"},
	{name: "cached tokens by their other names", call: of(chat), body: `{"id":"q-1","model":"m-2","choices":[],"usage":{"prompt_tokens":120,"total_tokens":137,"completion_tokens":17,"num_cached_tokens":20}}`,
		want: counted{tokenizer.Input: 100, tokenizer.CacheRead: 20, tokenizer.Output: 17}, total: 137, model: "m-2", id: "q-1"},
	{name: "sound that was sent", call: of(chat), body: `{"id":"q-1","model":"v-1","usage":{"prompt_audio_seconds":31,"prompt_tokens":9,"total_tokens":799,"completion_tokens":40,
		"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":750},"service_tier":"standard"},"choices":[{"message":{"content":"Gulls."},"finish_reason":"stop"}]}`,
		want: counted{tokenizer.Input: 9, tokenizer.CacheRead: 0, tokenizer.Output: 40, tokenizer.AudioSeconds: 31}, total: 799, sound: 750, text: "Gulls.", model: "v-1", id: "q-1", tier: "standard", finish: "stop"},
	{name: "sound without seconds", call: of(chat), body: `{"id":"q-1","model":"v-1","usage":{"prompt_audio_seconds":null,"prompt_tokens":9,"total_tokens":424,"completion_tokens":40,
		"prompt_tokens_details":{"audio_tokens":375}},"choices":[]}`,
		want: counted{tokenizer.Input: 9, tokenizer.InputAudio: 375, tokenizer.Output: 40}, total: 424, model: "v-1", id: "q-1"},
	{name: "cached sound", call: of(chat), body: `{"id":"q-1","model":"v-1","usage":{"prompt_audio_seconds":4.2,"prompt_tokens":30,"total_tokens":445,"completion_tokens":40,"prompt_tokens_details":{"cached_tokens":384}},"choices":[]}`,
		want: counted{tokenizer.Input: 21, tokenizer.CacheRead: 9, tokenizer.Output: 40, tokenizer.AudioSeconds: 5}, total: 445, sound: 375, model: "v-1", id: "q-1"},
	{name: "thoughts", call: of(chat), form: tokenizer.SSE, body: `data: {"id":"q-1","model":"t-1","choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm. "}]}]},"finish_reason":null}]}

data: {"id":"q-1","model":"t-1","choices":[{"index":0,"delta":{"content":"Noon"},"finish_reason":null}],"p":"abc"}

data: {"id":"q-1","model":"t-1","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"length"}],"usage":{"prompt_tokens":10,"total_tokens":30,"completion_tokens":20,"completion_tokens_details":{"reasoning_tokens":12}}}

data: [DONE]

`, want: counted{tokenizer.Input: 10, tokenizer.Output: 8, tokenizer.Reasoning: 12}, total: 30, text: "Hm. Noon.", model: "t-1", id: "q-1", finish: "length"},
	{name: "an agent", call: of(agents), body: `{"id":"q-1","model":"m-2","choices":[{"message":{"content":"","tool_calls":[{"id":"t","function":{"name":"find","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
		"usage":{"prompt_tokens":64,"total_tokens":70,"completion_tokens":6}}`,
		want: counted{tokenizer.Input: 64, tokenizer.Output: 6}, total: 70, text: "find{}", model: "m-2", id: "q-1", finish: "tool_calls"},
	{name: "the middle", call: of(fim), body: `{"id":"q-1","model":"c-1","choices":[{"index":0,"message":{"role":"assistant","content":"return a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"total_tokens":11,"completion_tokens":3}}`,
		want: counted{tokenizer.Input: 8, tokenizer.Output: 3}, total: 11, text: "return a", model: "c-1", id: "q-1", finish: "stop"},
	{name: "embeddings", call: of(embeddings), body: `{"id":"q-1","object":"list","data":[{"embedding":[0.1,-2],"index":0}],"model":"e-1","usage":{"prompt_audio_seconds":null,"prompt_tokens":6,"total_tokens":6,"completion_tokens":0,"request_count":null}}`,
		want: counted{tokenizer.Input: 6, tokenizer.Output: 0}, total: 6, model: "e-1", id: "q-1"},
}

var talks = []sample{
	{name: "conversation", call: of(conversations), body: `{"object":"conversation.response","conversation_id":"conv_1","outputs":[{"type":"tool.execution","name":"web_search","arguments":"{\"q\":1}","id":"tool_1"},
		{"type":"message.output","id":"msg_1","model":"m-2","content":[{"type":"text","text":"At noon"},{"type":"tool_reference","tool":"web_search","title":"no"},{"type":"text","text":"."}]}],
		"usage":{"prompt_tokens":177,"completion_tokens":134,"total_tokens":4240,"connector_tokens":3929,"connectors":{"web_search":2,"web_search_premium":1}}}`,
		want:  counted{tokenizer.Input: 177, tokenizer.InputTool: 3929, tokenizer.Output: 134, tokenizer.WebSearch: 3},
		total: 4240, text: `{\"q\":1}At noon.`, model: "m-2", id: "conv_1"},
	{name: "connectors within the prompt", call: of(conversations), body: `{"conversation_id":"conv_1","outputs":[{"type":"message.output","model":"m-2","content":"Yes"}],
		"usage":{"prompt_tokens":50,"completion_tokens":8,"total_tokens":58,"connector_tokens":4,"connectors":{"document_library":1,"image_generation":2,"code_interpreter":1}}}`,
		want:  counted{tokenizer.Input: 46, tokenizer.InputTool: 4, tokenizer.Output: 8, tokenizer.FileSearch: 1, tokenizer.Images: 2},
		total: 58, text: "Yes", model: "m-2", id: "conv_1"},
	{name: "a function is to be called", call: of(conversations), body: `{"conversation_id":"conv_1","outputs":[{"type":"function.call","model":"m-2","name":"tide","arguments":"{}"}],"usage":{"prompt_tokens":91,"completion_tokens":29,"total_tokens":120,"connector_tokens":null,"connectors":null}}`,
		want: counted{tokenizer.Input: 91, tokenizer.Output: 29}, total: 120, text: "{}", model: "m-2", id: "conv_1"},
	{name: "conversation streamed", call: of(conversations), form: tokenizer.SSE, body: events(
		"conversation.response.started", `{"type":"conversation.response.started","conversation_id":"conv_2"}`,
		"tool.execution.started", `{"type":"tool.execution.started","id":"tool_1","model":"m-1","name":"web_search","arguments":""}`,
		"tool.execution.delta", `{"type":"tool.execution.delta","id":"tool_1","name":"web_search","arguments":"{}"}`,
		"tool.execution.done", `{"type":"tool.execution.done","id":"tool_1","name":"web_search","info":{"arguments":"no"}}`,
		"message.output.delta", `{"type":"message.output.delta","id":"msg_1","model":"m-2","content":{"type":"thinking","thinking":[{"type":"text","text":"Hm. "}]}}`,
		"message.output.delta", `{"type":"message.output.delta","id":"msg_1","model":"m-2","content":"Yes"}`,
		"message.output.delta", `{"type":"message.output.delta","id":"msg_1","model":"m-2","content":{"type":"text","text":"."}}`,
		"conversation.response.done", `{"type":"conversation.response.done","usage":{"prompt_tokens":188,"completion_tokens":55,"total_tokens":7355,"connector_tokens":7112,"connectors":{"web_search":1}}}`),
		want:  counted{tokenizer.Input: 188, tokenizer.InputTool: 7112, tokenizer.Output: 55, tokenizer.WebSearch: 1},
		total: 7355, text: "{}Hm. Yes.", model: "m-2", id: "conv_2"},
	{name: "an error amid a conversation", call: of(conversations), form: tokenizer.SSE, body: events(
		"conversation.response.started", `{"type":"conversation.response.started","conversation_id":"conv_2"}`,
		"message.output.delta", `{"type":"message.output.delta","id":"msg_1","model":"m-2","content":"Ye"}`,
		"conversation.response.error", `{"type":"conversation.response.error","message":"overloaded","code":3505}`),
		text: "Ye", model: "m-2", id: "conv_2", fails: true},
}

var works = []sample{
	{name: "document", call: of(ocr), body: `{"pages":[{"index":0,"markdown":"# No","images":[{"id":"i","image_base64":"AA"}]},{"index":1,"markdown":"no"}],"model":"o-1","document_annotation":null,"usage_info":{"pages_processed":3,"doc_size_bytes":130002}}`,
		want: counted{tokenizer.Pages: 3}, model: "o-1"},
	{name: "document that tells no usage", call: of(ocr), body: `{"pages":[{"index":0},null,{"index":1}],"model":"o-1"}`, want: counted{tokenizer.Pages: 2}, model: "o-1", source: tokenizer.Counted},
	{name: "sound read", call: of(transcription), body: `{"model":"v-1","text":"Gulls.","language":"en","segments":[{"text":"no","start":0.1,"end":1}],
		"usage":{"prompt_audio_seconds":203,"prompt_tokens":4,"total_tokens":3264,"completion_tokens":635}}`,
		want: counted{tokenizer.Input: 0, tokenizer.Output: 0, tokenizer.AudioSeconds: 203}, waived: counted{tokenizer.Input: 4, tokenizer.Output: 635}, total: 3264, sound: 2625, text: "Gulls.", model: "v-1"},
	{name: "sound read from the cache", call: of(transcription), body: `{"model":"v-1","text":"Gulls.","usage":{"prompt_audio_seconds":5,"prompt_tokens":5,"total_tokens":404,"completion_tokens":24,"prompt_tokens_details":{"cached_tokens":368}},"finish_reason":null}`,
		want: counted{tokenizer.Input: 0, tokenizer.CacheRead: 0, tokenizer.Output: 0, tokenizer.AudioSeconds: 5}, waived: counted{tokenizer.Input: 5, tokenizer.Output: 24}, total: 404, sound: 375, text: "Gulls.", model: "v-1"},
	{name: "sound read, streamed", call: of(transcription), form: tokenizer.SSE, body: events(
		"transcription.language", `{"type":"transcription.language","audio_language":"en"}`,
		"transcription.text.delta", `{"type":"transcription.text.delta","text":"Gu"}`,
		"transcription.text.delta", `{"type":"transcription.text.delta","text":"lls."}`,
		"transcription.segment", `{"type":"transcription.segment","text":"Gulls.","start":0,"end":1}`,
		"transcription.done", `{"type":"transcription.done","model":"v-1","text":"Gulls.","language":"en","segments":[],"usage":{"prompt_audio_seconds":12,"prompt_tokens":4,"total_tokens":399,"completion_tokens":20}}`),
		want: counted{tokenizer.Input: 0, tokenizer.Output: 0, tokenizer.AudioSeconds: 12}, waived: counted{tokenizer.Input: 4, tokenizer.Output: 20}, total: 399, sound: 375, text: "Gulls.", model: "v-1"},
	{name: "speech", call: tokenizer.Call{Operation: speech, Characters: 40}, body: `{"audio_data":"SUQzBAAA"}`, want: counted{tokenizer.Characters: 40}},
	{name: "speech streamed", call: tokenizer.Call{Operation: speech, Characters: 40}, form: tokenizer.SSE, body: events(
		"speech.audio.delta", `{"type":"speech.audio.delta","audio_data":"SUQz"}`,
		"speech.audio.done", `{"type":"speech.audio.done","usage":{"prompt_tokens":11,"completion_tokens":90,"total_tokens":101}}`),
		want: counted{tokenizer.Input: 0, tokenizer.Output: 0, tokenizer.Characters: 40}, waived: counted{tokenizer.Input: 11, tokenizer.Output: 90}, total: 101},
	{name: "moderation", call: of(moderations), body: `{"id":"mod-1","model":"g-1","results":[{"categories":{"pii":false},"category_scores":{"pii":0.1}}]}`, model: "g-1", id: "mod-1"},
	{name: "moderation that tells usage", call: of(moderations), body: `{"id":"mod-1","model":"g-1","usage":{"prompt_tokens":9,"total_tokens":9,"completion_tokens":0,"request_count":1},"results":[{}]}`,
		want: counted{tokenizer.Input: 9, tokenizer.Output: 0}, total: 9, model: "g-1", id: "mod-1"},
	{name: "classification", call: of(classifications), body: `{"id":"c-1","model":"k-1","results":[{"mood":{"scores":{"calm":0.9}}}],"usage":{"prompt_tokens":7,"total_tokens":7}}`,
		want: counted{tokenizer.Input: 7}, total: 7, model: "k-1", id: "c-1"},
}

var batches = []sample{
	{name: "a batch that has begun", call: of(batch), body: `{"id":"b-1","object":"batch","input_files":["f-1"],"endpoint":"/v1/chat/completions","errors":[],"status":"QUEUED","total_requests":2,"succeeded_requests":0,"model":"m-1","output_file":null}`,
		deferred: tokenizer.Deferred{ID: "b-1"}, tier: batch, finish: "QUEUED", model: "m-1", id: "b-1"},
	{name: "a batch that is called off", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"id":"b-1","status":"CANCELLATION_REQUESTED","succeeded_requests":1}`,
		deferred: tokenizer.Deferred{ID: "b-1"}, tier: batch, finish: "CANCELLATION_REQUESTED", id: "b-1"},
	{name: "a batch whose results are a file", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"id":"b-1","status":"SUCCESS","succeeded_requests":2,"output_file":"f-9","outputs":null}`,
		deferred: tokenizer.Deferred{ID: "b-1", Alias: "f-9"}, tier: batch, finish: "SUCCESS", id: "b-1"},
	{name: "a batch without a success", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"id":"b-1","status":"FAILED","succeeded_requests":0,"output_file":null}`, tier: batch, finish: "FAILED", id: "b-1"},
	{name: "a batch whose results come with it", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"id":"b-1","status":"SUCCESS","endpoint":"/v1/chat/completions","model":null,"succeeded_requests":2,"outputs":[
		{"custom_id":"0","response":{"status_code":200,"body":{"id":"q-1","model":"m-1","choices":[{"message":{"content":"no"}}],"usage":{"prompt_tokens":20,"total_tokens":25,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8}}}},"error":null},
		{"custom_id":"1","response":{"status_code":422,"body":{"detail":"no"}},"error":null},
		{"custom_id":"2","response":{"status_code":200,"body":{"id":"q-2","model":"m-1","choices":[],"usage":{"prompt_tokens":30,"total_tokens":37,"completion_tokens":7}}}}]}`,
		want: counted{tokenizer.Input: 42, tokenizer.CacheRead: 8, tokenizer.Output: 12}, total: 62, tier: batch, finish: "SUCCESS", model: "m-1", id: "b-1"},
	{name: "a file of results", call: results9, form: tokenizer.NDJSON, body: line(200, `{"id":"q-1","model":"m-1","usage":{"prompt_tokens":20,"total_tokens":25,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8}}}`) +
		line(422, `{"detail":"no","usage":{"prompt_tokens":1}}`) + `{"custom_id":"2","response":null,"error":{"message":"no"}}` + "\n\n" + line(200, `{"usage":{"prompt_tokens":30,"total_tokens":37,"completion_tokens":7},"model":"m-1"}`),
		want: counted{tokenizer.Input: 42, tokenizer.CacheRead: 8, tokenizer.Output: 12}, total: 62, tier: batch, model: "m-1"},
	{name: "a file of documents", call: results9, body: line(200, `{"model":"o-1","pages":[{"index":0}],"usage_info":{"pages_processed":3,"doc_size_bytes":9}}`) + line(200, `{"model":"o-1","usage_info":{"pages_processed":4}}`),
		want: counted{tokenizer.Pages: 7}, tier: batch, model: "o-1"},
	{name: "a file of transcriptions", call: results9, form: tokenizer.NDJSON, body: line(200, `{"model":"v-1","text":"Gulls.","usage":{"prompt_audio_seconds":5,"prompt_tokens":4,"total_tokens":399,"completion_tokens":20}}`),
		want: counted{tokenizer.Input: 0, tokenizer.Output: 0, tokenizer.AudioSeconds: 5}, waived: counted{tokenizer.Input: 4, tokenizer.Output: 20}, total: 399, sound: 375, tier: batch, model: "v-1"},
	{name: "a file of errors", call: results9, form: tokenizer.NDJSON, body: line(422, `{"detail":"no"}`), tier: batch},
	{name: "a batch that says nothing", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"detail":"no"}`, deferred: tokenizer.Deferred{ID: "b-1"}, tier: batch},
	{name: "a batch of documents", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"id":"b-1","status":"SUCCESS","endpoint":"/v1/ocr","model":"o-1","outputs":[{"response":{"body":{"usage_info":{"pages_processed":3}}}},{"response":{"body":{"usage_info":{"pages_processed":4}}}}]}`,
		want: counted{tokenizer.Pages: 7}, tier: batch, finish: "SUCCESS", model: "o-1", id: "b-1"},
	{name: "a batch of sound", call: tokenizer.Call{Operation: batch, Of: "b-1"}, body: `{"id":"b-1","status":"SUCCESS","endpoint":"/v1/audio/transcriptions","model":"v-1","outputs":[{"response":{"body":{"usage":{"prompt_audio_seconds":5,"prompt_tokens":4,"total_tokens":399,"completion_tokens":20}}}}]}`,
		want: counted{tokenizer.Input: 0, tokenizer.Output: 0, tokenizer.AudioSeconds: 5}, waived: counted{tokenizer.Input: 4, tokenizer.Output: 20}, total: 399, sound: 375, tier: batch, finish: "SUCCESS", model: "v-1", id: "b-1"},
}

func samples() (all []sample) {
	for _, some := range [][]sample{chats, talks, works, batches} {
		all = append(all, some...)
	}
	return all
}
