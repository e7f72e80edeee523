package tokenizer_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func edited(body string, e *tokenizer.Editor) string {
	return string(bytes.Join(tokenizer.Apply(nil, []byte(body), e.Edits()), nil))
}

func TestANumberIsLoweredOrSetAndNeverRaised(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"not there", `{"b":1}`, `{"a":10,"b":1}`},
		{"nothing is", ` { }`, ` {"a":10 }`},
		{"null", `{"a": null}`, `{"a": 10}`},
		{"greater", `{"a":11}`, `{"a":10}`},
		{"much greater", `{"a":1e300}`, `{"a":10}`},
		{"not finite", `{"a":1e999}`, `{"a":10}`},
		{"equal", `{"a":10}`, `{"a":10}`},
		{"less", `{"a":9.5}`, `{"a":9.5}`},
		{"nothing at all", `{"a":0}`, `{"a":0}`},
		{"without bound", `{"a":-1}`, `{"a":10}`},
		{"a text that is less", `{"a":"9"}`, `{"a":"9"}`},
		{"a text that is greater", `{"a":"90"}`, `{"a":10}`},
		{"no number", `{"a":[1]}`, `{"a":10}`},
		{"twice", `{"a":5,"b":{"a":99},"a":50}`, `{"a":5,"b":{"a":99},"a":10}`},
		{"by an escaped name", `{"\u0061":50}`, `{"\u0061":10}`},
		{"by its other name", `{"also":50}`, `{"also":10}`},
		{"by both", `{"a":60,"also":50}`, `{"a":10,"also":10}`},
		{"one of them null", `{"a":null,"also":50}`, `{"a":null,"also":10}`},
		{"a list", `[{"a":50}]`, `[{"a":50}]`},
		{"cut", `{"a":50`, `{"a":50`},
	} {
		e := tokenizer.NewEditor([]byte(c.body), "a", "also")
		done := e.Lower(10, "a", "also")
		if got := edited(c.body, e); got != c.want || done != json.Valid([]byte(c.body)) && c.name != "a list" {
			t.Errorf("%s: %s, %v, want %s", c.name, got, done, c.want)
		}
	}
}

func TestANumberWithinIsLowered(t *testing.T) {
	for _, c := range []struct {
		body, want string
		done       bool
	}{
		{`{"x":1}`, `{"o":{"a":10},"x":1}`, true},
		{`{"o":{}}`, `{"o":{"a":10}}`, true},
		{`{"o":null}`, `{"o":{"a":10}}`, true},
		{`{"o":{"t":1}}`, `{"o":{"a":10,"t":1}}`, true},
		{`{"o":{"b":50}}`, `{"o":{"b":10}}`, true},
		{`{"p":{"a":50}}`, `{"p":{"a":10}}`, true},
		{`{"o":{"a":50},"p":{"a":50}}`, `{"o":{"a":10},"p":{"a":10}}`, true},
		{`{"o":7}`, `{"o":7}`, false},
	} {
		e := tokenizer.NewEditor([]byte(c.body), "o", "p")
		if done, got := e.LowerIn([]string{"o", "p"}, 10, "a", "b"), edited(c.body, e); got != c.want || done != c.done {
			t.Errorf("%s: %s, %v, want %s", c.body, got, done, c.want)
		}
	}
}

func TestATextIsAppended(t *testing.T) {
	for _, c := range []struct {
		body, want string
		done       bool
	}{
		{`{}`, `{"s":"Be \"brief\"."}`, true},
		{`{"s":null}`, `{"s":"Be \"brief\"."}`, true},
		{`{"s":""}`, `{"s":"Be \"brief\"."}`, true},
		{`{"s":"You are\\"}`, `{"s":"You are\\\n\nBe \"brief\"."}`, true},
		{`{"s":[]}`, `{"s":[{"type":"text","text":"Be \"brief\"."}]}`, true},
		{`{"s":[ "x" ]}`, `{"s":[ "x" ,{"type":"text","text":"Be \"brief\"."}]}`, true},
		{`{"s":7}`, `{"s":7}`, false},
	} {
		const text = `Be "brief".`
		e := tokenizer.NewEditor([]byte(c.body), "s")
		if done, got := e.Append("s", text, tokenizer.TextPart(text), tokenizer.Quote(text)), edited(c.body, e); got != c.want || done != c.done {
			t.Errorf("%s: %s, %v, want %s", c.body, got, done, c.want)
		}
	}
}

func TestTheSystemSaysItFirst(t *testing.T) {
	for _, c := range []struct {
		body, want string
		done       bool
	}{
		{`{"m":[{"role":"user","content":"x"}]}`, `{"m":[{"role":"system","content":"Hm"},{"role":"user","content":"x"}]}`, true},
		{`{"m":[ {"content":"x","role":"system"}]}`, `{"m":[ {"content":"x\n\nHm","role":"system"}]}`, true},
		{`{"m":[{"role":"developer","content":[{"type":"text","text":"x"}]},{"role":"user"}]}`,
			`{"m":[{"role":"developer","content":[{"type":"text","text":"x"},{"type":"text","text":"Hm"}]},{"role":"user"}]}`, true},
		{`{"m":[]}`, `{"m":[]}`, false},
		{`{"m":"x"}`, `{"m":"x"}`, false},
		{`{}`, `{}`, false},
	} {
		e := tokenizer.NewEditor([]byte(c.body), "m")
		if done, got := e.AppendSystem("m", "Hm", "system", "developer"), edited(c.body, e); got != c.want || done != c.done {
			t.Errorf("%s: %s, %v, want %s", c.body, got, done, c.want)
		}
	}
}

func TestANameIsEncodedInAPath(t *testing.T) {
	got := tokenizer.JoinPath("/a b/models/", "x/y:z 1", ":run")
	if want := "/a%20b/models/x%2Fy%3Az%201:run"; got != want {
		t.Errorf("JoinPath = %s, want %s", got, want)
	}
}

// What is edited stays JSON, and no number of it is greater than it was.
func FuzzEditor(f *testing.F) {
	for _, body := range []string{`{"a":5,"o":{"a":null},"s":"x","m":[{"role":"system","content":[]}]}`, `{"a":-1,"a":1e9}`, `{"o":null,"s":["x"],"m":[7]}`, `{}`, `[`, `{"a":"7"}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		e := tokenizer.NewEditor([]byte(body), "a", "o", "s", "m", "t")
		e.Lower(10, "a")
		e.LowerIn([]string{"o"}, 10, "a")
		e.Append("s", "Hm", tokenizer.TextPart("Hm"), `"Hm"`)
		e.AppendSystem("m", "Hm", "system")
		e.Set("u", "7")
		got := edited(body, e)
		if !json.Valid([]byte(body)) {
			return
		}
		if !json.Valid([]byte(got)) {
			t.Fatalf("%s became %s", body, got)
		}
		var is struct {
			A json.RawMessage `json:"a"`
		}
		if strings.HasPrefix(strings.TrimSpace(body), "{") && !strings.ContainsAny(body, `\A`) {
			if err := json.Unmarshal([]byte(got), &is); err != nil {
				t.Fatal(err)
			}
			var n json.Number
			if json.Unmarshal(is.A, &n) == nil {
				if v, err := n.Float64(); err != nil || v > 10 || v < 0 {
					t.Fatalf("%s became %s", body, got)
				}
			}
		}
	})
}
