package names

import "testing"

func TestWhich(t *testing.T) {
	call := map[string]string{Model: "GPT-4o-2024-08-06", Provider: "openai", Operation: "chat", "team": "support", "tier": ""}
	of := func(key string) string { return call[key] }
	for _, c := range []struct {
		name  string
		match map[string][]string
		want  bool
	}{
		{"nothing asked", nil, true},
		{"a team", map[string][]string{"team": {"support"}}, true},
		{"one of several", map[string][]string{"team": {"sales", "sup*"}}, true},
		{"another team", map[string][]string{"team": {"sales"}}, false},
		{"two keys", map[string][]string{"team": {"support"}, Model: {"gpt-4o"}}, true},
		{"one of two keys does not fit", map[string][]string{"team": {"support"}, Model: {"claude*"}}, false},
		{"patterns of models in capitals", map[string][]string{Model: {"GPT-*"}}, true},
		{"an empty attribute", map[string][]string{"tier": {"*"}}, false},
		{"an attribute that there is not", map[string][]string{"user": {"*"}}, false},
		{"a provider", map[string][]string{Provider: {"openai", "azure"}, Operation: {"chat"}}, true},
	} {
		w, err := NewWhich(c.match)
		if err != nil || w.Fits(of) != c.want {
			t.Errorf("%s: %v, %v", c.name, !c.want, err)
		}
	}
	for _, bad := range [][]string{nil, make([]string, MaxPatterns+1)} {
		if _, err := NewWhich(map[string][]string{"team": bad}); err == nil {
			t.Errorf("%d patterns: no error", len(bad))
		}
	}
	w, err := NewWhich(map[string][]string{Model: {"*"}})
	if err != nil || !w.Fits(func(string) string { return "" }) {
		t.Errorf("a call without a model: not any model, %v", err)
	}
}
