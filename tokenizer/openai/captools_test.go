package openai

import (
	"bytes"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestCallsOfHostedToolsAreBounded(t *testing.T) {
	at := func(provider string) tokenizer.Change { return tokenizer.Change{ToolCalls: 10, Provider: provider} }
	for _, c := range []struct {
		name, body string
		to         tokenizer.Change
		want       string // empty: it is not done
	}{
		{"a search", `{"tools":[{"type":"web_search"}]}`, at("openai"), `{"max_tool_calls":10,"tools":[{"type":"web_search"}]}`},
		{"an older search on Azure", `{"tools":[{"type":"web_search_preview"}]}`, at("azure"), `{"max_tool_calls":10,"tools":[{"type":"web_search_preview"}]}`},
		{"files, and a function", `{"tools":[{"type":"function","name":"f"},{"type":"file_search"}],"max_tool_calls":99}`, at("openai"), `{"tools":[{"type":"function","name":"f"},{"type":"file_search"}],"max_tool_calls":10}`},
		{"fewer are asked", `{"tools":[{"type":"web_search"}],"max_tool_calls":2}`, at("openai"), `{"tools":[{"type":"web_search"}],"max_tool_calls":2}`},
		{"no number", `{"tools":[{"type":"web_search"}],"max_tool_calls":null}`, at("openai"), `{"tools":[{"type":"web_search"}],"max_tool_calls":10}`},
		{"a name with escapes", `{"tools":[{"type":"web\u005fsearch"}]}`, at("openai"), `{"max_tool_calls":10,"tools":[{"type":"web\u005fsearch"}]}`},
		{"no tools", `{"input":"say \"web_search\""}`, at("openai"), `{"input":"say \"web_search\""}`},
		{"tools of the caller", `{"tools":[{"type":"custom"},{"type":"computer"}],"prompt":null}`, at("openai"), `{"tools":[{"type":"custom"},{"type":"computer"}],"prompt":null}`},
		{"a container beside a search", `{"tools":[{"type":"web_search"},{"type":"code_interpreter"}]}`, at("openai"), ""},
		{"pictures", `{"tools":[{"type":"image_generation"}]}`, at("openai"), ""},
		{"servers of others", `{"tools":[{"type":"mcp"}]}`, at("openai"), ""},
		{"a tool that nobody knows", `{"tools":[{"type":"soothsaying"}]}`, at("openai"), ""},
		{"a search that nobody knows", `{"tools":[{"type":"web_search_pro"}]}`, at("openai"), ""},
		{"tools within one", `{"tools":[{"type":"namespace","tools":[{"type":"mcp"}]}]}`, at("openai"), ""},
		{"a shell that may be a container", `{"tools":[{"type":"shell","environment":{"type":"container_auto"}}]}`, at("openai"), ""},
		{"tools without a type", `{"tools":[{}]}`, at("openai"), ""},
		{"tools that are none", `{"tools":{"type":"web_search"}}`, at("openai"), ""},
		{"names in place of tools", `{"tools":["web_search"]}`, at("openai"), ""},
		{"two lists", `{"tools":[],"tools":[{"type":"web_search"}]}`, at("openai"), ""},
		{"a stored prompt", `{"prompt":{"id":"pmpt_1"}}`, at("openai"), ""},
		{"who reads another bound", `{"tools":[{"type":"web_search"}]}`, at("xai"), ""},
	} {
		call := tokenizer.Call{Operation: responses}
		if !New().Changes(call, "/v1/responses").Has(tokenizer.ToolsPart) {
			t.Fatal("calls of tools cannot be bounded")
		}
		got := New().Change(call, "/v1/responses", []byte(c.body), c.to)
		body := string(bytes.Join(tokenizer.Apply(nil, []byte(c.body), got.Edits), nil))
		if done := got.Done == tokenizer.ToolsPart; done != (c.want != "") || done && body != c.want {
			t.Errorf("%s: %s, done %b", c.name, body, got.Done)
		}
	}
	if New().Changes(tokenizer.Call{Operation: chat}, "/v1/chat/completions").Has(tokenizer.ToolsPart) {
		t.Error("a chat has no member that bounds calls of tools")
	}
}
