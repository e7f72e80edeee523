package tokenizer

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestAPartCountsOnce(t *testing.T) {
	const chat = `{"type":"image_url","image_url":{"url":"https://x","detail":"high"}}`
	for _, c := range []struct {
		why, body string
		want      int64
	}{
		{"nothing", `{}`, 0},
		{"of a chat", `[` + chat + `]`, 1},
		{"twice the same", `[` + chat + `,` + chat + `]`, 2},
		{"in any order, with spaces", `[{"image_url" : {"url":"x"}, "type" : "image_url"}]`, 1},
		{"its member alone", `[{"image_url":{"url":"x"}}]`, 1},
		{"its type alone", `[{"type":"input_image","file_id":"f"},{"type":"input_image","file_id":"g"}]`, 2},
		{"of responses", `[{"type":"input_image","image_url":"https://x"}]`, 1},
		{"one by its type, one by its member", `[{"type":"input_image","file_id":"f"},{"type":"computer_screenshot","image_url":"x"}]`, 2},
		{"in the result of a tool", `{"input":[{"type":"function_call_output","output":[{"type":"input_image","image_url":"x"}]}]}`, 1},
		{"in a result, and beside it", `{"content":[{"type":"tool_result","content":[{"type":"image","source":{}},{"type":"image","source":{}}]},{"type":"image","source":{}}]}`, 3},
		{"of Converse", `{"content":[{"image":{"format":"png","source":{"bytes":"AA"}}},{"toolResult":{"content":[{"image":{}}]}}]}`, 2},
		{"one in another", `{"image":{"type":"image"}}`, 2},
		{"two members", `{"image":"AA","image_url":"x"}`, 2},
		{"a member twice", `{"type":"image_url","image_url":"x","image_url":"y"}`, 2},
		{"values of an array", `["image","image",["image"]]`, 3},
		{"a text that has the word", `[` + chat + `,{"type":"text","text":"image_url and \"image_url\": \\\"image_url\\"}]`, 1},
		{"a text that ends in backslashes", `[{"text":"\\\\","type":"image_url","image_url":{"url":"\\"}},{"text":"\\\""}]`, 1},
		{"a text that has a body", `[` + chat + `,{"text":"{\"type\":\"image_url\",\"image_url\":{}}"}]`, 1},
		{"a longer word", `[{"image_urls":[],"type":"images"}]`, 0},
		{"a bare value", `"image"`, 1},
		{"cut", `[{"type":"image_url","image_url":{"url":"x`, 2},
		{"closed by another", `[{"type":"image_url","image_url":{}]]`, 2},
		{"closed once more", `{"type":"image_url","image_url":{}}}`, 2},
		{"too deep", strings.Repeat("[", maxNested) + chat + strings.Repeat("]", maxNested), 2},
		{"as deep as may be", strings.Repeat("[", maxNested-3) + chat + strings.Repeat("]", maxNested-3), 1},
	} {
		if got := partsOf([]byte(c.body), pictureWords); got != c.want {
			t.Errorf("%s: %d parts in %s, want %d", c.why, got, c.body, c.want)
		}
	}
	for body, want := range map[string]int64{
		`[{"type":"input_audio","input_audio":{"data":"AA"}},{"type":"input_file","file_data":"AA"}]`:                  2,
		`[{"type":"document","source":{}},{"type":"document_url","document_url":"x"},{"fileData":{"fileUri":"x"}}]`:    3,
		`[{"type":"video_url","video_url":{"url":"x"}},{"type":"image_url","image_url":{"url":"x"}},{"type":"image"}]`: 3,
	} {
		if got := ContentOf([]byte(body)); got.Parts != want {
			t.Errorf("%d parts in %s, want %d", got.Parts, body, want)
		}
	}
}

// TestPartsOfAnyConversation: as many as were put in, whatever is around them.
func TestPartsOfAnyConversation(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	forms := []string{
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}`, `{"image_url":"x","type":"image_url"}`, `{"type":"input_image","image_url":"x"}`,
		`{"type":"input_image","file_id":"f"}`, `{"type":"computer_screenshot","image_url":"x"}`, `{"type":"image","source":{"type":"base64","data":"AA"}}`,
		`{"image":{"format":"png","source":{"bytes":"AA"}}}`, `{"image_url":{"url":"x"}}`,
	}
	texts := []string{"image", `"image_url"`, `\`, `\"image\":`, "é\u2028", `{"type":"image"}`, "input_image:"}
	var parts func(depth int) (string, int64)
	parts = func(depth int) (string, int64) {
		all, n := make([]string, random.IntN(5)), int64(0)
		for i := range all {
			switch kind := random.IntN(3); {
			case kind == 0:
				all[i], n = forms[random.IntN(len(forms))], n+1
			case kind == 1 && depth < 4:
				inner, has := parts(depth + 1)
				all[i], n = fmt.Sprintf(`{"type":"tool_result" , "content":%s}`, inner), n+has
			default:
				text, err := json.Marshal("the " + texts[random.IntN(len(texts))])
				if err != nil {
					t.Fatal(err)
				}
				all[i] = fmt.Sprintf(`{"type":"text","text":%s}`, text)
			}
		}
		return "[" + strings.Join(all, []string{",", " ,\n"}[random.IntN(2)]) + "]", n
	}
	for range 2000 {
		body, want := parts(0)
		if got := partsOf([]byte(body), pictureWords); got != want {
			t.Fatalf("%d parts in %s, want %d", got, body, want)
		}
	}
}

func TestCountingPartsAllocatesNothing(t *testing.T) {
	body := []byte(`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"` + strings.Repeat("A", 1<<16) + `"}},{"type":"text","text":"\""}]}]}`)
	if n := testing.AllocsPerRun(100, func() { ContentOf(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPartsOf holds that no JSON has more objects with a word for a value or the
// name of a member than are counted, nor fewer mentions.
func FuzzPartsOf(f *testing.F) {
	f.Add([]byte(`[{"type":"image_url","image_url":{}},{"image":["image",{"type":"input_image"}]},"\\\"image"]`))
	f.Add([]byte(`{"image":{"image":[[{"image_url":"image_url"}]]},"input_image":"\\"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v any
		if spelt(body) || json.Unmarshal(body, &v) != nil {
			return
		}
		if got, least, most := partsOf(body, pictureWords), holders(v), count(body, pictureWords); got < least || got > most {
			t.Errorf("%d parts in %s, want %d to %d", got, body, least, most)
		}
	})
}

// holders counts the objects that have a word for a value or a name.
func holders(v any) (n int64) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += holders(e)
		}
	case map[string]any:
		holds := false
		for name, e := range v {
			text, _ := e.(string)
			holds = holds || oneOf([]byte(`"`+name+`"`), pictureWords) || oneOf([]byte(`"`+text+`"`), pictureWords)
			n += holders(e)
		}
		if holds {
			n++
		}
	}
	return n
}
