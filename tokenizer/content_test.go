package tokenizer

import "testing"

func TestContentOf(t *testing.T) {
	for _, c := range []struct {
		body string
		want Content
	}{
		{`{"messages":[{"role":"user","content":"hello"}]}`, Content{}},
		{`{"messages":[{"role":"user","content":"say \"file_id\" and \"web_search\" and \"image_url\""}]}`, Content{}},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`, Content{Parts: 2}},
		{`{"previous_response_id":"resp_1","input":"go on"}`, Content{Elsewhere: true}},
		{`{"tools":[{"type":"web_search_preview"}]}`, Content{Hosted: true}},
		{`{"tools":[{"google_search":{}}]}`, Content{Hosted: true}},
		{`{"tools":[{"type":"function","function":{"name":"search"}}]}`, Content{}},
		{`{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}`, Content{Parts: 1, Elsewhere: true}},
	} {
		c.want.Bytes = int64(len(c.body))
		if got := ContentOf([]byte(c.body)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.body, got, c.want)
		}
	}
}
