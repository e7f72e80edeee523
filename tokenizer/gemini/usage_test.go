package gemini

import (
	"encoding/json"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// TestSums holds the classes to the totals that the provider states, also where
// its parts are more than the whole.
func TestSums(t *testing.T) {
	for _, c := range []struct {
		usage   string
		in, out int64
		classes string
	}{
		{`{"promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":3,"toolUsePromptTokenCount":2,"totalTokenCount":20}`, 12, 8, `{"input":10,"input_tool":2,"output":5,"reasoning":3}`},
		{`{"promptTokenCount":10,"candidatesTokenCount":8,"thoughtsTokenCount":3,"totalTokenCount":18}`, 10, 8, `{"input":10,"output":5,"reasoning":3}`},
		{`{"promptTokenCount":10,"thoughtsTokenCount":3,"totalTokenCount":20}`, 10, 10, `{"input":10,"output":7,"reasoning":3}`},
		{`{"candidatesTokenCount":5,"totalTokenCount":20}`, 15, 5, `{"input":15,"output":5}`},
		{`{"totalTokenCount":20}`, 20, 0, `{"input":20,"output":0}`},
		{`{"promptTokenCount":10,"totalTokenCount":5}`, 10, 0, `{"input":10}`},
		{`{"promptTokenCount":344,"cachedContentTokenCount":274,"totalTokenCount":344,"promptTokensDetails":[{"modality":"TEXT","tokenCount":54},{"modality":"DOCUMENT","tokenCount":290}],"cacheTokensDetails":[{"modality":"TEXT","tokenCount":51},{"modality":"IMAGE","tokenCount":223}]}`,
			344, 0, `{"cache_read":51,"cache_read_image":223,"input":0,"input_document":70,"output":0}`},
		{`{"promptTokenCount":7,"cachedContentTokenCount":161,"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":300}],"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}`, 7, 0,
			`{"cache_read":0,"cache_read_audio":7,"input":0,"input_audio":0}`},
		{`{"promptTokenCount":9,"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":2},{"modality":"AUDIO","tokenCount":1}],"promptTokensDetails":[{"modality":"AUDIO","tokenCount":5},{"modality":"MODALITY_UNSPECIFIED","tokenCount":4}]}`, 9, 0,
			`{"cache_read":0,"cache_read_audio":3,"input":4,"input_audio":2}`},
		{`{"promptTokenCount":9,"candidatesTokenCount":3,"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":5},{"modality":3,"tokenCount":1}]}`, 9, 3, `{"input":9,"output":0,"output_image":3,"output_video":0}`},
		{`{"promptTokenCount":25,"responseTokenCount":25,"totalTokenCount":50,"promptTokensDetails":[{"modality":"TEXT","tokenCount":608},{"modality":"AUDIO","tokenCount":25}],"responseTokensDetails":[{"modality":"AUDIO","tokenCount":25}]}`, 25, 25,
			`{"input":0,"input_audio":25,"output":0,"output_audio":25}`},
		{`{"promptTokenCount":-1,"candidatesTokenCount":1e30,"totalTokenCount":"7","promptTokensDetails":7}`, 0, 0, ``},
		{`{"cachedContentTokenCount":3}`, 0, 0, ``},
		{`{"trafficType":"ON_DEMAND"}`, 0, 0, ``},
		{`{}`, 0, 0, ``},
		{`7`, 0, 0, ``},
	} {
		r, _ := meterOf(answer{call: asks, body: `{"usageMetadata":` + c.usage + `}`}, tokenizer.Complete)
		if len(r.Usage) == 0 {
			if c.classes != "" {
				t.Errorf("%s: no usage", c.usage)
			}
			continue
		}
		u := r.Usage[0]
		in, out := u.Totals()
		b, _ := json.Marshal(&u) // a map of numbers
		if in != c.in || out != c.out || string(b) != c.classes {
			t.Errorf("%s: got %d, %d, %s", c.usage, in, out, b)
		}
	}
}

func TestPaidByQuery(t *testing.T) {
	for model, want := range map[string]bool{
		"gemini-1.5-pro": false, "gemini-2.0-flash": false, "gemini-2.5-flash-preview": false, "gemini-3-pro": true, "gemini-3.5-flash": true,
		"gemini-10-pro": true, "gemini-20-pro": true, "gemini-flash-latest": true, "": true, "gemini-": true, "gemini-2": false,
	} {
		if got := paidByQuery(model); got != want {
			t.Errorf("%q: %v", model, got)
		}
	}
}

// TestQueriesAreBounded: more queries than are remembered are each counted.
func TestQueriesAreBounded(t *testing.T) {
	var g grounding
	for range 100 {
		g.search([]byte(`["a","b"]`))
	}
	if g.queries != 2 || g.prompts != 1 {
		t.Fatalf("%d queries, %d prompts", g.queries, g.prompts)
	}
	for i := range 100 {
		b, _ := json.Marshal([]string{"q", string(rune('A' + i))}) // strings always marshal
		g.search(b)
	}
	if g.queries < 64 || g.queries > 300 {
		t.Fatalf("%d queries", g.queries)
	}
}
