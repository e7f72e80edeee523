package provider

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"
)

func TestThenIsPlayedByTheNextCallOfTheSameName(t *testing.T) {
	s := start(t, Scenario{Status: 503, Then: &Scenario{}})
	s.PlayFor("flaky", Scenario{Status: 500, Then: &Scenario{Status: 429, Then: &Scenario{}}})
	for i, c := range []struct {
		name string
		want int
	}{{"flaky", 500}, {"", 503}, {"flaky", 429}, {"", 200}, {"flaky", 200}, {"flaky", 200}, {"", 200}} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/v1/embeddings", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(ScenarioHeader, c.name)
		x, err := s.begin(req)
		if err != nil {
			t.Fatal(err)
		}
		got := x.play.Status
		if got == 0 {
			got = http.StatusOK
		}
		if got != c.want {
			t.Errorf("call %d of %q plays %d, want %d", i, c.name, got, c.want)
		}
	}
}

func TestEmbeddingsComeAsTheyWereAskedFor(t *testing.T) {
	s := start(t, Scenario{})
	answer := func(body string, into any) {
		t.Helper()
		_, text, err := post(t, client(t, false), s.URL()+"/v1/embeddings", body)
		if err == nil {
			err = json.Unmarshal([]byte(text), into)
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	var numbers struct {
		Data []struct{ Embedding []float32 }
	}
	answer(`{"model":"m","input":["a","b"]}`, &numbers)
	if len(numbers.Data) != 2 || len(numbers.Data[1].Embedding) != 3 || numbers.Data[1].Embedding[2] != 1 {
		t.Errorf("as numbers: %+v", numbers)
	}
	var coded struct{ Data []struct{ Embedding string } }
	answer(`{"model":"m","input":"a","encoding_format":"base64"}`, &coded)
	want := base64.StdEncoding.EncodeToString([]byte{0, 0, 0x80, 0x3e, 0, 0, 0, 0xbf, 0, 0, 0, 0})
	if len(coded.Data) != 1 || coded.Data[0].Embedding != want {
		t.Errorf("in base64: %+v, want %s", coded, want)
	}
}
