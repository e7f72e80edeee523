package jsonscan

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// tell walks into everything and writes down what it meets.
func tell(w *Walker, b *strings.Builder, depth int) {
	switch {
	case depth > 4:
		fmt.Fprintf(b, "%s", w.Raw())
	case w.Kind() == '{':
		b.WriteByte('{')
		for key := range w.Members {
			fmt.Fprintf(b, "%q:", key)
			tell(w, b, depth+1)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case w.Kind() == '[':
		b.WriteByte('[')
		for range w.Elements {
			tell(w, b, depth+1)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	default:
		fmt.Fprintf(b, "%s", w.Raw())
	}
}

func TestWalk(t *testing.T) {
	in := ` { "a" : "x\\\"}" ,"b\u0063":{"d":[1,"]"],"e":{}}, "e":-1.5, "":null,"f":[ ] } `
	want := `{"a":"x\\\"}",` + `"bc":{"d":[1,"]",],"e":{},},"e":-1.5,"":null,"f":[],}`
	var b strings.Builder
	w := Walk([]byte(in))
	tell(w, &b, 0)
	if err := w.End(); err != nil || b.String() != want {
		t.Fatalf("got %s, %v", b.String(), err)
	}
}

func TestWalkLeaving(t *testing.T) {
	in := `{"skipped":[1,{"x":"}"}],"left":[1,[2,3],{"a":4}],"half":{"a":{"b":[]},"c":"]"},"scalar":7,"after":8}`
	w := Walk([]byte(in))
	var got []string
	for key := range w.Members {
		switch string(key) {
		case "left":
			for range w.Elements {
				break
			}
		case "half":
			for range w.Members {
				for range w.Members {
					break
				}
				break
			}
		case "scalar":
			for range w.Members {
				t.Error("a number has members")
			}
		case "after":
			got = append(got, string(w.Raw()), in[w.At()-1:])
		}
		got = append(got, string(key))
	}
	if err := w.End(); err != nil || strings.Join(got, " ") != "skipped left half scalar 8 8} after" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestWalkMalformed(t *testing.T) {
	for _, in := range []string{
		``, `  `, `[`, `{`, `"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{"a":1 2}`, `{"a":"`, `{"a":"\"`, `{"a":[}`, `{"a":{"`,
		`{"a":1}x`, `{}}`, `{"\x":1}`, `[1`, `[1,`, `[1,]`, `[1 2]`, `[]]`, `[,]`, `}`, `{"a":{]}`,
	} {
		var b strings.Builder
		w := Walk([]byte(in))
		tell(w, &b, 0)
		if err := w.End(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\\\""}],"\u0061":null}`))
	f.Add([]byte(`[{"a":[]}, "\"", -1e9, true, {"a":1,"a":2}]`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var b strings.Builder
		w := Walk(in)
		tell(w, &b, 0)
		err := w.End()
		if !json.Valid(in) || !utf8.Valid(in) { // encoding/json mends bytes that are no text
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		var ref strings.Builder
		refer(in, &ref, 0)
		if b.String() != ref.String() {
			t.Fatalf("%q: got %s, want %s", in, b.String(), ref.String())
		}
	})
}

// refer says what tell should, with encoding/json.
func refer(in []byte, b *strings.Builder, depth int) {
	dec := json.NewDecoder(strings.NewReader(string(in)))
	var raw json.RawMessage
	if dec.Decode(&raw) != nil {
		return
	}
	dec = json.NewDecoder(strings.NewReader(string(raw)))
	open, _ := dec.Token()
	delim, nested := open.(json.Delim)
	if !nested || depth > 4 {
		b.Write(raw)
		return
	}
	b.WriteString(delim.String())
	for dec.More() {
		if delim == '{' {
			key, _ := dec.Token()
			fmt.Fprintf(b, "%q:", key)
		}
		var v json.RawMessage
		_ = dec.Decode(&v) // the text is valid
		refer(v, b, depth+1)
		b.WriteByte(',')
	}
	b.WriteByte(map[json.Delim]byte{'{': '}', '[': ']'}[delim])
}
