package meter

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

const (
	chatURL = "https://api.openai.com/v1/chat/completions"

	plainChat = `{"id":"chatcmpl-7","object":"chat.completion","model":"gpt-4o-2024-08-06","service_tier":"default",` +
		`"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Two \"tickets\", please."}}],` +
		`"usage":{"prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020,"prompt_tokens_details":{"cached_tokens":400},` +
		`"completion_tokens_details":{"reasoning_tokens":0}}}`

	streamedChat = "data: {\"id\":\"chatcmpl-8\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"All aboard\"}}]}\n\n" +
		": ping\r\n\r\n" +
		"data: {\"id\":\"chatcmpl-8\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" +
		"data: {\"id\":\"chatcmpl-8\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\n" +
		"data: [DONE]\n\n"
)

func newMeter(t testing.TB, yaml string) *Meter {
	t.Helper()
	c := new(config.Default())
	if yaml != "" {
		var err error
		if c, err = config.Parse("", []byte(yaml)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := New(c, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func read(t testing.TB, m *Meter, c Capture) Count {
	t.Helper()
	n, err := m.Read(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// usage is what a Count knows, as JSON has it.
func usage(t testing.TB, n Count) string {
	t.Helper()
	text, err := n.Usage.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRead(t *testing.T) {
	m := newMeter(t, "")
	withoutUsage := strings.Replace(streamedChat, `"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`, `"usage":null`, 1)
	for name, c := range map[string]struct {
		capture Capture
		usage   string
		source  tokenizer.Source
		cost    string // empty: not priced
		why     string
	}{
		"plain": {Capture{URL: chatURL, Body: []byte(plainChat)},
			`{"cache_read":400,"input":600,"output":20,"reasoning":0}`, tokenizer.Reported, "0.0022", ""},
		"streamed, looked at": {Capture{URL: chatURL, Body: []byte(streamedChat)},
			`{"input":9,"output":2}`, tokenizer.Reported, "0.0000425", ""},
		"content type given": {Capture{URL: chatURL, Headers: map[string]string{"Content-Type": "text/event-stream"}, Body: []byte(streamedChat)},
			`{"input":9,"output":2}`, tokenizer.Reported, "0.0000425", ""},
		"compressed": {Capture{URL: chatURL, Headers: map[string]string{"Content-Encoding": "gzip", "content-type": "application/json"}, Body: zipped(plainChat)},
			`{"cache_read":400,"input":600,"output":20,"reasoning":0}`, tokenizer.Reported, "0.0022", ""},
		"compression undone": {Capture{URL: chatURL, Headers: map[string]string{"content-encoding": "gzip"}, Body: []byte(plainChat)},
			`{"cache_read":400,"input":600,"output":20,"reasoning":0}`, tokenizer.Reported, "0.0022", ""},
		"a compression that nobody knows": {Capture{URL: chatURL, Headers: map[string]string{"content-encoding": "lzma"}, Body: []byte(plainChat)},
			`{}`, tokenizer.None, "", "cannot be read"},
		"length of another transfer": {Capture{URL: chatURL, Headers: map[string]string{"content-length": "7", "transfer-encoding": "chunked"}, Body: []byte(plainChat)},
			`{"cache_read":400,"input":600,"output":20,"reasoning":0}`, tokenizer.Reported, "0.0022", ""},
		"host with a placeholder, no scheme": {Capture{URL: "<API_BASE>/chat/completions?x=1#y", Body: []byte(plainChat)},
			`{"cache_read":400,"input":600,"output":20,"reasoning":0}`, tokenizer.Reported, "0.0022", ""},
		"text counted": {Capture{URL: chatURL, Body: []byte(withoutUsage)},
			`{"output":2}`, tokenizer.Counted, "", "reports no usage; the text that was seen was counted"},
		"nothing reported, nothing seen": {Capture{URL: chatURL, Body: []byte(`{"model":"gpt-4o"}`)},
			`{}`, tokenizer.None, "", "reports no usage"},
		"an error": {Capture{URL: chatURL, Status: 429, Body: []byte(`{"error":{"message":"slow down"}}`)},
			`{}`, tokenizer.None, "", "answered with an error"},
		"no JSON": {Capture{URL: chatURL, Body: []byte(`{"usage":{"prompt_tokens":`)},
			`{}`, tokenizer.None, "", "1 events or bodies could not be read"},
		"empty": {Capture{URL: chatURL},
			`{}`, tokenizer.None, "", "reports no usage"},
		"input alone": {Capture{URL: chatURL, Body: []byte(`{"model":"gpt-4o","usage":{"prompt_tokens":7}}`)},
			`{"input":7}`, tokenizer.Reported, "", "output is not known"},
		"no price": {Capture{URL: chatURL, Body: []byte(strings.ReplaceAll(plainChat, "gpt-4o-2024-08-06", "my-own"))},
			`{"cache_read":400,"input":600,"output":20,"reasoning":0}`, tokenizer.Reported, "", "no price row matches"},
	} {
		t.Run(name, func(t *testing.T) {
			n := read(t, m, c.capture)
			if !n.Metered || n.Record.Dialect != "openai" || n.Record.Operation != "chat" {
				t.Errorf("read as %s of %s", n.Record.Operation, n.Record.Dialect)
			}
			if got := usage(t, n); got != c.usage || n.Source != c.source {
				t.Errorf("usage %s, %v, want %s, %v", got, n.Source, c.usage, c.source)
			}
			if n.Priced != (c.cost != "") || n.Priced && n.Cost.String() != c.cost {
				t.Errorf("costs %s, %v, want %q", n.Cost, n.Priced, c.cost)
			}
			if c.why == "" && n.Why != "" || !strings.Contains(n.Why, c.why) {
				t.Errorf("why: %q, want %q", n.Why, c.why)
			}
			for _, l := range n.Record.Lines {
				if l.Source < tokenizer.Counted {
					t.Errorf("a guess is told as known: %+v", l)
				}
			}
		})
	}
}

// TestReadByRoute: what the answer tells is known, and that there was a call; how
// many queries its request asked is not.
func TestReadByRoute(t *testing.T) {
	m := newMeter(t, `
routes:
  - {path: "/collections/{c}/search", operation: vector_search, model: vectors, queries: searches.*}
  - {path: "/jobs/{job}", operation: train, usage: [{meter: gpu_seconds, path: gpu_hours, times: 3600}]}
prices: {rates: [{model: vectors, requests: "40"}, {model: train, gpu_seconds: 8000000/3600}]}
`)
	for _, c := range []struct {
		url, body, usage, cost, why string
		source                      tokenizer.Source
	}{
		{"http://q/collections/docs/search", `{"result":[]}`, `{"requests":1}`, "0.00004", "the request is not known: it counts as one", tokenizer.Counted},
		{"http://gpu/jobs/7", `{"gpu_hours":0.5}`, `{"gpu_seconds":1800}`, "4", "", tokenizer.Reported},
	} {
		n := read(t, m, Capture{URL: c.url, Body: []byte(c.body)})
		if !n.Metered || usage(t, n) != c.usage || n.Source != c.source || n.Cost.String() != c.cost || n.Why != c.why {
			t.Errorf("%s: %s by %v, costs %s, %q", c.url, usage(t, n), n.Source, n.Cost, n.Why)
		}
	}
}

func zipped(body string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write([]byte(body))
	w.Close()
	return out.Bytes()
}

func TestUnmetered(t *testing.T) {
	m := newMeter(t, "")
	for _, c := range []Capture{
		{URL: "https://api.openai.com/v1/models", Method: "get"},
		{URL: chatURL + "?key=secret", Method: "DELETE"},
		{URL: "https://example.com"},
	} {
		n := read(t, m, c)
		if n.Metered || n.Usage.Known() || n.Source != tokenizer.None || !strings.HasPrefix(n.Why, "no dialect meters ") || strings.Contains(n.Why, "secret") {
			t.Errorf("%s: %+v", c.URL, n)
		}
	}
}

// Whatever the cuts, and whatever was read before, the count is the same.
func TestEveryCut(t *testing.T) {
	m := newMeter(t, "")
	for name, c := range map[string]Capture{
		"json":                    {URL: chatURL, Body: []byte(plainChat)},
		"stream":                  {URL: chatURL, Body: []byte(streamedChat)},
		"compressed":              {URL: chatURL, Headers: map[string]string{"content-encoding": "gzip", "content-type": "text/event-stream"}, Body: zipped(streamedChat)},
		"two streams in one body": {URL: chatURL, Body: []byte(strings.Replace(streamedChat, `"completion_tokens":2`, `"completion_tokens":5`, 1) + streamedChat)},
	} {
		want := read(t, m, c)
		if !want.Priced {
			t.Fatalf("%s: %+v", name, want)
		}
		all := make([]int, len(c.Body))
		for i := range all {
			all[i] = len(c.Body) - i
			c.Cuts = []int{i}
			same(t, name, read(t, m, c), want)
		}
		c.Cuts = all // each of them, from the last to the first
		same(t, name, read(t, m, c), want)
	}
}

func same(t *testing.T, name string, got, want Count) {
	t.Helper()
	for _, r := range []*policy.Record{&got.Record, &want.Record} {
		r.ID, r.Interaction, r.Admitted, r.FirstToken, r.Completed = policy.CallID{}, "", time.Time{}, time.Time{}, time.Time{}
	}
	if d := cmp.Diff(usage(t, want), usage(t, got)); d != "" {
		t.Errorf("%s: usage: %s", name, d)
	}
	if d := cmp.Diff(want.Record, got.Record); d != "" || got.Cost != want.Cost || got.Priced != want.Priced || got.Why != want.Why {
		t.Errorf("%s: %s", name, d)
	}
}

func TestRefusedCaptures(t *testing.T) {
	m := newMeter(t, "")
	for says, c := range map[string]Capture{
		"url: it is empty": {Body: []byte("{}")},
		"no HTTP status":   {URL: chatURL, Status: 99},
		"cuts: ":           {URL: chatURL, Body: []byte("{}"), Cuts: []int{1, 3}},
		"cuts: they go":    {URL: chatURL, Body: []byte("{}"), Cuts: []int{-1}},
	} {
		if n, err := m.Read(t.Context(), &c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %+v, %v, want %q", c, n, err, says)
		}
	}
	if n := read(t, m, Capture{URL: chatURL, Body: []byte(plainChat)}); !n.Priced {
		t.Error("after captures that were none, the meter does not read on")
	}
}

// The configuration counts: providers by host, own prices, discounts; what it
// refuses or demands of callers does not matter here.
func TestConfigured(t *testing.T) {
	m := newMeter(t, `{
  mode: enforce,
  providers: [{name: local, dialect: openai, match: {host: "vllm.*"}}],
  attribution: {team: [{header: x-team}], require: [team], on_missing: refuse},
  prices: {rates: [{provider: local, model: "gpt-4o*", input: 1, cache_read: 0.5, output: 3}], discounts: [{match: {provider: local}, percent: 50}]}}`)
	n := read(t, m, Capture{URL: "http://vllm.internal:8000/v1/chat/completions", Body: []byte(plainChat)})
	if !n.Priced || n.Cost.String() != "0.00043" || n.Record.Provider != "local" {
		t.Errorf("%s at %q, %+v", n.Cost, n.Record.Provider, n)
	}
}

// A price holds in its time.
func TestAt(t *testing.T) {
	c, err := config.Parse("", []byte(`{prices: {rates: [
  {provider: openai, model: fare, input: 1, output: 1, until: 2026-02-01}, {provider: openai, model: fare, input: 2, output: 2, from: 2026-02-01}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"2026-01-31T23:59:59Z": "0.00102", "2026-02-01T00:00:00Z": "0.00204"} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(c, when)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.NewReplacer("gpt-4o-2024-08-06", "fare", `"cached_tokens":400`, "").Replace(plainChat)
		if n := read(t, m, Capture{URL: chatURL, Body: []byte(body)}); n.Cost.String() != want || !n.Record.Completed.Equal(when) {
			t.Errorf("at %s: %s, want %s", at, n.Cost, want)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	m := newMeter(b, "")
	b.SetBytes(int64(len(streamedChat)))
	for b.Loop() {
		read(b, m, Capture{URL: chatURL, Body: []byte(streamedChat)})
	}
}
