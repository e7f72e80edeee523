package replay

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// all are the answers of every provider.
func all() map[string][]Answer {
	return map[string][]Answer{
		"anthropic": Anthropic(), "gemini": Gemini(), "bedrock": Bedrock(), "cohere": Cohere(), "mistral": Mistral(), "ollama": Ollama(),
	}
}

func TestEveryAnswerIsGivenWholeToWhoAsksForIt(t *testing.T) {
	for name, answers := range all() {
		s, err := Start(answers)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		for _, a := range answers {
			body := `{"stream":false}`
			if a.Streamed {
				body = `{"stream":true}`
			}
			resp, err := http.Post(s.URL()+"/any%3Amodel"+a.Path, JSON, strings.NewReader(body)) // takes gzip by itself
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != a.Kind || !bytes.Equal(got, a.Body) {
				t.Errorf("%s %s: %d %s, %v: %q, want %q", name, a.Path, resp.StatusCode, resp.Header.Get("Content-Type"), err, got, a.Body)
			}
			if resp.Uncompressed != (a.Kind == JSON) {
				t.Errorf("%s %s: compressed %v", name, a.Path, resp.Uncompressed)
			}
		}
		last := s.Calls()[len(answers)-1]
		if want := "/any:model" + answers[len(answers)-1].Path; last.Path != want || last.Method != http.MethodPost || !bytes.Contains(last.Body, []byte("stream")) {
			t.Errorf("%s was asked %+v, want %s", name, last, want)
		}
	}
}

func TestWhatNoAnswerIsForIsNotFound(t *testing.T) {
	s, err := Start(Anthropic())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	resp, err := http.Post(s.URL()+"/v1/other", JSON, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestPiecesAreTheBody(t *testing.T) {
	for name, answers := range all() {
		for _, a := range answers {
			pieces := Pieces(a.Body)
			if !bytes.Equal(slices.Concat(pieces...), a.Body) || len(pieces) < 3 || slices.ContainsFunc(pieces, func(p []byte) bool { return len(p) == 0 }) {
				t.Errorf("%s %s: %q", name, a.Path, pieces)
			}
		}
	}
}
