package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

// question is what a real model is asked, so that it answers the same each time.
type question struct {
	name, path, body string
	asking           string // the same with usage asked for; empty: it is reported anyway
}

const fixed = `{"model":"smollm2","temperature":0,"seed":1,"cache_prompt":false,`

var questions = []question{
	{"chat", chatPath, fixed + `"max_tokens":24,"messages":[{"role":"system","content":"You are brief."},{"role":"user","content":"Name the capital of France."}]}`, ""},
	{
		"chat, streamed", chatPath,
		fixed + `"max_tokens":24,"stream":true,"messages":[{"role":"user","content":"Count from one to five."}]}`,
		fixed + `"max_tokens":24,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Count from one to five."}]}`,
	},
	{
		"completion, streamed", "/v1/completions", fixed + `"max_tokens":12,"stream":true,"prompt":"The ferry leaves at"}`,
		fixed + `"max_tokens":12,"stream":true,"stream_options":{"include_usage":true},"prompt":"The ferry leaves at"}`,
	},
	{"completion", "/v1/completions", fixed + `"max_tokens":12,"prompt":"The ferry leaves at"}`, ""},
	{"response", "/v1/responses", fixed + `"max_output_tokens":16,"input":"Say good morning."}`, ""},
	{"response, streamed", "/v1/responses", fixed + `"max_output_tokens":16,"stream":true,"input":"Say good morning."}`, ""},
}

// told is the usage of an answer or of the last event that has one, in either
// naming.
func told(t *testing.T, body []byte) (in, out int64) {
	t.Helper()
	for _, line := range bytes.Split(body, []byte("\n")) {
		type usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Input      int64 `json:"input_tokens"`
			Output     int64 `json:"output_tokens"`
		}
		var event struct {
			Usage    usage
			Response struct{ Usage usage }
		}
		if json.Unmarshal(bytes.TrimPrefix(line, []byte("data: ")), &event) != nil {
			continue // not the data of an event
		}
		for _, u := range []usage{event.Usage, event.Response.Usage} {
			in, out = max(in, u.Prompt, u.Input), max(out, u.Completion, u.Output)
		}
	}
	if in == 0 || out == 0 {
		t.Fatalf("no usage in %s", body)
	}
	return in, out
}

// fleeting is what differs from one answer of the model to the next. Its timings
// stand in the last event, which is the one with usage if that was asked for.
var fleeting = regexp.MustCompile(`"(chatcmpl|cmpl|resp|msg)[-_][0-9A-Za-z]+"|"(created|created_at|completed_at)":[0-9.]+|,"timings":\{[^}]*\}`)

func lasting(body []byte) string { return string(fleeting.ReplaceAll(body, nil)) }

func usages(body []byte) int { return bytes.Count(body, []byte(`"usage":{`)) }

// TestARealModelIsPaidWhatItReports asks a real model through Envoy and by
// itself: the answers are the same, and the price is of what it reports.
func TestARealModelIsPaidWhatItReports(t *testing.T) {
	t.Parallel()
	m := kit.StartModel(t)
	s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{Upstream: m.Addr()}}})
	var in, out, calls int64
	hidden := 0
	for _, q := range questions {
		e := ask(s, q.path, q.body)
		alone := e
		alone.url = m.URL() + q.path
		g, want := e.run(t.Context()), alone.run(t.Context())
		if g.status != http.StatusOK || g.err != nil || lasting(g.body) != lasting(want.body) {
			t.Errorf("%s: %d, %v,\n%s\nand without Envoy %d\n%s", q.name, g.status, g.err, g.body, want.status, want.body)
		}
		if q.asking != "" {
			alone.body = q.asking
			asked := alone.run(t.Context())
			hidden += usages(asked.body) - usages(g.body)
			want = asked
		}
		wantIn, wantOut := told(t, want.body)
		b := settled(t, s.Farebox, e.trace)
		reported(t, b, wantIn, wantOut)
		if operation, _, _ := strings.Cut(q.name, ","); !strings.HasPrefix(b.Operation, operation) || b.Model != "smollm2" {
			t.Errorf("%s: the record says %s of %s", q.name, b.Operation, b.Model)
		}
		in, out, calls = in+wantIn, out+wantOut, calls+1
	}
	if hidden != 1 {
		t.Errorf("%d usage events were hidden, want that of the chat alone: completions show theirs anyway", hidden)
	}
	u, err := s.Farebox.Usage(t.Context(), "team", "model")
	if err != nil {
		t.Fatal(err)
	}
	if u.Total.Calls != calls || u.Total.Charged.String() != usd(in, out) || len(u.Rows) != 1 {
		t.Errorf("all calls: %+v, want %d for %s USD", u, calls, usd(in, out))
	}
}
