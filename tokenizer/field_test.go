package tokenizer

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestField(t *testing.T) {
	long := strings.Repeat("x", MaxField)
	for _, tc := range []struct{ body, path, want string }{
		{`{"metadata":{"project":"alpha"}}`, "metadata.project", "alpha"},
		{` { "a" : [1,{"metadata":{"project":"no"}}], "metadata" : { "project" : "alpha" } } `, "metadata.project", "alpha"},
		{`{"user":"ann","metadata":{"user":"bob"}}`, "user", "ann"},
		{`{"n":17}`, "n", "17"},
		{`{"n":-1.50e3}`, "n", "-1.50e3"},
		{`{"n":1.2.3}`, "n", ""},
		{`{"n":true}`, "n", ""},
		{`{"n":null}`, "n", ""},
		{`{"n":["a"]}`, "n", ""},
		{`{"n":{"m":"a"}}`, "n", ""},
		{`{"n":{"m":"a"}}`, "n.m.o", ""},
		{`{"n":"a"}`, "n.m", ""},
		{`{"n":"a"}`, "m", ""},
		{`{"n":"a","n":"b"}`, "n", "b"},
		{`{"n":{"m":"a"},"n":{}}`, "n.m", ""},
		{`{"n":"a","n":null}`, "n", ""},
		{`{"\u006e":"\u00e9\n\ud83d\ude00"}`, "n", "é\n😀"},
		{`{"n":"a\qb"}`, "n", ""},
		{`{"n":""}`, "n", ""},
		{`{"n":"a"`, "n", ""},
		{`{"n":"a"} {}`, "n", ""},
		{`["n"]`, "n", ""},
		{`"n"`, "n", ""},
		{``, "n", ""},
		{`{"":{"":"a"}}`, ".", "a"},
		{`{"n":"` + long[2:] + `"}`, "n", long[2:]},
		{`{"n":"` + long + `"}`, "n", ""},
	} {
		if got := Field([]byte(tc.body), tc.path); got != tc.want {
			t.Errorf("Field(%.80s, %s) = %.80q, want %.80q", tc.body, tc.path, got, tc.want)
		}
	}
}

func TestFieldCopiesOnlyWhatItReturns(t *testing.T) {
	body := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("words ", 1<<16) + `"}],"metadata":{"project":"alpha"}}`)
	if n := testing.AllocsPerRun(10, func() { Field(body, "metadata.team") }); n > 0 {
		t.Errorf("finding nothing allocates %v times", n)
	}
}

// FuzzField holds Field to what encoding/json finds in the same body.
func FuzzField(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"c"},"a":{"b":1}}`))
	f.Add([]byte(`{"a":{"b":"\ud800"},"c":[{}]}`))
	f.Add([]byte(`{"a":1,"a":{"b":2.0}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := Field(body, "a.b")
		if !json.Valid(body) {
			return // what it makes of these it says, and that it does not panic
		}
		want := ""
		var top map[string]json.RawMessage
		if json.Unmarshal(body, &top) == nil {
			var inner map[string]json.RawMessage
			if json.Unmarshal(top["a"], &inner) == nil {
				var text string
				var number json.Number
				raw := inner["b"]
				switch {
				case len(raw) > MaxField || len(raw) == 0:
				case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
					want = text
				case raw[0] != '"' && json.Unmarshal(raw, &number) == nil:
					want = number.String()
				}
			}
		}
		if got != want {
			t.Errorf("Field = %q, want %q", got, want)
		}
	})
}

func BenchmarkField(b *testing.B) {
	body := []byte(`{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("words ", 1<<14) + `"}],"metadata":{"project":"alpha"}}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		Field(body, "metadata.project")
	}
}
