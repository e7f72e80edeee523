package wire

import "testing"

func TestMadeOf(t *testing.T) {
	m := MadeOf(ResponseHeaders, []Pair{{":status", "200"}, {"x-a", "one"}, {"x-a", "two"}, {"x-none", ""}})
	for name, want := range map[string]string{":status": "200", "x-a": "one", "x-none": "", "x-b": ""} {
		if got := m.Header(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if m.Kind != ResponseHeaders || m.Attribute("x-a") != "" || m.End || m.Body != nil {
		t.Errorf("made %+v", m)
	}
}
