package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/cmd/farebox/meter"
)

const (
	capturedURL  = "https://api.openai.com/v1/chat/completions"
	capturedChat = `{"id":"chatcmpl-7","model":"gpt-4o-2024-08-06","choices":[{"index":0,"finish_reason":"stop","message":{"content":"Two secrets."}}],` +
		`"usage":{"prompt_tokens":1000,"completion_tokens":20,"total_tokens":1020,"prompt_tokens_details":{"cached_tokens":400,"audio_tokens":0}}}`
	capturedStream = "data: {\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Two secrets.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
)

// captured puts the bodies into a folder of its own.
func captured(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	put(t, filepath.Join(dir, "chat.json"), capturedChat)
	put(t, filepath.Join(dir, "chat.sse"), capturedStream)
	put(t, filepath.Join(dir, "farebox.yaml"), "prices: {rates: [{provider: openai, model: gpt-4o-2024-08-06, input: 1, output: 2, cache_read: 0.5}]}\n")
	return dir
}

func TestMeterOne(t *testing.T) {
	dir := captured(t)
	for name, args := range map[string]string{
		"meter.table":       "chat.json --url " + capturedURL,
		"meter.json":        "chat.json --url " + capturedURL + " -o json --config farebox.yaml",
		"meter-count.table": "chat.sse --url " + capturedURL + " --content-type text/event-stream --cuts 10,20",
		"meter-error.table": "chat.json --url " + capturedURL + " --status 500",
		"meter-not.table":   "chat.json --url https://api.openai.com/v1/models --method GET",
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields("meter " + args)
			for i, w := range words {
				if strings.HasPrefix(w, "chat.") || strings.HasSuffix(w, ".yaml") {
					words[i] = filepath.Join(dir, w)
				}
			}
			status, out, errOut := try(words...)
			if status != 0 || errOut != "" {
				t.Fatalf("status %d: %s", status, errOut)
			}
			if strings.Contains(out, "secret") {
				t.Error("the body is repeated")
			}
			golden(t, name, out)
		})
	}
}

// What the flags say of an answer reaches its record.
func TestMeterHeaders(t *testing.T) {
	file := filepath.Join(captured(t), "chat.json")
	status, out, errOut := try("meter", file, "--url", capturedURL, "--header", "openai-project: proj_1", "--header", "Content-Encoding: gzip", "--at", "2026-01-01")
	if status != 0 || errOut != "" || !strings.Contains(out, "proj_1") || !strings.Contains(out, "It costs 0.0022 USD.") {
		t.Errorf("status %d, %q: %s", status, errOut, out)
	}
}

func TestMeterRefuses(t *testing.T) {
	dir := captured(t)
	put(t, filepath.Join(dir, "bad.yaml"), "prices: {rates: [{model: x}]}\n")
	for args, says := range map[string]string{
		"":                           "0 arguments, want one FILE",
		"a b --url x":                "2 arguments, want one FILE",
		"none.json --url x":          "read capture: open",
		"CHAT":                       "no --url",
		"CHAT --url https://":        "url: it is empty",
		"CHAT --url x/y --status 1":  "no HTTP status",
		"CHAT --url x/y --cuts 9999": "cuts: ",
		"CHAT --url x/y --header a":  "want name: value",
		"CHAT --url x/y --at soon":   "neither a date",
		"CHAT --url x/y -o csv":      "allowed are table, json",
		"CHAT --url x/y --config " + filepath.Join(dir, "bad.yaml"): "bad.yaml",
		"CHAT --batch --url x": "--url and --batch",
		"CHAT --batch -o json": "--output and --batch",
	} {
		words := strings.Fields("meter " + strings.ReplaceAll(args, "CHAT", filepath.Join(dir, "chat.json")))
		if status, out, errOut := try(words...); status != 1 || out != "" || !strings.Contains(errOut, says) {
			t.Errorf("meter %s: status %d, out %q, error %q; want 1 and %q", args, status, out, errOut, says)
		}
	}
}

func TestMeterBatch(t *testing.T) {
	dir := captured(t)
	body := base64.StdEncoding.EncodeToString([]byte(capturedChat))
	path := strings.ReplaceAll(filepath.Join(dir, "chat.json"), `\`, `\\`)
	var in strings.Builder
	cases := []struct{ line, want string }{
		{`{"url":"` + capturedURL + `","body_base64":"` + body + `"}`, `"usage":{"cache_read":400,"input":600,"input_audio":0,"output":20},"lines":[{"model":"gpt-4o-2024-08-06","meter":"input","quantity":600,`},
		{`{"url":"` + capturedURL + `","method":"post","status":"200 OK","body_path":"` + path + `","cuts":[200,1,3],"unknown":[1]}`, `"cost_usd":"0.0022","priced":true`},
		{`{"url":"` + capturedURL + `","headers":{"Content-Type":["application/json"],"x":"y"},"body_path":"` + path + `"}`, `"source":"reported"`},
		{`{"url":"` + capturedURL + `","status":404,"body_base64":"e30="}`, `"source":"none","usage":{},"priced":false,"why":"the provider answered with an error"`},
		{`{"url":"https://api.openai.com/v1/models","method":"GET","body_base64":""}`, `"why":"no dialect meters GET api.openai.com/v1/models"`},
		{`{"url":"` + capturedURL + `","content_type":"text/event-stream","body_base64":"` + base64.StdEncoding.EncodeToString([]byte(capturedStream)) + `"}`, `"stream":true,"source":"counted","usage":{"output":3}`},
		{`   `, ``},
		{`{"url":`, `"error":"read line: unexpected end of JSON input"`},
		{`[]`, `"error":"read line: `},
		{`{"url":"x/y"}`, `"error":"neither body_path nor body_base64 is there"`},
		{`{"url":"x/y","body_base64":"e30=","body_path":"z"}`, `"error":"body_path and body_base64: there can be one of them"`},
		{`{"url":"x/y","body_base64":"*"}`, `"error":"body_base64: illegal`},
		{`{"url":"x/y","body_path":"none.json"}`, `"error":"body_path: open none.json: `},
		{`{"url":"x/y","body_path":"."}`, `"error":"read capture: `},
		{`{"body_base64":"e30="}`, `"error":"url: it is empty"`},
		{`{"url":"x/y","body_base64":"e30=","cuts":[3]}`, `"error":"cuts: they go from 3 to 3 in a body of 2 bytes"`},
		{`{"url":"x/y","body_base64":"e30=","status":"fine"}`, `"error":"read line: status: no number"`},
		{`{"url":"x/y","body_base64":"e30=","status":null,"headers":{"a":3}}`, `"error":"read line: headers: a value is neither`},
	}
	var want []string
	for i, c := range cases {
		in.WriteString(c.line)
		if i < len(cases)-1 { // the last line has no end
			in.WriteString("\n")
		}
		if c.want != "" {
			want = append(want, c.want)
		}
	}
	file := filepath.Join(dir, "batch.jsonl")
	put(t, file, in.String())
	status, out, errOut := try("meter", "--batch", file)
	if status != 1 || errOut != "farebox: 11 of 17 captures failed: their lines say why\n" {
		t.Errorf("status %d, error %q", status, errOut)
	}
	got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines of answers, want %d:\n%s", len(got), len(want), out)
	}
	for i := range got {
		var m metered
		if err := json.Unmarshal([]byte(strings.Replace(got[i], `"usage":{`, `"_":{`, 1)), &m); err != nil || !strings.Contains(got[i], want[i]) {
			t.Errorf("line %d: %v, no %s in\n%s", i+1, err, want[i], got[i])
		}
		if strings.Contains(got[i], "secret") {
			t.Errorf("line %d repeats the body", i+1)
		}
	}
	put(t, file, cases[0].line+"\r\n\n")
	if status, out, errOut = try("meter", "--batch", file, "--config", filepath.Join(dir, "farebox.yaml")); status != 0 || errOut != "" || !strings.Contains(out, `"cost_usd":"0.00084"`) {
		t.Errorf("status %d, error %q: %s", status, errOut, out)
	}
}

// flushed notes how much had been written when the reader asked for more.
type flushed struct {
	out   *bytes.Buffer
	lines []string
	seen  []int
}

func (f *flushed) Read(p []byte) (int, error) {
	f.seen = append(f.seen, f.out.Len())
	if len(f.lines) == 0 {
		return 0, io.EOF
	}
	line := f.lines[0]
	f.lines = f.lines[1:]
	return copy(p, line), nil
}

// Whoever writes line by line gets each answer before the next line is read, and
// whoever waits long is told how far it is.
func TestMeterBatchAsItGoes(t *testing.T) {
	m, err := meter.New(new(config.Default()), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var out, errOut bytes.Buffer
	line := `{"url":"` + capturedURL + `","body_base64":"e30="}` + "\n"
	in := &flushed{out: &out, lines: []string{line, line, "{}\n"}}
	at := time.Unix(0, 0)
	b := batch{meter: m, errOut: &errOut, now: func() time.Time { at = at.Add(progressEvery - time.Nanosecond); return at }}
	if err := b.run(t.Context(), in, &out); err == nil || !strings.HasPrefix(err.Error(), "1 of 3 captures failed") {
		t.Errorf("error %v", err)
	}
	if len(in.seen) != 4 || in.seen[0] != 0 || in.seen[1] == 0 || in.seen[2] <= in.seen[1] || in.seen[3] <= in.seen[2] {
		t.Errorf("written before each read: %v", in.seen)
	}
	if errOut.String() != "farebox: 2 captures, 0 failed\n" {
		t.Errorf("progress %q", errOut.String())
	}
	in.lines = []string{line}
	if err := b.run(t.Context(), io.MultiReader(in, broken{}), &out); !errors.Is(err, errBroken) {
		t.Errorf("a broken file: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 50)
	in := bufio.NewReaderSize(strings.NewReader("short\n"+long+"\n\n"+long+long+"\nend"), 16)
	for _, want := range []string{"short\n false <nil>", long + "\n false <nil>", "\n false <nil>", " true <nil>", "end false EOF", " false EOF"} {
		line, tooLong, err := readLine(in, 60)
		if got := fmt.Sprintf("%s %v %v", line, tooLong, err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if line, tooLong, err := readLine(bufio.NewReader(strings.NewReader(long)), 49); !tooLong || !errors.Is(err, io.EOF) {
		t.Errorf("a long line at the end: %q, %v, %v", line, tooLong, err)
	}
}
