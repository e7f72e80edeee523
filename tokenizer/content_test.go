package tokenizer

import (
	"strings"
	"testing"
)

func TestContentOf(t *testing.T) {
	for _, c := range []struct {
		body string
		want Content
	}{
		{`{"messages":[{"role":"user","content":"hello"}]}`, Content{}},
		{`{"messages":[{"role":"user","content":"say \"file_id\" and \"web_search\" and \"image_url\""}]}`, Content{}},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`, Content{Parts: 1, Pictures: 1}},
		{`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}`, Content{Parts: 1, Pictures: 1}},
		{`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:video/mp4;base64,AA"}}]}]}`, Content{Parts: 1}},
		{`{"messages":[{"content":[{"type":"image","source":{}},{"type":"document","source":{}}]}]}`, Content{Parts: 2, Pictures: 1}},
		{`{"contents":[{"parts":[{"inlineData":{"data":"AA","mimeType" : "image/png"}},{"inline_data":{"mime_type":"image/png"}}]}]}`, Content{Parts: 2, Pictures: 2}},
		{`{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png"}},{"inlineData":{"mimeType":"application/pdf"}}]}]}`, Content{Parts: 2}},
		{`{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","mimeType":"audio/mp3"}}]}]}`, Content{Parts: 1}},
		{`{"contents":[{"parts":[{"inlineData":{"data":"AA"}}]}]}`, Content{Parts: 1}},
		{`{"contents":[{"parts":[{"inlineData":{"mimeType":"image\/png"}}]}]}`, Content{Parts: 1, Pictures: 1}},
		{`{"contents":[{"parts":[{"inlineData":{"mimeType":`, Content{Parts: 1}},
		{`{"messages":[{"content":"look","images":["AA","BB"]}]}`, Content{Parts: 1}},
		{`{"previous_response_id":"resp_1","input":"go on"}`, Content{Elsewhere: true}},
		{`{"tools":[{"type":"web_search_preview"}]}`, Content{Hosted: true}},
		{`{"tools":[{"google_search":{}}]}`, Content{Hosted: true}},
		{`{"tools":[{"type":"function","function":{"name":"search"}}]}`, Content{}},
		{`{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}`, Content{Parts: 1, Elsewhere: true}},
		{`{"prompt":{"id":"pmpt_1"}}`, Content{Elsewhere: true, Hosted: true}},
		{`{"preset":"pro-search"}`, Content{Elsewhere: true, Hosted: true}},
		{`{"agent_id":"ag_1"}`, Content{Elsewhere: true, Hosted: true}},
		{`{"systemTool":{"name":"nova_grounding"}}`, Content{Hosted: true}},
		{`{"tools":[{"retrieval":{"vertexAiSearch":{}}}]}`, Content{Hosted: true}},
		{`{"previous\u005fresponse_id":"resp_1","input":"go on"}`, Content{Elsewhere: true, Hosted: true}},
		{`{"tools":[{"type":"web\u005Fsearch"}]}`, Content{Elsewhere: true, Hosted: true}},
		{`{"input":"caf\u00e9, \u003cb\u003e, \\u005f, \u2026, \u00"}`, Content{}},
		{`{"input":"\\\u0061"}`, Content{Elsewhere: true, Hosted: true}},
		{`{"input":"\u00`, Content{}},
	} {
		c.want.Bytes, c.want.Beside = int64(len(c.body)), frame
		if strings.Contains(c.body, `"tools"`) {
			c.want.Beside += aboutTools
		}
		if got := ContentOf([]byte(c.body)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.body, got, c.want)
		}
	}
}
