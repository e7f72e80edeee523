package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/v1/chat/completions", chat},
		{"POST", "/chat/completions", chat},
		{"POST", "/openai/v1/chat/completions", chat},
		{"POST", "/openai/deployments/gpt4/chat/completions", chat},
		{"POST", "/api/v1/chat/completions/", chat},
		{"POST", "/v1/completions", completions},
		{"POST", "/v1/responses", responses},
		{"POST", "/openai/responses", responses},
		{"POST", "/v1/embeddings", embeddings},
		{"GET", "/v1/chat/completions", ""},
		{"POST", "/v1/responses/resp_1/cancel", responses},
		{"POST", "/v1/responses/input_tokens", ""},
		{"POST", "/v1/xcompletions", ""},
		{"POST", "/v1/chat-completions", ""},
		{"POST", "completions", ""},
		{"POST", "/v1/models", ""},
		{"POST", "", ""},
	} {
		if got, ok := New().Match(c.method, c.path); got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s: %q, %v", c.method, c.path, got, ok)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		op, path, body string
		want           tokenizer.Call
	}{
		{chat, "", `{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}`,
			tokenizer.Call{Model: "gpt-4o", Shares: tokenizer.Shares{Last: 5}}},
		{chat, "", `{"model":"first","stream":true,"n":3,"service_tier":"flex","max_tokens":9,"max_completion_tokens":7,"model":"l\u0061st","stream_options":{"include_usage":true},"messages":[]}`,
			tokenizer.Call{Model: "last", Tier: "flex", Stream: true, AsksUsage: true, Choices: 3, MaxOutput: 7}},
		{completions, "", `{"model":"m","prompt":"12345","suffix":"678"}`, tokenizer.Call{Model: "m", Shares: tokenizer.Shares{Last: 8}}},
		{chat, "", `{"str\u0065am":true,"max_tokens":1e2,"stream_options":{"include_usage":true,"include_usage":false}}`,
			tokenizer.Call{Stream: true, MaxOutput: 100}},
		{chat, "", `{"stream":false,"stream_options":{"include_usage":true},"n":-1,"max_tokens":"many"}`, tokenizer.Call{}},
		{chat, "", `{"n":1e15}`, tokenizer.Call{Choices: maxChoices}},
		{chat, "/openai/deployments/my-gpt/chat/completions", `{"messages":null}`, tokenizer.Call{Model: "my-gpt"}},
		{chat, "", `{"messages":[
			{"role":"system","content":"12345"},{"role":"developer","content":[{"type":"text","text":"123"}]},
			{"role":"user","content":"1234567"},
			{"role":"assistant","content":null,"tool_calls":[{"id":"x"}]},
			{"role":"tool","content":"1234","tool_call_id":"x"},
			{"role":"user","content":[{"type":"text","text":"a\n"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
				{"type":"input_audio","input_audio":{"data":"BBBBB","format":"wav"}},{"type":"file","file":{"file_data":"CC","filename":"f.pdf"}}]}],
			"tools":[{"type":"function"}],"functions":[]}`,
			tokenizer.Call{Shares: tokenizer.Shares{System: 8, History: 7 + 12, Last: 4 + 3, Tools: 21, Media: 26 + 5 + 2}}},
		{chat, "", `{"messages":[{"role":"user","content":"12"},{"role":"assistant","content":"123"}]}`,
			tokenizer.Call{Shares: tokenizer.Shares{History: 2, Last: 3}}},
		{chat, "", `{"messages":["x",7,null,{"role":7,"content":{"text":"no"}},[[]]]}`, tokenizer.Call{}},
		{completions, "", `{"model":"m","prompt":"hello","best_of":4,"n":2,"max_tokens":5}`,
			tokenizer.Call{Model: "m", Choices: 4, MaxOutput: 5, Shares: tokenizer.Shares{Last: 5}}},
		{chat, "", `{"model":"m","n":"3","max_tokens":"70"}`, tokenizer.Call{Model: "m", Choices: 3, MaxOutput: 70}},
		{completions, "", `{"prompt":["a","bc"],"n":2}`, tokenizer.Call{Choices: 4, Shares: tokenizer.Shares{Last: 3}}},
		{completions, "", `{"prompt":[1,2,3]}`, tokenizer.Call{Shares: tokenizer.Shares{Last: 12}}},
		{completions, "", `{"prompt":[[1,2],[3]]}`, tokenizer.Call{Choices: 2, Shares: tokenizer.Shares{Last: 12}}},
		{responses, "", `{"model":"m","input":"hello","instructions":"be","max_output_tokens":8,"max_tokens":1,"stream":true,"n":5}`,
			tokenizer.Call{Model: "m", Stream: true, MaxOutput: 8, Shares: tokenizer.Shares{System: 2, Last: 5}}},
		{responses, "", `{"input":[{"role":"user","content":"12"},{"type":"reasoning","summary":[{"type":"summary_text","text":"123"}]},
			{"type":"function_call","arguments":"1234","name":"f"},
			{"type":"function_call_output","output":"12345"},
			{"role":"user","content":[{"type":"input_text","text":"1"},{"type":"input_image","image_url":"data:AA"}]}]}`,
			tokenizer.Call{Shares: tokenizer.Shares{History: 2 + 3 + 4, Last: 6, Media: 7}}},
		{chat, "", `{"response_format":{"json_schema":{"name":"n"},"type":"json_schema"},"stop":["\n"],"text":7}`, tokenizer.Call{Schema: true, Stops: true}},
		{chat, "", `{"response_format":{"type":"json_object"},"stop":null}`, tokenizer.Call{}},
		{chat, "", `{"response_format":"json_schema","stop":[]}`, tokenizer.Call{}},
		{responses, "", `{"text":{"verbosity":"low","format":{"type":"json_schema","name":"n"}}}`, tokenizer.Call{Schema: true}},
		{responses, "", `{"text":{"format":{"type":"text"}}}`, tokenizer.Call{}},
		{embeddings, "", `{"model":"e","input":["ab","c"],"stream":true,"max_tokens":4}`, tokenizer.Call{Model: "e", Shares: tokenizer.Shares{Last: 3}}},
		{embeddings, "", `{"input":[[1,[2],3],[{"text":"ab"}]]}`, tokenizer.Call{Shares: tokenizer.Shares{Last: 10}}},
	} {
		c.want.Dialect, c.want.Operation, c.want.Choices = Name, c.op, max(c.want.Choices, 1)
		body := []byte(c.body)
		got, err := New().Read(c.op, c.path, tokenizer.NoHead{}, body)
		for i := range body { // the call must not change with the body
			body[i] = '#'
		}
		if err != nil || got != c.want {
			t.Errorf("%s\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
}

func TestReadMalformed(t *testing.T) {
	for _, body := range []string{"", "[]", `"secret"`, `{"model":"secret"`, `{"model":"secret",}`, `{"a":"secret}`, `secret`, `{}secret`} {
		call, err := New().Read(chat, "/openai/deployments/d/chat/completions", tokenizer.NoHead{}, []byte(body))
		if !errors.Is(err, jsonscan.ErrMalformed) {
			t.Fatalf("%s: %v", body, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the body: %v", body, err)
		}
		if call != (tokenizer.Call{Dialect: Name, Operation: chat, Model: "d", Choices: 1}) {
			t.Errorf("%s: %+v", body, call)
		}
	}
}

func TestDeepPrompt(t *testing.T) {
	body := `{"prompt":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + `}`
	if call, err := New().Read(completions, "", tokenizer.NoHead{}, []byte(body)); err != nil || call.Choices != 1 {
		t.Fatalf("%+v, %v", call, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}],"tools":[{}],"stream":true}`)
	f.Add(`{"prompt":[[1,2],"x"],"n":3,"stream":true,"stream_options":{"x":1}}`)
	f.Add(`{"input":[{"type":"reasoning","summary":[]}],"instructions":"x","stream":true,"stream_options":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, op := range []string{chat, completions, responses, embeddings} {
			call, err := New().Read(op, "/", tokenizer.NoHead{}, []byte(body))
			s := call.Shares
			if call.Choices < 1 || min(s.System, s.History, s.Last, s.Tools, s.Media, call.MaxOutput) < 0 {
				t.Fatalf("%q: %+v", body, call)
			}
			if err == nil && json.Valid([]byte(body)) {
				askedRight(t, call, body)
			}
		}
	})
}

// askedRight holds AskUsage to its promise: the edited body says what the body
// said, and asks for usage.
func askedRight(t *testing.T, call tokenizer.Call, body string) {
	t.Helper()
	edits := New().AskUsage(call, []byte(body))
	if len(edits) == 0 {
		return
	}
	edited := bytes.Join(tokenizer.Apply(nil, []byte(body), edits), nil)
	var was, is map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &was); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if err := json.Unmarshal(edited, &is); err != nil {
		t.Fatalf("%q became %q: %v", body, edited, err)
	}
	var before, after map[string]json.RawMessage
	if raw := was["stream_options"]; raw != nil {
		if err := json.Unmarshal(raw, &before); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	}
	if err := json.Unmarshal(is["stream_options"], &after); err != nil || string(after["include_usage"]) != "true" {
		t.Fatalf("%q became %q, which does not ask", body, edited)
	}
	delete(was, "stream_options")
	delete(is, "stream_options")
	delete(before, "include_usage")
	delete(after, "include_usage")
	same(t, body, was, is)
	same(t, body, before, after)
	again, err := New().Read(call.Operation, "/", tokenizer.NoHead{}, edited)
	call.AsksUsage = true
	if err != nil || again != call {
		t.Fatalf("%q: reads as %+v, then as %+v, %v", body, call, again, err)
	}
}

func same(t *testing.T, body string, was, is map[string]json.RawMessage) {
	t.Helper()
	if len(was) != len(is) {
		t.Fatalf("%q: members differ", body)
	}
	for k, v := range was {
		if string(is[k]) != string(v) {
			t.Fatalf("%q: %q changed", body, k)
		}
	}
}

func TestAskUsage(t *testing.T) {
	for _, c := range []struct{ op, body, want string }{
		{chat, `{"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`},
		{completions, ` { "stream":true}`, ` {"stream_options":{"include_usage":true}, "stream":true}`},
		{chat, `{"stream":true,"stream_options":null}`, `{"stream":true,"stream_options":{"include_usage":true}}`},
		{chat, `{"stream":true,"stream_options":{}}`, `{"stream":true,"stream_options":{"include_usage":true}}`},
		{chat, `{"stream":true,"stream_options":{"x":1}}`, `{"stream":true,"stream_options":{"include_usage":true,"x":1}}`},
		{chat, `{"stream_options":{"include_usage":false},"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`},
		{chat, `{"stream_options":{"include_usage" : null },"stream":true}`, `{"stream_options":{"include_usage" : true },"stream":true}`},
		{chat, `{"stream_options":{"include_usage":true},"stream_options":{},"stream":true}`,
			`{"stream_options":{"include_usage":true},"stream_options":{"include_usage":true},"stream":true}`},
		{chat, `{"stream":true,"stream_options":{"include_usage":true}}`, ""},
		{chat, `{"stream":true,"stream_options":"x"}`, ""},
		{chat, `{"stream":false}`, ""},
		{chat, `{}`, ""},
		{responses, `{"stream":true}`, ""},
		{embeddings, `{"stream":true}`, ""},
	} {
		call, err := New().Read(c.op, "", tokenizer.NoHead{}, []byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		edits := New().AskUsage(call, []byte(c.body))
		if (len(edits) == 0) != (c.want == "") {
			t.Errorf("%s %s: %d edits", c.op, c.body, len(edits))
			continue
		}
		got := string(bytes.Join(tokenizer.Apply(nil, []byte(c.body), edits), nil))
		if len(edits) > 0 && got != c.want {
			t.Errorf("%s: got %s", c.body, got)
		}
		askedRight(t, call, c.body)
	}
}

func TestRefusedAsk(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":{"message":"Unrecognized request argument supplied: stream_options"}}`:     true,
		`{"detail":[{"loc":["body","stream_options","include_usage"],"msg":"not allowed"}]}`: true,
		`{"error":{"message":"unknown model"}}`:                                              false,
		``:                                                                                   false,
	} {
		if got := New().RefusedAsk([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{400, "missing_metadata", "invalid_request_error"},
		{401, "no_key", "authentication_error"},
		{403, "model_not_allowed", "permission_error"},
		{413, "too_large", "invalid_request_error"},
		{429, "budget_exhausted", "insufficient_quota"},
		{429, "rate_limited", "rate_limit_error"},
		{503, "unavailable", "server_error"},
	} {
		got := string(New().Refuse(c.status, c.code, `no "more"`))
		want := `{"error":{"message":"no \"more\"","type":"` + c.want + `","param":null,"code":"` + c.code + `"}}`
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAStreamIsEndedByAnEvent(t *testing.T) {
	const object = `{"message":"no \"more\"","type":"insufficient_quota","param":null,"code":"budget_exhausted"}`
	for _, c := range []struct {
		operation string
		form      tokenizer.Form
		want      string
	}{
		{chat, tokenizer.SSE, `data: {"error":` + object + "}\n\n"},
		{responses, tokenizer.SSE, "event: error\ndata: " + `{"type":"error","code":"budget_exhausted","message":"no \"more\"","param":null,"error":` + object + "}\n\n"},
		{chat, tokenizer.JSON, ""},
	} {
		got := string(New().Stop(tokenizer.Call{Operation: c.operation}, c.form, 429, "budget_exhausted", `no "more"`))
		if got != c.want {
			t.Errorf("%s in %v: got %s, want %s", c.operation, c.form, got, c.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "100KB": 100 << 10} {
		body := []byte(`{"model":"gpt-4o","stream":true,"max_tokens":100,"messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"` +
			strings.Repeat(`Some text with a \"quote\" and a line end.\n`, size/43) + `"}]}`)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			d := New()
			for b.Loop() {
				if _, err := d.Read(chat, "/v1/chat/completions", tokenizer.NoHead{}, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
