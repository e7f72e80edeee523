package tokenizer

import "testing"

// speaker is a Dialect that takes one path.
type speaker struct {
	Dialect
	name, path string
}

func (s speaker) Name() string { return s.name }

func (s speaker) Match(_, path string) (string, bool) { return s.name + "'s", path == s.path }

// homebody is a speaker whose path means something else elsewhere.
type homebody struct{ speaker }

func (h homebody) AtHome(operation string) bool { return operation == h.name+"'s" }

func TestFindTakesSomePathsAtHomeOnly(t *testing.T) {
	list := []Dialect{homebody{speaker{name: "a", path: "/chat"}}, speaker{name: "b", path: "/chat"}, homebody{speaker{name: "c", path: "/speak"}}}
	for _, c := range []struct{ provider, path, want string }{
		{"", "/chat", "b"}, {"a", "/chat", "a"}, {"b", "/chat", "b"}, {"else", "/chat", "b"}, {"a", "/speak", ""}, {"c", "/speak", "c"},
	} {
		d, _, ok := Find(list, c.provider, "POST", c.path)
		if ok != (c.want != "") || ok && d.Name() != c.want {
			t.Errorf("%s at %q: %v, %v, want %q", c.path, c.provider, d, ok, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	list := []Dialect{speaker{name: "a", path: "/chat"}, speaker{name: "b", path: "/chat"}, speaker{name: "c", path: "/speak"}}
	for _, c := range []struct{ provider, path, want string }{
		{"", "/chat", "a"},
		{"a", "/chat", "a"},
		{"b", "/chat", "b"},
		{"c", "/chat", "a"}, // the provider's own dialect does not take it
		{"else", "/chat", "a"},
		{"a", "/speak", "c"},
		{"a", "/sing", ""},
	} {
		d, operation, ok := Find(list, c.provider, "POST", c.path)
		if ok != (c.want != "") || ok && (d.Name() != c.want || operation != c.want+"'s") {
			t.Errorf("%s at %q: %v, %q, %v, want %q", c.path, c.provider, d, operation, ok, c.want)
		}
	}
	if _, _, ok := Find(nil, "a", "POST", "/chat"); ok {
		t.Error("no dialect, and yet one is found")
	}
}
