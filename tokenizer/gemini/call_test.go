package gemini

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// heads are headers of a test.
type heads map[string]string

func (h heads) Header(name string) string { return h[name] }

const (
	modelPath  = "/v1beta/models/gemini-2.5-flash"
	vertexPath = "/v1/projects/p-1/locations/us-central1/publishers/google/models/"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", modelPath + ":generateContent", content},
		{"POST", modelPath + ":streamGenerateContent", content},
		{"POST", "/gateway/google/v1alpha/models/m:generateContent/", content},
		{"POST", "/v1beta/tunedModels/t-1:generateContent", content},
		{"POST", vertexPath + "gemini-2.5-pro:streamGenerateContent", content},
		{"POST", "/v1beta1/projects/p/locations/l/endpoints/7:generateContent", content},
		{"POST", "/v1/publishers/google/models/m:generateContent", content},
		{"POST", modelPath + ":embedContent", embeddings},
		{"POST", modelPath + ":batchEmbedContents", embeddings},
		{"POST", vertexPath + "text-embedding-005:predict", embeddings},
		{"POST", vertexPath + "imagen-4.0-generate-001:predict", images},
		{"POST", "/v1beta/models/imagen-4.0-generate-001:predict", images},
		{"POST", "/v1beta/models/veo-3.1-generate-preview:predictLongRunning", video},
		{"POST", modelPath + ":batchGenerateContent", batch},
		{"POST", modelPath + ":asyncBatchEmbedContent", batch},
		{"GET", "/v1beta/batches/b-1", batch},
		{"GET", "/v1/batches/b-1", ""},
		{"GET", "/v1beta/batches", ""},
		{"POST", "/v1beta/batches/b-1:cancel", ""},
		{"GET", "/download/v1beta/files/batch-1:download", batchFile},
		{"GET", "/download/v1beta/files/abc:download", ""},
		{"POST", "/v1beta/interactions", interactions},
		{"GET", "/v1beta/interactions", ""},
		{"GET", "/v1beta/interactions/v1_x", interactions},
		{"POST", "/v1beta/interactions/v1_x/cancel", interactions},
		{"DELETE", "/v1beta/interactions/v1_x", ""},
		{"POST", "/v1beta/cachedContents", cache},
		{"GET", "/v1beta/cachedContents", ""},
		{"GET", "/v1beta/cachedContents/c-1", cache},
		{"PATCH", "/v1/projects/p/locations/l/cachedContents/7", cache},
		{"DELETE", "/v1beta/cachedContents/c-1", uncache},
		{"PUT", "/v1beta/cachedContents/c-1", ""},
		{"POST", modelPath + ":countTokens", ""},
		{"POST", modelPath + ":computeTokens", ""},
		{"GET", modelPath + ":generateContent", ""},
		{"GET", modelPath, ""},
		{"POST", modelPath, ""},
		{"POST", "/v1/projects/p/locations/l/publishers/anthropic/models/c:predict", ""},
		{"POST", "/v1/projects/p/locations/l/endpoints/7:predict", ""},
		{"POST", "/v1beta/models/:generateContent", ""},
		{"POST", "/v1/chat/completions", ""},
		{"POST", "/models:generateContent", ""},
		{"POST", "generateContent", ""},
		{"POST", "/cancel", ""},
		{"POST", "", ""},
	} {
		if got, ok := New().Match(c.method, c.path); got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s: %q, %v, want %q", c.method, c.path, got, ok, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       tokenizer.Call
	}{
		{modelPath + ":generateContent", `{"contents":[{"parts":[{"text":"hello"}]}]}`,
			tokenizer.Call{Model: "gemini-2.5-flash", Shares: tokenizer.Shares{Last: 5}}},
		{modelPath + ":streamGenerateContent", `{"generationConfig":{"maxOutputTokens":"9","candidateCount":"3","imageConfig":{"imageSize":"2K"}},"serviceTier":"SERVICE_TIER_FLEX"}`,
			tokenizer.Call{Model: "gemini-2.5-flash", Stream: true, MaxOutput: 9, Choices: 3, Tier: "flex", Size: "2K"}},
		{modelPath + ":generateContent", `{"generation_config":{"max_output_tokens":1e2,"candidate_count":-1},"service_tier":"priority","contents":{"parts":{"text":"ab"}}}`,
			tokenizer.Call{Model: "gemini-2.5-flash", MaxOutput: 100, Tier: "priority", Shares: tokenizer.Shares{Last: 2}}},
		{vertexPath + "gemini-2.5-pro:generateContent", `{"system_instruction":{"parts":[{"text":"123"}]},"tools":[{"googleSearch":{}}],"contents":[
			{"role":"user","parts":[{"text":"12345"}]},
			{"role":"model","parts":[{"text":"12"},{"functionCall":{"name":"f"}}]},
			{"role":"user","parts":[{"functionResponse":{"r":1}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"file_data":{"file_uri":"gs://b"}}]}]}`,
			tokenizer.Call{Model: "gemini-2.5-pro", Region: "us-central1", Account: "p-1",
				Shares: tokenizer.Shares{System: 3, History: 5 + 2 + 12, Last: 7, Tools: 21, Media: 10}}},
		{modelPath + ":generateContent", `{"systemInstruction":"be","contents":[{"role":"user","parts":[{"text":"12"}]},{"role":"model","parts":[{"text":"123"}]}]}`,
			tokenizer.Call{Model: "gemini-2.5-flash", Shares: tokenizer.Shares{System: 2, History: 2, Last: 3}}},
		{modelPath + ":embedContent", `{"content":{"parts":[{"text":"abc"}]},"generationConfig":{"maxOutputTokens":5}}`,
			tokenizer.Call{Model: "gemini-2.5-flash", Shares: tokenizer.Shares{Last: 3}}},
		{modelPath + ":batchEmbedContents", `{"requests":[{"model":"models/m","content":{"parts":[{"text":"abc"}]}},{"content":{"parts":[{"text":"d"}]}}]}`,
			tokenizer.Call{Model: "gemini-2.5-flash", Choices: 2, Shares: tokenizer.Shares{Last: 4}}},
		{vertexPath + "text-embedding-005:predict", `{"instances":[{"content":"abc"},{"content":"de"}]}`,
			tokenizer.Call{Model: "text-embedding-005", Region: "us-central1", Account: "p-1", Shares: tokenizer.Shares{Last: 5}}},
		{"/v1beta/models/imagen-4:predict", `{"instances":[{"prompt":"a cat","image":{"bytesBase64Encoded":"AAAA"}}],"parameters":{"sampleCount":2,"sampleImageSize":"1K"}}`,
			tokenizer.Call{Model: "imagen-4", Choices: 2, Size: "1K", Shares: tokenizer.Shares{Last: 5, Media: 4}}},
		{"/v1beta/models/veo-3:predictLongRunning", `{"instances":[{"prompt":"a cat"}],"parameters":{"durationSeconds":"x","sampleCount":2,"resolution":"1080p"}}`,
			tokenizer.Call{Model: "veo-3", Seconds: 16, Size: "1080p", Shares: tokenizer.Shares{Last: 5}}},
		{"/v1beta/models/veo-3:predictLongRunning", `{"parameters":{"durationSeconds":4}}`, tokenizer.Call{Model: "veo-3", Seconds: 4}},
		{modelPath + ":batchGenerateContent", `{"batch":{"displayName":"x","inputConfig":{"requests":{"requests":[
			{"request":{"contents":[{"parts":[{"text":"abc"}]}],"generation_config":{"maxOutputTokens":7}},"metadata":{"key":"1"}},
			{"request":{"contents":[{"parts":[{"text":"de"}]}],"batch":{"requests":[{"contents":[{"parts":[{"text":"no"}]}]}]}}}]}}}}`,
			tokenizer.Call{Model: "gemini-2.5-flash", Choices: 2, MaxOutput: 7, Tier: "batch", Shares: tokenizer.Shares{Last: 5}}},
		{"/v1beta/cachedContents", `{"model":"models/gemini-2.5-pro","contents":[{"role":"user","parts":[{"text":"abc"}]}],"ttl":"600s"}`,
			tokenizer.Call{Model: "gemini-2.5-pro", Shares: tokenizer.Shares{Last: 3}}},
		{"/v1beta/interactions", `{"model":"gemini-3-pro","input":"hello","system_instruction":"be","stream":true,"generation_config":{"max_output_tokens":5},"tools":[{"type":"x"}],"service_tier":"flex"}`,
			tokenizer.Call{Model: "gemini-3-pro", Stream: true, MaxOutput: 5, Tier: "flex", Shares: tokenizer.Shares{System: 2, Last: 5, Tools: 14}}},
		{"/v1beta/interactions", `{"agent":"deep-research","input":[{"type":"user_input","content":[{"type":"text","text":"12"},{"type":"image","data":"AAA"}]},
			{"type":"thought","summary":[{"type":"text","text":"1"}]},{"type":"function_call","name":"f","arguments":{"a":1}},{"type":"function_result","result":"1234"}]}`,
			tokenizer.Call{Model: "deep-research", Shares: tokenizer.Shares{History: 2 + 1 + 7, Last: 4, Media: 3}}},
		{"/v1beta/interactions", `{"model":"m","input":{"type":"text","text":"abc"}}`, tokenizer.Call{Model: "m", Shares: tokenizer.Shares{Last: 3}}},
		{"/v1beta/interactions", `{"model":"m","input":[{"role":"user","content":"ab"},{"role":"model","content":{"type":"text","text":"c"}},{"role":"user","content":"d"}]}`,
			tokenizer.Call{Model: "m", Shares: tokenizer.Shares{History: 3, Last: 1}}},
		{"/v1beta/interactions/v1_x", ``, tokenizer.Call{Of: "v1_x"}},
		{"/v1beta/interactions/v1_x/cancel", `{}`, tokenizer.Call{Of: "v1_x"}},
		{"/v1beta/batches/b-1", ``, tokenizer.Call{Of: "batches/b-1"}},
		{"/download/v1beta/files/batch-1:download", ``, tokenizer.Call{Of: "files/batch-1", Results: true}},
		{"/v1/projects/p-1/locations/l-1/cachedContents/7", `{"ttl":"5s"}`, tokenizer.Call{Of: "cachedContents/7", Account: "p-1", Region: "l-1"}},
	} {
		op, ok := match(c.path)
		if !ok {
			t.Errorf("%s: not matched", c.path)
		}
		c.want.Dialect, c.want.Operation, c.want.Choices = Name, op, max(c.want.Choices, 1)
		body := []byte(c.body)
		got, err := New().Read(op, c.path, tokenizer.NoHead{}, body)
		for i := range body { // the call must not change with the body
			body[i] = '#'
		}
		if err != nil || got != c.want {
			t.Errorf("%s %s\n got %+v, %v\nwant %+v", c.path, c.body, got, err, c.want)
		}
	}
}

// match finds the operation of a path, whatever its method.
func match(path string) (operation string, ok bool) {
	for _, method := range []string{"POST", "GET", "PATCH"} {
		if operation, ok = New().Match(method, path); ok {
			return operation, true
		}
	}
	return "", false
}

func TestAskedTier(t *testing.T) {
	for _, c := range []struct {
		head heads
		want string
	}{
		{heads{sharedTypeHeader: "priority"}, "priority"},
		{heads{sharedTypeHeader: "flex", typeHeader: "shared"}, "flex"},
		{heads{typeHeader: "dedicated"}, provisioned},
		{heads{typeHeader: "shared"}, ""},
		{heads{}, ""},
	} {
		got, err := New().Read(content, vertexPath+"m:generateContent", c.head, []byte(`{}`))
		if err != nil || got.Tier != c.want {
			t.Errorf("%v: %q, %v", c.head, got.Tier, err)
		}
	}
}

func TestReadMalformed(t *testing.T) {
	for _, body := range []string{"", "[]", `"secret"`, `{"model":"secret"`, `{"contents":"secret",}`, `{"a":"secret}`, `secret`, `{}secret`} {
		call, err := New().Read(content, modelPath+":streamGenerateContent", tokenizer.NoHead{}, []byte(body))
		if !errors.Is(err, jsonscan.ErrMalformed) {
			t.Fatalf("%s: %v", body, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the body: %v", body, err)
		}
		if call != (tokenizer.Call{Dialect: Name, Operation: content, Model: "gemini-2.5-flash", Stream: true, Choices: 1}) {
			t.Errorf("%s: %+v", body, call)
		}
	}
}

// TestReadIsBounded: neither depth nor numbers take a request far.
func TestReadIsBounded(t *testing.T) {
	deep := `{"batch":` + strings.Repeat(`{"requests":`, 1<<18) + `[{"contents":[]}]` + strings.Repeat("}", 1<<18) + `}`
	if call, err := New().Read(batch, modelPath+":batchGenerateContent", tokenizer.NoHead{}, []byte(deep)); err != nil || call.Choices != 1 {
		t.Errorf("%+v, %v", call, err)
	}
	huge := `{"generationConfig":{"candidateCount":1e15},"parameters":{"sampleCount":1e15,"durationSeconds":1e15}}`
	for _, op := range []string{content, images, video} {
		call, err := New().Read(op, modelPath+":x", tokenizer.NoHead{}, []byte(huge))
		if err != nil || call.Choices < 1 || call.Choices > maxChoices || call.Seconds < 0 || call.Seconds > maxChoices*maxSeconds {
			t.Errorf("%+v, %v", call, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"contents":[{"role":"model","parts":[{"text":"x"},{"inlineData":{"data":"AA"}}]}],"tools":[{}],"generationConfig":{"maxOutputTokens":3}}`)
	f.Add(`{"batch":{"inputConfig":{"requests":{"requests":[{"request":{"contents":[{}]}}]}}}}`)
	f.Add(`{"input":[{"type":"thought","summary":[]},{"content":"x"}],"stream":true}`)
	f.Add(`{"instances":[{"prompt":"x"}],"parameters":{"sampleCount":4,"durationSeconds":9}}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, op := range []string{content, embeddings, images, video, interactions, batch, cache} {
			call, err := New().Read(op, "/v1beta/models/m:x", tokenizer.NoHead{}, []byte(body))
			s := call.Shares
			if call.Choices < 1 || min(s.System, s.History, s.Last, s.Tools, s.Media, call.MaxOutput, call.Seconds) < 0 {
				t.Fatalf("%q: %+v", body, call)
			}
			if s.System+s.History+s.Last+s.Tools+s.Media > int64(len(body)) {
				t.Fatalf("%q: more shares than bytes: %+v", body, s)
			}
			if err == nil && (len(body) == 0 || json.Valid([]byte(body)) && strings.TrimSpace(body)[0] != '{') {
				t.Fatalf("%q was read", body)
			}
		}
	})
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		status int
		want   string
	}{
		{400, "INVALID_ARGUMENT"},
		{401, "UNAUTHENTICATED"},
		{403, "PERMISSION_DENIED"},
		{404, "NOT_FOUND"},
		{409, "ABORTED"},
		{413, "INVALID_ARGUMENT"},
		{429, "RESOURCE_EXHAUSTED"},
		{499, "CANCELLED"},
		{500, "INTERNAL"},
		{501, "UNIMPLEMENTED"},
		{503, "UNAVAILABLE"},
		{504, "DEADLINE_EXCEEDED"},
	} {
		var got struct {
			Error struct {
				Code            int
				Message, Status string
				Details         []struct{ Reason, Domain string }
			}
		}
		if err := json.Unmarshal(New().Refuse(c.status, "budget_exhausted", `no "more"`), &got); err != nil {
			t.Fatal(err)
		}
		if e := got.Error; e.Code != c.status || e.Message != `no "more"` || e.Status != c.want || e.Details[0].Reason != "BUDGET_EXHAUSTED" {
			t.Errorf("%d: %+v", c.status, e)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	body := []byte(`{"generationConfig":{"maxOutputTokens":100},"contents":[{"role":"user","parts":[{"text":"` +
		strings.Repeat(`Some text with a \"quote\" and a line end.\n`, 2300) + `"}]}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	d := New()
	for b.Loop() {
		if _, err := d.Read(content, modelPath+":generateContent", tokenizer.NoHead{}, body); err != nil {
			b.Fatal(err)
		}
	}
}
