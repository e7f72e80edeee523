package openai

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

type head map[string]string

func (h head) Header(name string) string { return h[name] }

func TestEarlierWork(t *testing.T) {
	for _, c := range []struct{ method, path, operation, of string }{
		{"GET", "/v1/responses/resp_1", responses, "resp_1"},
		{"POST", "/openai/v1/responses/resp_1/cancel", responses, "resp_1"},
		{"GET", "/v1/batches/batch_1/", batch, "batch_1"},
		{"POST", "/v1/batches/batch_1/cancel", batch, "batch_1"},
		{"GET", "/v1/responses/resp_1/input_items", "", ""},
		{"GET", "/v1/responses", "", ""},
		{"DELETE", "/v1/responses/resp_1", "", ""},
		{"POST", "/v1/responses/input_tokens", "", ""},
	} {
		operation, ok := New().Match(c.method, c.path)
		if operation != c.operation || ok != (c.operation != "") {
			t.Errorf("%s %s: %q, %v", c.method, c.path, operation, ok)
		}
		if !ok {
			continue
		}
		call, err := New().Read(operation, c.path, tokenizer.NoHead{}, nil)
		if err != nil || call.Of != c.of {
			t.Errorf("%s %s: %+v, %v", c.method, c.path, call, err)
		}
	}
}

func TestReadMedia(t *testing.T) {
	form := "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-1\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n" + strings.Repeat("x", 2000) + "\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNGPNG\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"quality\"\r\n\r\nhigh\r\n--b--\r\n"
	multi := head{"content-type": "multipart/form-data; boundary=b"}
	for _, c := range []struct {
		op, body string
		head     tokenizer.Head
		want     tokenizer.Call
	}{
		{images, `{"model":"dall-e-3","prompt":"12345","n":3,"size":"1024x1024","quality":"hd"}`, tokenizer.NoHead{},
			tokenizer.Call{Model: "dall-e-3", Choices: 3, Size: "1024x1024", Quality: "hd", Shares: tokenizer.Shares{Last: 5}}},
		{images, form, multi, tokenizer.Call{Model: "gpt-image-1", Choices: 2, Quality: "high", Shares: tokenizer.Shares{Last: 2000, Media: 6}}},
		{speech, `{"model":"tts-1","input":"h\u00e9llo \ud83d\ude00","voice":"alloy"}`, tokenizer.NoHead{}, tokenizer.Call{Model: "tts-1", Choices: 1, Characters: 7, Shares: tokenizer.Shares{Last: 23}}},
		{batch, `{"input_file_id":"file-1","endpoint":"/v1/responses"}`, tokenizer.NoHead{}, tokenizer.Call{Choices: 1}},
	} {
		c.want.Dialect, c.want.Operation = Name, c.op
		if got, err := New().Read(c.op, "", c.head, []byte(c.body)); err != nil || got != c.want {
			t.Errorf("%.60s\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
	for _, body := range []string{"", "--b\r\nnope", "secret"} {
		if _, err := New().Read(transcription, "", multi, []byte(body)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

type work struct {
	name, body string
	call       tokenizer.Call
	form       tokenizer.Form
	want       map[tokenizer.Class]int64
	deferred   tokenizer.Deferred
	tier, text string
	size       string
}

var works = []work{
	{name: "a response that has begun", call: tokenizer.Call{Operation: responses}, body: `{"id":"resp_1","background":true,"status":"queued","usage":null,"model":"m"}`,
		deferred: tokenizer.Deferred{ID: "resp_1"}},
	{name: "a response in the foreground", call: tokenizer.Call{Operation: responses}, body: `{"id":"resp_1","background":false,"status":"in_progress","usage":null}`},
	{name: "a response that still goes on", call: tokenizer.Call{Operation: responses, Of: "resp_1"}, body: `{"id":"resp_1","background":true,"status":"in_progress","usage":null}`,
		deferred: tokenizer.Deferred{ID: "resp_1"}},
	{name: "a response that is over", call: tokenizer.Call{Operation: responses, Of: "resp_1"},
		body: `{"id":"resp_1","background":true,"status":"completed","output":[{"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call","action":{"type":"open_page"}},{"type":"file_search_call"}],"usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12}}`,
		want: map[tokenizer.Class]int64{tokenizer.Input: 9, tokenizer.Output: 3, tokenizer.WebSearch: 1, tokenizer.FileSearch: 1}},
	{name: "a response that failed", call: tokenizer.Call{Operation: responses, Of: "resp_1"}, body: `{"id":"resp_1","background":true,"status":"cancelled","usage":null}`},
	{name: "pictures by tokens", call: tokenizer.Call{Operation: images},
		body: `{"created":1,"size":"1024x1024","data":[{"b64_json":"` + strings.Repeat("A", 500) + `"},{"b64_json":"AA","url":null}],"usage":{"input_tokens":50,"output_tokens":100,"total_tokens":150,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}`,
		want: map[tokenizer.Class]int64{tokenizer.Input: 10, tokenizer.InputImage: 40, tokenizer.OutputImage: 100, tokenizer.Images: 2}, size: "1024x1024"},
	{name: "pictures by the piece", call: tokenizer.Call{Operation: images}, body: `{"created":1,"data":[{"url":"https://x/y"},{"url":"https://x/z"}]}`,
		want: map[tokenizer.Class]int64{tokenizer.Images: 2}},
	{name: "a streamed picture", call: tokenizer.Call{Operation: images}, form: tokenizer.SSE,
		body: "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}\n\nevent: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"AA\",\"usage\":{\"input_tokens\":5,\"output_tokens\":7,\"total_tokens\":12,\"output_tokens_details\":{\"image_tokens\":6,\"text_tokens\":1}}}\n\n",
		want: map[tokenizer.Class]int64{tokenizer.Input: 5, tokenizer.Output: 1, tokenizer.OutputImage: 6, tokenizer.Images: 1}},
	{name: "sound by the second", call: tokenizer.Call{Operation: transcription}, body: `{"text":"Yes","usage":{"type":"duration","seconds":7}}`,
		want: map[tokenizer.Class]int64{tokenizer.AudioSeconds: 7}, text: "Yes"},
	{name: "sound by its length", call: tokenizer.Call{Operation: transcription}, body: `{"task":"transcribe","duration":7.2,"text":"Yes","segments":[{"text":"Yes"}]}`,
		want: map[tokenizer.Class]int64{tokenizer.AudioSeconds: 8}, text: "Yes"},
	{name: "sound by tokens", call: tokenizer.Call{Operation: transcription}, form: tokenizer.SSE,
		body: "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Yes\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"Yes\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":14},\"output_tokens\":4,\"total_tokens\":18}}\n\n",
		want: map[tokenizer.Class]int64{tokenizer.Input: 0, tokenizer.InputAudio: 14, tokenizer.Output: 4}, text: "Yes"},
	{name: "sound made", call: tokenizer.Call{Operation: speech, Characters: 40}, form: tokenizer.Opaque, want: map[tokenizer.Class]int64{tokenizer.Characters: 40}},
	{name: "a batch that has begun", call: tokenizer.Call{Operation: batch}, body: `{"id":"batch_1","object":"batch","status":"validating","output_file_id":null,"usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0}}`,
		deferred: tokenizer.Deferred{ID: "batch_1"}, tier: tierBatch},
	{name: "a batch that tells no usage", call: tokenizer.Call{Operation: batch, Of: "batch_1"}, body: `{"id":"batch_1","status":"completed","output_file_id":"file-9"}`,
		deferred: tokenizer.Deferred{ID: "batch_1", Alias: "file-9"}, tier: tierBatch},
	{name: "a batch that is over", call: tokenizer.Call{Operation: batch, Of: "batch_1"}, body: `{"id":"batch_1","status":"completed","model":"m","output_file_id":"file-9","usage":{"input_tokens":900,"output_tokens":30,"total_tokens":930,"input_tokens_details":{"cached_tokens":100}}}`,
		want: map[tokenizer.Class]int64{tokenizer.Input: 800, tokenizer.CacheRead: 100, tokenizer.Output: 30}, tier: tierBatch},
	{name: "a batch that failed", call: tokenizer.Call{Operation: batch, Of: "batch_1"}, body: `{"id":"batch_1","status":"failed","output_file_id":null}`, tier: tierBatch},
}

func (w work) feed(cuts ...int) tokenizer.Reading {
	m := New().NewMeter(w.call, tokenizer.Answer{Status: 200, Form: w.form, Head: tokenizer.NoHead{}})
	at := 0
	for _, c := range append(cuts, len(w.body)) {
		if p := []byte(w.body[at:c]); w.form != tokenizer.Opaque {
			m.Feed(p)
			clear(p) // nothing may be kept of a piece
		}
		at = c
	}
	r := m.Close(tokenizer.Complete)
	r.Text = bytes.Clone(r.Text)
	return r
}

func TestSpeechThatFailedIsNotPaid(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: speech, Characters: 40}, tokenizer.Answer{Status: 400, Head: tokenizer.NoHead{}})
	m.Feed([]byte(`{"error":{"message":"no such voice"}}`))
	if r := m.Close(tokenizer.Failed); len(r.Usage) != 0 {
		t.Errorf("%+v", r.Usage)
	}
}

func TestWorkAtEveryCut(t *testing.T) {
	for _, w := range works {
		r := w.feed()
		got := map[tokenizer.Class]int64{}
		for i := range r.Usage {
			for class, n := range r.Usage[i].All {
				got[class] = n
			}
		}
		if len(w.want)+len(got) > 0 && !reflect.DeepEqual(got, w.want) {
			t.Errorf("%s: %v, want %v", w.name, got, w.want)
		}
		if r.Deferred != w.deferred || r.Tier != w.tier || string(r.Text) != w.text || r.Size != w.size || r.Unreadable != 0 {
			t.Errorf("%s: %+v", w.name, r)
		}
		for cut := range w.body {
			if again := w.feed(cut); !reflect.DeepEqual(again, r) {
				t.Fatalf("%s cut at %d: %+v, want %+v", w.name, cut, again, r)
			}
		}
	}
	if New().NewMeter(tokenizer.Call{Operation: transcription}, tokenizer.Answer{Form: tokenizer.Opaque}) != nil {
		t.Error("text of sound without usage has a meter")
	}
}

func FuzzWork(f *testing.F) {
	for i, w := range works {
		f.Add([]byte(w.body), uint8(i), 9)
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint8, cut int) {
		w := works[int(which)%len(works)]
		w.body = string(body)
		whole := w.feed()
		if again := w.feed(min(max(cut, 0), len(body))); !reflect.DeepEqual(again, whole) {
			t.Fatalf("cut at %d: %+v, whole %+v", cut, again, whole)
		}
	})
}

func FuzzReadMedia(f *testing.F) {
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n2\r\n--b--\r\n"), true)
	f.Add([]byte(`{"model":"m","n":2,"input":"x"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, form bool) {
		h := head{}
		if form {
			h["content-type"] = "multipart/form-data; boundary=b"
		}
		for _, op := range []string{images, transcription, speech, batch} {
			call, _ := New().Read(op, "/", h, body)
			if call.Choices < 1 || min(call.Characters, call.Shares.Last, call.Shares.Media) < 0 {
				t.Fatalf("%q: %+v", body, call)
			}
		}
	})
}
