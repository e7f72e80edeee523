package anthropic

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

const onGoogle = "/v1/projects/my-project/locations/europe-west1/publishers/anthropic/models/"

func TestMatch(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/v1/messages", messages},
		{"POST", "/anthropic/v1/messages/", messages},
		{"POST", "/api/v1/messages", messages},
		{"POST", "/v1/complete", complete},
		{"POST", onGoogle + "claude-a@20250929:rawPredict", messages},
		{"POST", onGoogle + "claude-a@20250929:streamRawPredict", messages},
		{"POST", onGoogle + "count-tokens:rawPredict", ""},
		{"POST", onGoogle + "claude-a@20250929:predict", ""},
		{"POST", onGoogle + "claude-a", ""},
		{"POST", "/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict", ""},
		{"POST", "/v1/messages/count_tokens", ""},
		{"GET", "/v1/messages", ""},
		{"POST", "/v1/threads/t/messages", ""},
		{"POST", "/v1/models", ""},
		{"POST", "", ""},
	} {
		if got, ok := New().Match(c.method, c.path); got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s: %q, %v", c.method, c.path, got, ok)
		}
	}
}

var calls = []struct {
	op, path, body string
	want           tokenizer.Call
}{
	{messages, "/v1/messages", `{"model":"claude-a","max_tokens":100,"messages":[{"role":"user","content":"hello"}],"stream":true,"service_tier":"auto","inference_geo":"us"}`,
		tokenizer.Call{Model: "claude-a", Stream: true, MaxOutput: 100, Tier: "auto", Region: "us", Shares: tokenizer.Shares{Last: 5}}},
	{messages, "/v1/messages", `{"model":"first","m\u006fdel":"last","speed":"fast","service_tier":"standard_only","inference_geo":"global","max_tokens":-4,"stream":false,"messages":7}`,
		tokenizer.Call{Model: "last", Tier: "fast"}},
	{messages, onGoogle + "claude-a@20250929:streamRawPredict", `{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[]}`,
		tokenizer.Call{Model: "claude-a@20250929", Account: "my-project", Region: "europe-west1", Stream: true, MaxOutput: 9}},
	{messages, onGoogle + "claude-a@20250929:rawPredict", `{}`, tokenizer.Call{Model: "claude-a@20250929", Account: "my-project", Region: "europe-west1"}},
	{messages, "", `{"system":[{"type":"text","text":"123","cache_control":{"type":"ephemeral"}},{"type":"text","text":"45"}],"tools":[{"name":"f"}],"mcp_servers":[],"messages":[
		{"role":"user","content":[{"type":"text","text":"1234567"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"http"}},
			{"type":"document","title":"t","context":"c","source":{"type":"text","media_type":"text/plain","data":"12345"}},{"type":"document","source":{"data":"BB","type":"base64"}},{"type":"document","source":{"type":"content","content":"123"}}]},
		{"role":"assistant","content":[{"type":"thinking","thinking":"1234","signature":"no"},{"type":"redacted_thinking","data":"12"},{"type":"tool_use","id":"no","name":"f","input":{"a":1}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"no","content":"1\n2"},{"type":"tool_result","content":[{"type":"text","text":"12"},{"type":"image","source":{"type":"base64","data":"CCC"}},"x"]}]},
		{"role":"system","content":"12"},
		{"role":"user","content":"1"}]}`,
		tokenizer.Call{Shares: tokenizer.Shares{System: 5 + 2, History: 7 + 1 + 1 + 5 + 3 + 4 + 2 + 1 + 7, Last: 4 + 2 + 1 + 1, Tools: 14, Media: 4 + 4 + 2 + 3}}},
	{messages, "", `{"messages":[{"role":"user","content":"12"},{"role":"assistant","content":"123"}]}`, tokenizer.Call{Shares: tokenizer.Shares{History: 2, Last: 3}}},
	{messages, "", `{"messages":[{"role":"assistant","content":[{"type":"web_search_tool_result","content":[{"type":"web_search_result","title":"12","url":"1","encrypted_content":"123"}]},
		{"type":"web_fetch_tool_result","content":{"type":"web_fetch_result","url":"1","content":{"type":"document"}}},{"type":"compaction","content":"12"}]},{"role":"user","content":{"type":"text","text":"1"}}]}`,
		tokenizer.Call{Shares: tokenizer.Shares{History: 6 + 1 + 19 + 2, Last: 1}}},
	{messages, "", `{"messages":["x",7,null,{"role":7,"content":7},[[]]]}`, tokenizer.Call{}},
	{complete, "", `{"model":"claude-a","prompt":"\n\nHuman: hi","max_tokens_to_sample":7,"stream":true}`, tokenizer.Call{Model: "claude-a", Stream: true, MaxOutput: 7, Shares: tokenizer.Shares{Last: 13}}},
}

func TestRead(t *testing.T) {
	for _, c := range calls {
		got, err := New().Read(c.op, c.path, tokenizer.NoHead{}, []byte(c.body))
		c.want.Dialect, c.want.Operation = Name, c.op
		if c.want.Choices == 0 {
			c.want.Choices = 1
		}
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
}

// TestReadRefuses: what cannot be read still names what it is.
func TestReadRefuses(t *testing.T) {
	for _, body := range []string{``, `[]`, `{"model":"m"`, `{"messages":[{]}`, `"x"`, `{} {}`} {
		got, err := New().Read(messages, onGoogle+"claude-a:rawPredict", tokenizer.NoHead{}, []byte(body))
		if !errors.Is(err, jsonscan.ErrMalformed) || got.Dialect != Name || got.Operation != messages || got.Model != "claude-a" || got.Choices != 1 {
			t.Errorf("%q: %+v, %v", body, got, err)
		}
	}
}

// TestReadKeepsNothing: a call outlives the body that it was read from.
func TestReadKeepsNothing(t *testing.T) {
	body := []byte(`{"model":"claude-a","service_tier":"auto","inference_geo":"us"}`)
	got, err := New().Read(messages, "/v1/messages", tokenizer.NoHead{}, body)
	clear(body)
	if err != nil || got.Model != "claude-a" || got.Tier != "auto" || got.Region != "us" {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range calls {
		f.Add(c.body, c.path)
	}
	f.Fuzz(func(t *testing.T, body, path string) {
		for _, op := range []string{messages, complete} {
			call, err := New().Read(op, path, tokenizer.NoHead{}, []byte(body))
			s := call.Shares
			if call.Dialect != Name || call.Operation != op || call.Choices < 1 || min(s.System, s.History, s.Last, s.Tools, s.Media, call.MaxOutput) < 0 {
				t.Fatalf("%q: %+v", body, call)
			}
			if s.Text()+s.Media > int64(len(body)) {
				t.Fatalf("%q weighs more than itself: %+v", body, s)
			}
			if err != nil && json.Valid([]byte(body)) && len(body) > 0 && body[0] == '{' {
				t.Fatalf("%q: %v", body, err)
			}
		}
	})
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{400, "missing_metadata", "invalid_request_error"}, {401, "x", "authentication_error"}, {402, "x", "billing_error"}, {403, "model_not_allowed", "permission_error"},
		{404, "x", "not_found_error"}, {413, "x", "request_too_large"}, {429, "rate_limited", "rate_limit_error"}, {429, "budget_exhausted", "rate_limit_error"},
		{500, "x", "api_error"}, {503, "unavailable", "overloaded_error"}, {504, "x", "timeout_error"},
	} {
		var body struct {
			Type  string
			Error struct{ Type, Message string }
		}
		err := json.Unmarshal(New().Refuse(c.status, c.code, `say "no"`), &body)
		if err != nil || body.Type != "error" || body.Error.Type != c.want || body.Error.Message != `say "no"` {
			t.Errorf("%d %s: %+v, %v", c.status, c.code, body, err)
		}
	}
}
