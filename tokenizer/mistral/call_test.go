package mistral

import (
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

const vertexPath = "/v1/projects/p-1/locations/europe-west4/publishers/mistralai/models/"

func TestMatch(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/chat/completions": chat, "/a/b/v1/chat/completions/": chat, "/v1/agents/completions": agents, "/v1/fim/completions": fim, "/v1/completions": "",
		"/v1/conversations": conversations, "/v1/conversations/conv_1": conversations, "/v1/conversations/conv_1/restart": conversations,
		"/v1/conversations/conv_1/history": "", "/v1/conversationsx": "", "/v1/conversations/": conversations, "/v1/conversations//restart": "",
		"/v1/embeddings": embeddings, "/v1/moderations": moderations, "/v1/chat/moderations": moderations, "/v1/classifications": classifications,
		"/v1/chat/classifications": classifications, "/v1/ocr": ocr, "/providers/mistral/azure/ocr": ocr, "/ocr": "",
		"/v1/audio/transcriptions": transcription, "/v1/audio/speech": speech, "/v1/audio/voices": "",
		"/v1/batch/jobs": batch, "/v1/batch/jobs/b-1/cancel": batch, "/v1/batch/jobs/b-1": "", "/v1/batch/jobsx": "", "/v1/batch/jobs/b-1/results": "",
		vertexPath + "m:rawPredict": chat, vertexPath + "m:streamRawPredict": chat, vertexPath + "m:predict": "",
		strings.Replace(vertexPath, "mistralai", "anthropic", 1) + "m:rawPredict": "",
		"/v1/responses": "", "/v1/models": "", "/v1/files": "", "": "",
	} {
		if got, ok := New().Match("POST", path); ok != (want != "") || ok && got != want {
			t.Errorf("POST %s: %q, %v, want %q", path, got, ok, want)
		}
	}
	for path, want := range map[string]bool{
		"/v1/batch/jobs/b-1": true, "/v1/batch/jobs": false, "/v1/batch/jobs/b-1/cancel": false, "/v1/chat/completions": false, "/v1/conversations/conv_1": false,
		"/v1/files/f-9/content": true, "/v1/files/f-9": false, "/v1/files//content": false, "/v1/files/f-9/url": false,
	} {
		if _, ok := New().Match("GET", path); ok != want {
			t.Errorf("GET %s: %v", path, ok)
		}
	}
}

// What costs nothing elsewhere is taken at home only.
func TestFind(t *testing.T) {
	for _, path := range []string{"/v1/conversations", "/v1/moderations", "/v1/classifications", "/v1/batch/jobs"} {
		for provider, want := range map[string]bool{Name: true, "openai": false, "": false} {
			if _, _, ok := tokenizer.Find([]tokenizer.Dialect{New()}, provider, "POST", path); ok != want {
				t.Errorf("%s at %q: %v", path, provider, ok)
			}
		}
	}
	if _, _, ok := tokenizer.Find([]tokenizer.Dialect{New()}, "azure", "POST", "/providers/mistral/azure/ocr"); !ok {
		t.Error("documents are read at home only")
	}
}

func TestOther(t *testing.T) {
	for path, free := range map[string]bool{
		"/v1/files": true, "/v1/agents": true, "/v1/agents/ag-1/version": true, "/v1/libraries": true, "/v1/libraries/l-1/documents": false,
		"/v1/libraries/l-1/documents/d-1/reprocess": false, "/v1/fine_tuning/jobs": false, "/v1/fine_tuning/jobs/j-1/start": false, "/v1/fine_tuning/jobs/j-1/cancel": true,
		"/v1/fine_tuning/models/m-1/archive": true, "/v1/responses/input_tokens": true, "/v1/audio/voices": true, "/v1/audio/sessions": false,
		"/v1/connectors": true, "/v1/connectors/c-1/tools/t/call": false, "/v1/observability/traces/search": true, "/v1/observability/judges/j-1/live-judging": false,
	} {
		if _, costless, ok := New().Other("POST", path); !ok || costless != free {
			t.Errorf("%s: free %v, %v", path, costless, ok)
		}
	}
}

type asked struct {
	op, path, body string
	want           tokenizer.Call
}

var askedFor = []asked{
	{chat, "", `{"model":"m","stream":true,"max_tokens":7,"n":2,"service_tier":"auto","messages":[{"role":"system","content":"12345"},{"role":"user","content":[
		{"type":"text","text":"12"},{"type":"image_url","image_url":"data:AA"}]}],"tools":[{"b":2}]}`,
		tokenizer.Call{Operation: chat, Model: "m", Tier: "auto", Stream: true, MaxOutput: 7, Choices: 2, Shares: tokenizer.Shares{System: 5, Last: 2, Media: 7, Tools: 9}}},
	{agents, "", `{"agent_id":"ag_1","messages":[{"role":"user","content":"123"}]}`,
		tokenizer.Call{Operation: agents, Model: "ag_1", Shares: tokenizer.Shares{Last: 3}}},
	{fim, "", `{"model":"c","prompt":"12345","suffix":"123","stream":true,"max_tokens":9}`,
		tokenizer.Call{Operation: fim, Model: "c", Stream: true, MaxOutput: 9, Shares: tokenizer.Shares{Last: 8}}},
	{conversations, "/v1/conversations", `{"model":"m","stream":true,"instructions":"1234","inputs":"123","tools":[{"b":2}],"completion_args":{"temperature":0.1,"max_tokens":5}}`,
		tokenizer.Call{Operation: conversations, Model: "m", Stream: true, MaxOutput: 5, Shares: tokenizer.Shares{System: 4, Last: 3, Tools: 9}}},
	{conversations, "/v1/conversations/c/restart", `{"agent_id":"ag_1","inputs":[{"role":"user","content":"1"},{"type":"message.output","content":[{"type":"text","text":"12"},
		{"type":"thinking","thinking":[{"t":1}]}]},{"type":"function.call","arguments":"123"},{"type":"tool.execution","arguments":{"a":1}},
		{"type":"function.result","result":"1234"},{"role":"user","content":[{"type":"text","text":"12"},{"type":"document_url","document_url":"data:A"},{"type":"image_url","image_url":{"url":"A"}}]}]}`,
		tokenizer.Call{Operation: conversations, Model: "ag_1", Shares: tokenizer.Shares{History: 1 + 2 + 9 + 3 + 7, Last: 4 + 2, Media: 6 + 11}}},
	{embeddings, "", `{"model":"e","input":["12","3"],"stream":true}`, tokenizer.Call{Operation: embeddings, Model: "e", Shares: tokenizer.Shares{Last: 3}}},
	{moderations, "", `{"model":"g","input":["12","345"]}`, tokenizer.Call{Operation: moderations, Model: "g", Shares: tokenizer.Shares{Last: 5}}},
	{moderations, "", `{"model":"g","input":[[{"role":"user","content":"12"},{"role":"assistant","content":"123"}],[{"role":"user","content":"1"}]]}`,
		tokenizer.Call{Operation: moderations, Model: "g", Shares: tokenizer.Shares{History: 5, Last: 1}}},
	{classifications, "", `{"model":"k","input":{"messages":[{"role":"user","content":"1234"}]}}`, tokenizer.Call{Operation: classifications, Model: "k", Shares: tokenizer.Shares{Last: 4}}},
	{ocr, "", `{"model":"o","document":{"type":"document_url","document_url":"data:AA"},"document_annotation_format":null}`,
		tokenizer.Call{Operation: ocr, Model: "o", Shares: tokenizer.Shares{Media: 48}}},
	{ocr, "", `{"model":"o","document":{"a":1},"bbox_annotation_format":{"type":"json_schema"},"document_annotation_prompt":"12"}`,
		tokenizer.Call{Operation: ocr, Model: "o", Quality: annotated, Shares: tokenizer.Shares{Media: 7, Last: 2}}},
	{speech, "", `{"model":"s","input":"h\u00e9llo","voice_id":"v"}`, tokenizer.Call{Operation: speech, Model: "s", Characters: 5, Shares: tokenizer.Shares{Last: 10}}},
	{batch, "/v1/batch/jobs", `{"model":"m","endpoint":"/v1/chat/completions","requests":[{"custom_id":"0","body":{"max_tokens":4,"messages":[{"role":"user","content":"12"}]}},
		{"body":{"max_tokens":7,"messages":[{"role":"user","content":"345"}]}}]}`,
		tokenizer.Call{Operation: batch, Model: "m", Tier: batch, MaxOutput: 6, Choices: 2, Shares: tokenizer.Shares{Last: 5}}},
	{batch, "/v1/batch/jobs", `{"endpoint":"/v1/ocr","requests":[{"body":{"model":"o","document":{"a":1}}}]}`,
		tokenizer.Call{Operation: batch, Model: "o", Tier: batch, Shares: tokenizer.Shares{Media: 7}}},
	{batch, "/v1/batch/jobs", `{"endpoint":"/v1/batch/jobs","input_files":["f"],"requests":[{"body":{"requests":[{"body":{}}]}}]}`, tokenizer.Call{Operation: batch, Tier: batch}},
	{batch, "/v1/batch/jobs/b-1", ``, tokenizer.Call{Operation: batch, Of: "b-1"}},
	{batch, "/v1/batch/jobs/b-1/cancel", ``, tokenizer.Call{Operation: batch, Of: "b-1"}},
	{batchResults, "/v1/files/f-9/content", ``, tokenizer.Call{Operation: batchResults, Of: "f-9", Results: true}},
	{chat, vertexPath + "mistral-ferry:streamRawPredict", `{"model":"other","messages":[{"role":"user","content":"12"}]}`,
		tokenizer.Call{Operation: chat, Model: "mistral-ferry", Account: "p-1", Region: "europe-west4", Stream: true, Shares: tokenizer.Shares{Last: 2}}},
	{chat, vertexPath + "codestral-ferry:rawPredict", `{"prompt":"12","suffix":"3"}`,
		tokenizer.Call{Operation: fim, Model: "codestral-ferry", Account: "p-1", Region: "europe-west4", Shares: tokenizer.Shares{Last: 3}}},
	{chat, vertexPath + "mistral-ocr-ferry:rawPredict", `{"document":{"a":1}}`,
		tokenizer.Call{Operation: ocr, Model: "mistral-ocr-ferry", Account: "p-1", Region: "europe-west4", Shares: tokenizer.Shares{Media: 7}}},
}

func TestRead(t *testing.T) {
	for _, c := range askedFor {
		c.want.Dialect, c.want.Choices = Name, max(c.want.Choices, 1)
		if got, err := New().Read(c.op, c.path, tokenizer.NoHead{}, []byte(c.body)); err != nil || got != c.want {
			t.Errorf("%s\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
	for _, op := range []string{chat, agents, fim, conversations, moderations, ocr, batch} {
		for _, body := range []string{"", "[]", `{"model":"secret"`, `"secret"`} {
			call, err := New().Read(op, "", tokenizer.NoHead{}, []byte(body))
			if err == nil || strings.Contains(err.Error(), "secret") || call.Dialect != Name || call.Operation != op {
				t.Errorf("%s of %s: %+v, %v", op, body, call, err)
			}
		}
	}
}

// At Vertex AI a body that is not known leaves the model to tell.
func TestReadOnVertexWithoutABody(t *testing.T) {
	for model, want := range map[string]string{"mistral-ocr-ferry": ocr, "mistral-ferry": chat} {
		if call, err := New().Read(chat, vertexPath+model+":rawPredict", tokenizer.NoHead{}, []byte("{}")); err != nil || call.Operation != want {
			t.Errorf("%s: %+v, %v", model, call, err)
		}
	}
}

type header map[string]string

func (h header) Header(name string) string { return h[name] }

func TestReadOfSound(t *testing.T) {
	const body = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nv\r\n--b\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n" +
		"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n123456\r\n--b--\r\n"
	call, err := New().Read(transcription, "", header{"content-type": "multipart/form-data; boundary=b"}, []byte(body))
	want := tokenizer.Call{Dialect: Name, Operation: transcription, Model: "v", Stream: true, Choices: 1, Shares: tokenizer.Shares{Media: 6}}
	if err != nil || call != want {
		t.Errorf("%+v, %v, want %+v", call, err, want)
	}
}

func TestInputs(t *testing.T) {
	var got []string
	New().Inputs(tokenizer.Call{Operation: embeddings}, []byte(`{"input":["a","b"]}`), func(in []byte) bool { got = append(got, string(in)); return true })
	if want := []string{`"a"`, `"b"`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range askedFor {
		f.Add(c.path, c.body)
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		for _, op := range []string{chat, agents, fim, conversations, moderations, classifications, ocr, speech, batch} {
			call, err := New().Read(op, path, tokenizer.NoHead{}, []byte(body))
			s := call.Shares
			if call.Dialect != Name || call.Choices < 1 || min(s.System, s.History, s.Last, s.Tools, s.Media, call.MaxOutput, call.Characters) < 0 {
				t.Fatalf("%s of %q: %+v, %v", op, body, call, err)
			}
		}
	})
}
