package extproc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
)

// embedded begins a call that embeds, and returns the hashes that admission gets.
func embedded(t *testing.T, s *stand, body string) []uint64 {
	t.Helper()
	e := s.begin(t)
	e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/embeddings", ":authority", "api.openai.com", "content-type", "application/json"))
	e.send(requestBody(body))
	return s.cashier.admitted[len(s.cashier.admitted)-1].Inputs
}

func TestEachEmbeddedInputHasAHash(t *testing.T) {
	s := newStand(t, nil)
	first := embedded(t, s, `{"model":"m","input":["a","b","a"]}`)
	if len(first) != 3 || first[0] != first[2] || first[0] == first[1] {
		t.Fatalf("hashes of a, b, a: %x", first)
	}
	if again := embedded(t, s, `{"input" : "b", "model":"m"}`); !slices.Equal(again, first[1:2]) {
		t.Errorf("b in another body: %x, want %x", again, first[1:2])
	}
	many := embedded(t, s, `{"model":"m","input":["a"`+strings.Repeat(`,"b"`, policy.MaxInputs+7)+`]}`)
	if len(many) != policy.MaxInputs || many[1] != first[1] {
		t.Errorf("%d hashes", len(many))
	}
	e := s.begin(t)
	e.chat(streamed)
	if chat := s.cashier.admitted[len(s.cashier.admitted)-1].Inputs; chat != nil {
		t.Errorf("a chat embeds %x", chat)
	}
}
