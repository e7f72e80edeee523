package gemini

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// answer is one answer and what a meter should read in it.
type answer struct {
	name     string
	call     tokenizer.Call
	form     tokenizer.Form
	body     string
	complete bool
	usage    string // the classes as JSON; empty: no usage
	want     tokenizer.Reading
}

func sseOf(events ...string) string {
	return "data: " + strings.Join(events, "\r\n\r\ndata: ") + "\r\n\r\n"
}

func text(s string) tokenizer.Reading {
	return tokenizer.Reading{Text: []byte(s), TextBytes: int64(len(s))}
}

func reading(of tokenizer.Reading, id, model, finish string) tokenizer.Reading {
	of.ResponseID, of.Model, of.Finish = id, model, finish
	return of
}

func served(of tokenizer.Reading, tier string) tokenizer.Reading {
	of.Tier = tier
	return of
}

var (
	asks  = tokenizer.Call{Operation: content, Choices: 1}
	acts  = tokenizer.Call{Operation: interactions, Choices: 1}
	embed = tokenizer.Call{Operation: embeddings, Choices: 1}
)

const interactionUsage = `{"total_tokens":100,"total_input_tokens":30,"input_tokens_by_modality":[{"modality":"text","tokens":20},{"modality":"image","tokens":10}],
	"total_cached_tokens":6,"cached_tokens_by_modality":[{"modality":"text","tokens":6}],"total_output_tokens":25,"output_tokens_by_modality":[{"modality":"audio","tokens":5}],
	"total_tool_use_tokens":20,"total_thought_tokens":25}`

const interactionClasses = `{"cache_read":6,"input":14,"input_image":10,"input_tool":20,"output":20,"output_audio":5,"reasoning":25}`

var answers = []answer{
	{"plain", asks, tokenizer.JSON, `{"candidates":[{"content":{"parts":[{"text":"think","thought":true},{"text":"Hi \"you\""}],"role":"model"},"finishReason":"STOP","index":0}],
		"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":3,"thoughtsTokenCount":2,"totalTokenCount":15,"cachedContentTokenCount":4,"serviceTier":"standard"},"modelVersion":"m-1","responseId":"r1"}`,
		true, `{"cache_read":4,"input":6,"output":3,"reasoning":2}`, served(reading(text(`thinkHi \"you\"`), "r1", "m-1", "STOP"), "standard")},
	{"stream", asks, tokenizer.SSE, sseOf(
		`{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3,"trafficType":"ON_DEMAND_PRIORITY"},"modelVersion":"m-1","responseId":"r1"}`,
		`{"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5,"trafficType":"ON_DEMAND_PRIORITY"},"modelVersion":"m-1","responseId":"r1"}`),
		true, `{"input":3,"output":2}`, served(reading(text("Hello"), "r1", "m-1", "MAX_TOKENS"), "priority")},
	{"list of chunks", asks, tokenizer.JSON, "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}]}}],\"usageMetadata\":{\"promptTokenCount\":3,\"totalTokenCount\":3}}\n,\r\n" +
		`{"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"m"}]`,
		true, `{"input":3,"output":2}`, reading(text("Hello"), "", "m", "STOP")},
	{"last usage counts whole", asks, tokenizer.SSE, sseOf(
		`{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":4,"totalTokenCount":12,"toolUsePromptTokenCount":9}}`,
		`{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":8,"thoughtsTokenCount":7,"totalTokenCount":15}}`),
		true, `{"input":8,"output":0,"reasoning":7}`, reading(text("a"), "", "", "STOP")},
	{"modalities by name and number", asks, tokenizer.JSON, `{"candidates":[{"finishReason":1}],"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":50,"totalTokenCount":160,"toolUsePromptTokenCount":10,"cachedContentTokenCount":30,"trafficType":2,
		"promptTokensDetails":[{"modality":1,"tokenCount":10},{"modality":2,"tokenCount":20},{"modality":"VIDEO","tokenCount":30},{"modality":4,"tokenCount":25},{"modality":"DOCUMENT","tokenCount":15}],
		"cacheTokensDetails":[{"modality":"IMAGE","tokenCount":15},{"modality":"AUDIO","tokenCount":5},{"modality":"TEXT","tokenCount":10}],
		"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":40},{"modality":"AUDIO","tokenCount":6}]}}`,
		true, `{"cache_read":10,"cache_read_audio":5,"cache_read_image":15,"input":0,"input_audio":20,"input_document":15,"input_image":5,"input_tool":10,"input_video":30,"output":4,"output_audio":6,"output_image":40}`,
		served(tokenizer.Reading{Finish: "STOP"}, "provisioned")},
	{"two candidates", tokenizer.Call{Operation: content, Choices: 2}, tokenizer.SSE, sseOf(
		`{"candidates":[{"index":0,"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}`,
		`{"candidates":[{"index":1,"finishReason":"SAFETY"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}`),
		true, `{"input":3,"output":4}`, tokenizer.Reading{Finish: "SAFETY"}},
	{"one of two candidates", tokenizer.Call{Operation: content, Choices: 2}, tokenizer.SSE, sseOf(
		`{"candidates":[{"index":0,"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}`),
		false, `{"input":3,"output":2}`, tokenizer.Reading{Finish: "STOP"}},
	{"prompt blocked", asks, tokenizer.SSE, sseOf(`{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}`),
		true, `{"input":3,"output":0}`, tokenizer.Reading{Finish: "SAFETY"}},
	{"calls", asks, tokenizer.SSE, sseOf(
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"g","args":{}}},{"executableCode":{"language":"PYTHON","code":"x"}},{"codeExecutionResult":{"output":"no"}}]}}]}`,
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"h","partialArgs":[{"jsonPath":"$.a","stringValue":"b"}],"willContinue":true}}]}}]}`),
		false, "", text(`f{"a":1}gxhb`)},
	{"searches of one prompt", asks, tokenizer.SSE, sseOf(
		`{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"],"groundingChunks":[{"web":{"uri":"u"}}]}}],"modelVersion":"gemini-2.5-pro"}`,
		`{"candidates":[{"groundingMetadata":{"webSearchQueries":["b","c"]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}`),
		true, `{"input":1,"output":1,"web_search":1}`, tokenizer.Reading{Model: "gemini-2.5-pro", Finish: "STOP"}},
	{"searches by query", asks, tokenizer.SSE, sseOf(
		`{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b",""]}}],"modelVersion":"gemini-3-pro"}`,
		`{"candidates":[{"groundingMetadata":{"webSearchQueries":["b","c"],"groundingChunks":[{"web":{"uri":"u"}},{"maps":{"uri":"u"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}`),
		true, `{"input":1,"maps":1,"output":1,"web_search":3}`, tokenizer.Reading{Model: "gemini-3-pro", Finish: "STOP"}},
	{"map searched", asks, tokenizer.JSON, `{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"],"groundingChunks":[{"maps":{"placeId":"x"}}]}}],"modelVersion":"gemini-3-pro","usageMetadata":{"promptTokenCount":1}}`,
		true, `{"input":1,"maps":2}`, tokenizer.Reading{Model: "gemini-3-pro"}},
	{"searched, and no usage", asks, tokenizer.JSON, `{"candidates":[{"groundingMetadata":{"webSearchQueries":["a"]}}]}`, true, "", tokenizer.Reading{}},
	{"page read, none searched", asks, tokenizer.JSON, `{"candidates":[{"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}]}}],"modelVersion":"gemini-2.5-pro","usageMetadata":{"promptTokenCount":1}}`,
		true, `{"input":1}`, tokenizer.Reading{Model: "gemini-2.5-pro"}},
	{"song", tokenizer.Call{Operation: content, Choices: 1, Model: "lyria-3-pro-preview"}, tokenizer.JSON,
		`{"candidates":[{"content":{"parts":[{"text":"la"},{"inlineData":{"mimeType":"audio/mp3","data":"AAAAAAAAAAAA"}}]}}]}`, true, `{"images":1}`, text("la")},
	{"error", asks, tokenizer.JSON, `{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}`, true, "", tokenizer.Reading{Error: true}},
	{"error in a list", asks, tokenizer.JSON, `[{"error":{"code":429}}]`, true, "", tokenizer.Reading{Error: true}},
	{"error in a stream", asks, tokenizer.SSE, sseOf(`{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, `{"error":{"code":503}}`), false, "",
		tokenizer.Reading{Text: []byte("a"), TextBytes: 1, Error: true}},
	{"unreadable events", asks, tokenizer.SSE, sseOf(`{"candidates":`, `oops`, ` `, `[1]`, `{"candidates":[]}}`, `{"modelVersion":"models/m"}`), false, "", tokenizer.Reading{Unreadable: 4, Model: "m"}},
	{"traffic alone", asks, tokenizer.JSON, `{"usageMetadata":{"trafficType":"ON_DEMAND"}}`, true, "", tokenizer.Reading{Tier: "standard"}},
	{"html", asks, tokenizer.JSON, `<html>`, false, "", tokenizer.Reading{Unreadable: 1}},
	{"nothing", asks, tokenizer.JSON, ``, false, "", tokenizer.Reading{Unreadable: 1}},

	{"embedding with usage", embed, tokenizer.JSON, `{"embeddings":[{"values":[0.1,-2e-3]}],"usageMetadata":{"promptTokenCount":4,"promptTokenDetails":[{"modality":"IMAGE","tokenCount":3}]}}`,
		true, `{"input":1,"input_image":3}`, tokenizer.Reading{}},
	{"embedding without", embed, tokenizer.JSON, `{"embedding":{"values":[0.1]}}`, true, "", tokenizer.Reading{}},
	{"embedding by characters", embed, tokenizer.JSON, `{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":3,"truncated":false}}},{"embeddings":{"statistics":{"token_count":4}}}],"metadata":{"billableCharacterCount":29}}`,
		true, `{"characters":29}`, tokenizer.Reading{}},
	{"embedding by tokens", tokenizer.Call{Operation: embeddings, Model: "gemini-embedding-001"}, tokenizer.JSON,
		`{"predictions":[{"embeddings":{"statistics":{"token_count":3}}},{"embeddings":{"statistics":{"token_count":4}}}],"metadata":{"billableCharacterCount":29}}`, true, `{"input":7}`, tokenizer.Reading{}},
	{"pictures", tokenizer.Call{Operation: images, Model: "imagen-4"}, tokenizer.JSON,
		`{"predictions":[{"bytesBase64Encoded":"AAAAAAAAAAAA","mimeType":"image/png"},{"raiFilteredReason":"no"},{"gcsUri":"gs://b/1.png"}]}`, true, `{"images":2}`, tokenizer.Reading{}},
	{"pictures filtered", tokenizer.Call{Operation: images, Model: "imagen-4"}, tokenizer.JSON, `{}`, true, `{"images":0}`, tokenizer.Reading{}},
	{"picture refused", tokenizer.Call{Operation: images, Model: "imagen-4"}, tokenizer.JSON, `{"error":{"code":400}}`, true, "", tokenizer.Reading{Error: true}},
	{"video", tokenizer.Call{Operation: video, Seconds: 16}, tokenizer.JSON, `{"name":"models/veo/operations/o1"}`, true, `{"video_seconds":16}`, tokenizer.Reading{ResponseID: "models/veo/operations/o1"}},
	{"video refused", tokenizer.Call{Operation: video, Seconds: 16}, tokenizer.JSON, `{"error":{"code":400}}`, true, "", tokenizer.Reading{Error: true}},

	{"interaction", acts, tokenizer.JSON, `{"id":"v1_a","status":"completed","usage":` + interactionUsage + `,"service_tier":"flex","model":"gemini-2.5-flash","steps":[{"type":"thought","signature":"no","summary":[{"type":"text","text":"a"}]},
		{"type":"function_call","name":"f","arguments":{"x":1}},{"type":"model_output","content":[{"type":"text","text":"b"}]},{"type":"google_search_call","arguments":{"queries":["q","r"]}}]}`,
		true, strings.TrimSuffix(interactionClasses, "}") + `,"web_search":1}`, served(reading(text(`af{"x":1}b{"queries":["q","r"]}`), "v1_a", "gemini-2.5-flash", "completed"), "flex")},
	{"interaction stream", acts, tokenizer.SSE, sseOf(
		`{"interaction":{"id":"v1_a","status":"in_progress","model":"gemini-3-pro"},"event_type":"interaction.created"}`,
		`{"interaction_id":"v1_a","status":"in_progress","event_type":"interaction.status_update"}`,
		`{"index":0,"step":{"type":"function_call","name":"f","arguments":{}},"event_type":"step.start"}`,
		`{"index":0,"delta":{"arguments":"{\"a\":1}","type":"arguments_delta"},"event_type":"step.delta"}`,
		`{"index":1,"delta":{"content":{"text":"t","type":"text"},"type":"thought_summary"},"event_type":"step.delta"}`,
		`{"index":1,"delta":{"text":"b","type":"text"},"event_type":"step.delta"}`,
		`{"interaction":{"id":"v1_a","status":"requires_action","usage":`+strings.ReplaceAll(strings.ReplaceAll(interactionUsage, "\n", ""), "\t", "")+`,"service_tier":"standard","model":"gemini-3-pro"},"event_type":"interaction.completed"}`,
		`[DONE]`), true, interactionClasses, served(reading(text(`f{\"a\":1}tb`), "v1_a", "gemini-3-pro", "requires_action"), "standard")},
	{"interaction's tools counted", acts, tokenizer.JSON, `{"id":"i","status":"completed","model":"gemini-3-pro","usage":{"total_input_tokens":1,"grounding_tool_count":[{"type":"google_search","count":3},{"type":"google_maps","count":2},{"type":"x","count":9}]}}`,
		true, `{"input":1,"maps":2,"web_search":3}`, reading(tokenizer.Reading{}, "i", "gemini-3-pro", "completed")},
	{"interaction's prompt grounded", acts, tokenizer.JSON, `{"status":"completed","model":"gemini-2.5-pro","usage":{"total_input_tokens":1,"grounding_tool_count":[{"type":"google_search","count":3}]}}`,
		true, `{"input":1,"web_search":1}`, tokenizer.Reading{Model: "gemini-2.5-pro", Finish: "completed"}},
	{"interaction of an agent", acts, tokenizer.JSON, `{"id":"i","status":"failed","agent":"deep-research"}`, true, "", reading(tokenizer.Reading{}, "i", "deep-research", "failed")},
	{"interaction of outputs", acts, tokenizer.SSE, "event: interaction.complete\n" + sseOf(`{"interaction":{"id":"i","status":"completed"}}`), true, "", reading(tokenizer.Reading{}, "i", "", "completed")},
	{"interaction's error", acts, tokenizer.SSE, sseOf(`{"event_type":"error","error":{"code":"x"}}`, `[DONE]`), true, "", tokenizer.Reading{Error: true}},
}

func meterOf(a answer, end tokenizer.End, cuts ...int) (r tokenizer.Reading, complete bool) {
	m := New().NewMeter(a.call, tokenizer.Answer{Status: 200, Form: a.form, Head: tokenizer.NoHead{}})
	at := 0
	for _, c := range append(cuts, len(a.body)) {
		p := []byte(a.body[at:c])
		complete = m.Feed(p)
		for i := range p { // nothing may be kept of a piece
			p[i] = '!'
		}
		at = c
	}
	return m.Close(end), complete
}

// check compares, with the usage apart: its classes, and its model.
func check(t *testing.T, a answer, cuts ...int) {
	t.Helper()
	got, complete := meterOf(a, tokenizer.Complete, cuts...)
	usage := ""
	for i := range got.Usage {
		b, err := json.Marshal(&got.Usage[i])
		if err != nil {
			t.Fatal(err)
		}
		usage += string(b)
		if got.Usage[i].Model != got.Model {
			t.Errorf("%s: usage of model %q", a.name, got.Usage[i].Model)
		}
	}
	got.Usage = nil
	if string(got.Text) != string(a.want.Text) {
		t.Fatalf("%s at %v: text %q", a.name, cuts, got.Text)
	}
	got.Text, a.want.Text = nil, nil
	if usage != a.usage || !reflect.DeepEqual(got, a.want) || complete != a.complete {
		t.Fatalf("%s at %v:\n got %+v %s, complete %v\nwant %+v %s, complete %v", a.name, cuts, got, usage, complete, a.want, a.usage, a.complete)
	}
}

func everyCut(t *testing.T, all []answer) {
	t.Helper()
	for _, a := range all {
		every := make([]int, len(a.body))
		for i := range every {
			every[i] = i
			check(t, a, i)
		}
		check(t, a, every...)
	}
}

func TestMeterEveryCut(t *testing.T) { everyCut(t, answers) }

func FuzzMeter(f *testing.F) {
	operations := []string{content, embeddings, images, video, interactions, batch, batchFile, cache, uncache}
	for i, a := range append(answers, works...) {
		f.Add(a.body, uint8(a.form), uint8(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, body string, form, operation uint8, seed uint64) {
		a := answer{form: tokenizer.Form(form % uint8(tokenizer.NDJSON+1)), body: body}
		a.call = tokenizer.Call{Operation: operations[int(operation)%len(operations)], Choices: 1}
		if seed%2 == 0 {
			a.call.Of = "x"
		}
		rnd := rand.New(rand.NewPCG(seed, 1))
		var cuts []int
		for at := 0; at < len(body); at += 1 + rnd.IntN(1+rnd.IntN(40)) {
			cuts = append(cuts, at)
		}
		whole, wholeEnd := meterOf(a, tokenizer.Cut)
		pieces, piecesEnd := meterOf(a, tokenizer.Cut, cuts...)
		if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", pieces) || wholeEnd != piecesEnd {
			t.Fatalf("%q at %v:\n%+v %v\n%+v %v", body, cuts, whole, wholeEnd, pieces, piecesEnd)
		}
	})
}

func TestSource(t *testing.T) {
	open := sseOf(`{"candidates":[{"content":{"parts":[{"text":"x"}]}}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}`)
	finished := open + sseOf(`{"candidates":[{"finishReason":"STOP"}]}`)
	for _, c := range []struct {
		call tokenizer.Call
		body string
		end  tokenizer.End
		want tokenizer.Source
	}{
		{asks, open, tokenizer.Cut, tokenizer.Partial},
		{asks, open, tokenizer.Complete, tokenizer.Reported},
		{asks, finished, tokenizer.Cut, tokenizer.Reported},
		{acts, sseOf(`{"interaction":{"status":"in_progress","usage":{"total_output_tokens":3}}}`), tokenizer.Cut, tokenizer.Partial},
		{acts, sseOf(`{"interaction":{"status":"completed","usage":{"total_output_tokens":3}}}`), tokenizer.Cut, tokenizer.Reported},
	} {
		r, _ := meterOf(answer{call: c.call, form: tokenizer.SSE, body: c.body}, c.end)
		if len(r.Usage) != 1 || r.Usage[0].Source(tokenizer.Output) != c.want {
			t.Errorf("%q %v: %+v", c.body, c.end, r.Usage)
		}
	}
	r, _ := meterOf(answer{call: tokenizer.Call{Operation: video, Seconds: 8}, body: `{"name":"o"}`}, tokenizer.Complete)
	if r.Usage[0].Source(tokenizer.VideoSeconds) != tokenizer.Estimated {
		t.Errorf("%+v", r.Usage)
	}
}

func TestTierOfHeader(t *testing.T) {
	m := New().NewMeter(asks, tokenizer.Answer{Form: tokenizer.JSON, Head: heads{tierHeader: "flex"}})
	m.Feed([]byte(`{"usageMetadata":{"promptTokenCount":3}}`))
	if r := m.Close(tokenizer.Complete); r.Tier != "flex" {
		t.Errorf("%q", r.Tier)
	}
}

func TestTierName(t *testing.T) {
	for said, want := range map[string]string{
		"standard": "standard", "SERVICE_TIER_PRIORITY": "priority", "FLEX": "flex", "ON_DEMAND": "standard", "ON_DEMAND_FLEX": "flex", "PROVISIONED_THROUGHPUT": "provisioned",
		"1": "standard", "2": "provisioned", "3": "priority", "4": "flex", "0": "", "TRAFFIC_TYPE_UNSPECIFIED": "", "SERVICE_TIER_UNSPECIFIED": "", "": "", "New": "new",
	} {
		if got := tierName(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// TestCutIsNotUnreadable: what was cut short is not wrong.
func TestCutIsNotUnreadable(t *testing.T) {
	for _, a := range []answer{{call: asks, body: `{"responseId":"x","cand`}, {call: asks, form: tokenizer.SSE, body: `data: {"responseId":"x","cand`}} {
		for end, want := range map[tokenizer.End]int{tokenizer.Cut: 0, tokenizer.Complete: 1} {
			if r, _ := meterOf(a, end); r.Unreadable != want || r.ResponseID != "x" {
				t.Errorf("%s %v: %+v", a.body, end, r)
			}
		}
	}
}

func TestMeterAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		call  tokenizer.Call
		chunk string
	}{
		{asks, `{"candidates":[{"content":{"parts":[{"text":"Hel"},{"functionCall":{"name":"f","args":{"a":1}}}]}}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":4},"modelVersion":"m-1","responseId":"r1"}`},
		{acts, `{"index":1,"delta":{"text":"Hel","type":"text"},"event_type":"step.delta"}`},
	} {
		m := New().NewMeter(c.call, tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
		chunk := []byte(sseOf(c.chunk))
		for range tokenizer.TextKept / 3 { // until the text no longer grows
			m.Feed(chunk)
		}
		m.Feed(chunk[:60])
		m.Feed(chunk[60:])
		n := testing.AllocsPerRun(100, func() {
			m.Feed(chunk)
			m.Feed(chunk[:60])
			m.Feed(chunk[60:])
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a chunk", c.call.Operation, n)
		}
	}
}

func BenchmarkMeter(b *testing.B) {
	chunk := []byte(sseOf(`{"candidates":[{"content":{"parts":[{"text":" the"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":20,"totalTokenCount":50,"promptTokensDetails":[{"modality":"TEXT","tokenCount":30}]},"modelVersion":"gemini-2.5-flash","responseId":"abcdefghijklmnop"}`))
	end := []byte(sseOf(`{"candidates":[{"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":30,"candidatesTokenCount":400,"totalTokenCount":430},"modelVersion":"gemini-2.5-flash"}`))
	d := New()
	b.SetBytes(int64(200*len(chunk) + len(end)))
	b.ReportAllocs()
	for b.Loop() {
		m := d.NewMeter(asks, tokenizer.Answer{Form: tokenizer.SSE, Head: tokenizer.NoHead{}})
		for range 200 {
			m.Feed(chunk)
		}
		if !m.Feed(end) || len(m.Close(tokenizer.Complete).Usage) != 1 {
			b.Fatal("not read")
		}
	}
}
