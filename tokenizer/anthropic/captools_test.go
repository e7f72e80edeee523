package anthropic

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestCallsOfHostedToolsAreBounded(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       string // empty: it is not done
	}{
		{"a search", `{"tools":[{"type":"web_search_20250305","name":"web_search"}]}`, `{"tools":[{"max_uses":9,"type":"web_search_20250305","name":"web_search"}]}`},
		{"two share", `{"tools":[{"type":"web_search_20250305","max_uses":50},{"type":"web_fetch_20250910"}]}`, `{"tools":[{"type":"web_search_20250305","max_uses":4},{"max_uses":4,"type":"web_fetch_20250910"}]}`},
		{"fewer are asked", `{"tools":[{"type":"web_search_20250305","max_uses":2}]}`, `{"tools":[{"type":"web_search_20250305","max_uses":2}]}`},
		{"a later one that runs no code", `{"tools":[{"type":"web_search_20260209","allowed_callers":["direct"]}]}`, `{"tools":[{"max_uses":9,"type":"web_search_20260209","allowed_callers":["direct"]}]}`},
		{"tools of the caller", `{"tools":[{"name":"f","input_schema":{}},{"type":"custom"},{"type":"bash_20250124"},{"type":null}]}`, `{"tools":[{"name":"f","input_schema":{}},{"type":"custom"},{"type":"bash_20250124"},{"type":null}]}`},
		{"searches that were", `{"messages":[{"content":[{"type":"web_search_tool_result"}]}]}`, `{"messages":[{"content":[{"type":"web_search_tool_result"}]}]}`},
		{"a search that is none of a day", `{"tools":[{"type":"web_search_pro","allowed_callers":["direct"]}]}`, ""},
		{"a tool that nobody knows", `{"tools":[{"type":"web_search_20250305"},{"type":"soothsaying_20270101"}]}`, ""},
		{"one of the caller that is none of a day", `{"tools":[{"type":"computer_hosted"}]}`, ""},
		{"a later one", `{"tools":[{"type":"web_search_20260209"}]}`, ""},
		{"one that code calls", `{"tools":[{"type":"web_search_20250305","allowed_callers":["direct","code_execution_20250825"]}]}`, ""},
		{"one that nobody calls", `{"tools":[{"type":"web_search_20250305","allowed_callers":[]}]}`, ""},
		{"one that runs code", `{"tools":[{"type":"web_search_20250305"},{"type":"code_execution_20250825"}]}`, ""},
		{"servers of others", `{"mcp_servers":[{"type":"url"}]}`, ""},
		{"no list", `{"tools":{"type":"web_search_20250305"}}`, ""},
		{"more tools than calls", `{"tools":[` + string(bytes.Repeat([]byte(`{"type":"web_search_20250305"},`), 9)) + `{"type":"web_fetch_20250910"}]}`, ""},
	} {
		call := tokenizer.Call{Operation: messages}
		if !New().Changes(call, "/v1/messages").Has(tokenizer.ToolsPart) {
			t.Fatal("calls of tools cannot be bounded")
		}
		got := New().Change(call, "/v1/messages", []byte(c.body), tokenizer.Change{ToolCalls: 9})
		body := string(bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil))
		if done := got.Done == tokenizer.ToolsPart; done != (c.want != "") || done && body != c.want {
			t.Errorf("%s: %s, done %b", c.name, body, got.Done)
		}
	}
}
