package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// quick is a paced stream that does not take a second.
func quick() *scenario {
	s := &scenario{name: "quick", request: ask(1<<10, true), chunks: 5, every: time.Millisecond}
	for i := range s.chunks {
		s.plain += len(appendEvent(nil, event{index: i, last: s.chunks - 1}))
	}
	s.plain += len(doneEvent)
	return s
}

func TestSliceMakesEveryCall(t *testing.T) {
	c := clock{start: time.Now()}
	all := append(allScenarios(), quick())
	server := httptest.NewServer(newProvider(c, all))
	defer server.Close()
	for _, s := range all {
		if s.every == pace {
			continue // as quick, but for the second that it takes
		}
		const calls = atOnce + 3
		got, err := newCaller(c, server.URL).slice(t.Context(), s, calls)
		if err != nil {
			t.Errorf("%s: slice = %v", s.name, err)
		}
		if len(got.latency) != calls || len(got.delay) != calls*s.chunks || got.wall <= 0 {
			t.Errorf("%s: slice = %d latencies, %d delays in %v, want %d and %d", s.name,
				len(got.latency), len(got.delay), got.wall, calls, calls*s.chunks)
		}
		for _, d := range got.delay {
			if d < 0 || d > time.Minute {
				t.Fatalf("%s: a chunk took %v", s.name, d)
			}
		}
	}
}

// A bench that lets a wrong answer pass measures something else.
func TestWrongAnswersFailTheSlice(t *testing.T) {
	c := clock{start: time.Now()}
	all := append(allScenarios(), quick())
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	for _, test := range []struct {
		name     string
		scenario string
		status   int
		change   func([]byte) []byte
	}{
		{"refused", "json-1k", http.StatusServiceUnavailable, func(b []byte) []byte { return b }},
		{"cut JSON", "json-1k", http.StatusOK, cut},
		{"longer JSON", "json-1k", http.StatusOK, func(b []byte) []byte { return append(b, ' ') }},
		{"another JSON of that length", "json-1k", http.StatusOK, func(b []byte) []byte { return append(cut(b), ']') }},
		{"cut stream", "quick", http.StatusOK, cut},
		{"stream with a byte more", "quick", http.StatusOK, func(b []byte) []byte { return append(b, '\n') }},
		{"stream whose usage is shown", "quick", http.StatusOK, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "]}", `],"usage":null}`, 1))
		}},
		{"stream with a broken chunk", "quick", http.StatusOK, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "system_fingerprint", "system_fingerprinx", 1))
		}},
		{"stream that ends in no [DONE]", "quick", http.StatusOK, func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "[DONE]", "[GONE]", 1))
		}},
	} {
		s, right := find(all, test.scenario), httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(s.request)))
		req.Header.Set(scenarioHeader, s.name)
		newProvider(c, all).ServeHTTP(right, req)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			w.Write(test.change(bytes.Clone(right.Body.Bytes())))
		}))
		if _, err := newCaller(c, server.URL).slice(t.Context(), s, 1); err == nil {
			t.Errorf("%s: slice = nil, want an error", test.name)
		}
		server.Close()
	}
}

func TestSliceEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := clock{start: time.Now()}
	server := httptest.NewServer(newProvider(c, allScenarios()))
	defer server.Close()
	if _, err := newCaller(c, server.URL).slice(ctx, allScenarios()[0], 1000); err == nil {
		t.Error("slice = nil after cancel")
	}
}

func find(all []*scenario, name string) *scenario {
	for _, s := range all {
		if s.name == name {
			return s
		}
	}
	return nil
}

// Who asks for usage gets the event, and the null member in every other chunk;
// who does not sees neither.
func TestStreamHonoursIncludeUsage(t *testing.T) {
	s := quick()
	p := newProvider(clock{start: time.Now()}, []*scenario{s})
	for _, asked := range []bool{false, true} {
		body := strings.TrimSuffix(string(s.request), "}")
		if asked {
			body += `,"stream_options": { "include_usage": true }`
		}
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body+"}"))
		req.Header.Set(scenarioHeader, s.name)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, req)
		var nulls, usages, chunks int
		for line := range strings.Lines(w.Body.String()) {
			data, found := strings.CutPrefix(strings.TrimSpace(line), "data: ")
			if !found || data == "[DONE]" {
				continue
			}
			var c struct {
				Choices []any           `json:"choices"`
				Usage   json.RawMessage `json:"usage"`
			}
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				t.Fatalf("chunk %s: %v", data, err)
			}
			switch {
			case len(c.Choices) == 0 && len(c.Usage) > len("null"):
				usages++
			case string(c.Usage) == "null":
				nulls++
			}
			chunks++
		}
		want := [3]int{0, 0, s.chunks}
		if asked {
			want = [3]int{s.chunks, 1, s.chunks + 1}
		}
		if got := [3]int{nulls, usages, chunks}; got != want {
			t.Errorf("asked %v: null members, usage events, chunks = %v, want %v", asked, got, want)
		}
		if plain := w.Body.Len() == s.plain; plain == asked {
			t.Errorf("asked %v: %d bytes, %d without usage", asked, w.Body.Len(), s.plain)
		}
	}
}
