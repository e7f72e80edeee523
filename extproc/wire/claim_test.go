package wire

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// verified is a message with the payload of a token of corp.
func verified(t testing.TB, payload string) *Message {
	t.Helper()
	var s structpb.Struct
	if err := protojson.Unmarshal([]byte(payload), &s); err != nil {
		t.Fatal(err)
	}
	return &Message{untyped: map[string]*structpb.Struct{
		tokenNamespace: {Fields: map[string]*structpb.Value{"corp": structpb.NewStructValue(&s)}},
		"other":        {Fields: map[string]*structpb.Value{"evil": structpb.NewStructValue(&s)}},
	}}
}

func TestClaim(t *testing.T) {
	m := verified(t, `{
		"sub": "ann", "act": {"sub": "bot", "act": {"sub": "cron"}}, "groups": ["a", "b"], "roles": ["r"], "none": [], "nil": null, "yes": true,
		"id": 9007199254740991, "big": 9007199254740992, "part": 0.5, "minus": -7, "ids": [7], "nested": [["a"]],
		"https://acme.example/team": "support", "https://acme.example/who": {"cost.centre": "CC-1", "team": "deep"}, "a": {"b": "short"}, "a.b": "long", "": "empty"
	}`)
	for name, want := range map[string]struct {
		value string
		one   bool
	}{
		"sub": {"ann", true}, "act.sub": {"bot", true}, "act.act.sub": {"cron", true}, "act": {"", false}, "sub.sub": {"", true}, "act.none": {"", true},
		"groups": {"", false}, "roles": {"r", true}, "none": {"", true}, "nil": {"", true}, "yes": {"", false}, "nested": {"", false}, "ids": {"7", true},
		"id": {"9007199254740991", true}, "big": {"", false}, "part": {"", false}, "minus": {"-7", true},
		"https://acme.example/team": {"support", true}, "https://acme.example/who.team": {"deep", true}, "https://acme.example/who.cost.centre": {"CC-1", true},
		"a.b": {"long", true}, "nobody": {"", true}, "": {"", true}, ".": {"", true},
	} {
		if value, one := m.Claim("corp", name); value != want.value || one != want.one {
			t.Errorf("Claim(corp, %q) = %q, %v, want %q, %v", name, value, one, want.value, want.one)
		}
		if n := testing.AllocsPerRun(10, func() { m.Claim("corp", name) }); n > 1 { // the digits of a number
			t.Errorf("Claim(corp, %q): %v allocations", name, n)
		}
	}
	for _, provider := range []string{"", "evil", "other", "Corp"} {
		if value, one := m.Claim(provider, "sub"); value != "" || !one {
			t.Errorf("Claim(%q, sub) = %q, %v", provider, value, one)
		}
	}
	if value, one := (&Message{}).Claim("corp", "sub"); value != "" || !one {
		t.Errorf("without a token: %q, %v", value, one)
	}
}

func TestAnAttributeIsText(t *testing.T) {
	m := &Message{attrs: map[string]*structpb.Value{
		"text": structpb.NewStringValue("a"), "number": structpb.NewNumberValue(7), "yes": structpb.NewBoolValue(true), "no": structpb.NewBoolValue(false), "null": structpb.NewNullValue(),
	}}
	for name, want := range map[string]string{"text": "a", "number": "7", "yes": "true", "no": "false", "null": "", "none": ""} {
		if got := m.Attribute(name); got != want {
			t.Errorf("Attribute(%q) = %q, want %q", name, got, want)
		}
	}
}
