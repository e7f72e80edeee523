package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/provider"
)

// kept runs one call through a tap and returns the answer and the tap's lines.
func kept(t *testing.T, play provider.Scenario) (string, []answer) {
	t.Helper()
	up, err := provider.Start(provider.Options{Play: play})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Close()
	file := filepath.Join(t.TempDir(), "tap.jsonl")
	tp, err := startTap(up.URL(), file)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+tp.Addr()+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body) // it may be cut: that is kept too
	resp.Body.Close()
	if err := tp.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []answer
	for line := range strings.Lines(string(text)) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return string(body), out
}

func TestTapKeepsWhatItPasses(t *testing.T) {
	body, lines := kept(t, provider.Scenario{})
	if len(lines) != 1 || lines[0].Body != body || !lines[0].Whole || lines[0].Status != 200 {
		t.Errorf("kept %+v of %q", lines, body)
	}
	id, err := answerID([]byte(body))
	if err != nil || id != "chatcmpl-000001" {
		t.Errorf("id %q, %v", id, err)
	}
	_, lines = kept(t, provider.Scenario{Fault: provider.Fault{Kind: provider.Reset, After: 100}})
	if len(lines) != 1 || len(lines[0].Body) != 100 || lines[0].Whole {
		t.Errorf("of a cut answer kept %+v", lines)
	}
}

func TestAnswerID(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"a"}`: "a",
		"event: response.created\ndata: {\"response\":{\"id\":\"r\"}}\n\nevent: x\ndata: {\"response\":{\"id\":\"s\"}}\n\n": "r",
		`{"error":{}}`: "",
	} {
		if got, err := answerID([]byte(text)); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

// TestRecount holds that the recount can say no: of every number that farebox
// gives, and of calls that only one side knows.
func TestRecount(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no python3 here")
	}
	const (
		tapped = `{"path":"/v1/chat/completions","status":200,"content_type":"application/json","body":"{\"id\":\"c1\",\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":30}}}"}
{"path":"/v1/responses","status":200,"content_type":"text/event-stream","body":"event: x\ndata: {\"response\":{\"id\":\"r1\",\"usage\":null}}\n\nevent: y\ndata: {\"response\":{\"id\":\"r1\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n"}
`
		called = `{"team":"a","project":"p","response_id":"c1"}
{"team":"b","project":"p","response_id":"r1"}
`
		said = `{"rows":[
{"keys":{"team":"a"},"calls":1,"unpriced_calls":0,"tokens":{"input":70,"cache_read":30,"output":7},"charged_usd":"0.000169"},
{"keys":{"team":"b"},"calls":1,"unpriced_calls":0,"tokens":{"input":1,"output":2},"charged_usd":"0.000006"}]}`
	)
	for name, c := range map[string]struct {
		tapped, called, said string
		want                 string
	}{
		"agree":       {tapped, called, said, "agrees"},
		"cost":        {tapped, called, strings.Replace(said, "0.000169", "0.000169000001", 1), "a, cost: recounted 0.000169, farebox says 0.000169000001"},
		"tokens":      {tapped, called, strings.Replace(said, `"output":2`, `"output":3`, 1), "b, output: recounted 2, farebox says 3"},
		"calls":       {tapped, called, strings.Replace(said, `"calls":1`, `"calls":2`, 1), "a, calls"},
		"team":        {tapped, strings.Replace(called, `"b"`, `"c"`, 1), said, "c, calls: recounted 1, farebox says None"},
		"unpriced":    {tapped, called, strings.Replace(said, `calls":0`, `calls":1`, 1), "without a price"},
		"lost answer": {"", called, said, "the tap has no answer c1"},
		"no caller":   {tapped, strings.SplitAfter(called, "\n")[0], said, "nobody asked for r1"},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"tap": c.tapped, "calls": c.called, "usage": c.said} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "python3", "-B", "recount.py", "--tap", filepath.Join(dir, "tap"), "--calls", filepath.Join(dir, "calls"),
			"--usage", filepath.Join(dir, "usage"), "--rate", "input=2", "--rate", "cache_read=0.5", "--rate", "output=2.00")
		out, err := cmd.CombinedOutput()
		if (err == nil) != (name == "agree") || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
}
