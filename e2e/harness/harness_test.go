package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

var kit *Kit

func TestMain(m *testing.M) {
	var err error
	if kit, err = Open(Options{Progress: os.Stderr, Race: true}); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := kit.Close(); err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}

func call(t *testing.T, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

const stream = `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`

// TestWithoutFarebox holds both choices of failing.
func TestWithoutFarebox(t *testing.T) {
	for _, open := range []bool{false, true} {
		s := kit.Start(t, StackOptions{NoFarebox: true, Envoy: EnvoyOptions{Options: envoy.Options{FailOpen: open}}})
		resp, body := call(t, s.URL+"/v1/chat/completions", stream)
		calls := s.Provider.Calls()
		if !open && (resp.StatusCode != 503 || len(calls) != 0) {
			t.Errorf("fail closed: %s, the provider saw %d calls", resp.Status, len(calls))
		}
		if open && (resp.StatusCode != 200 || len(calls) != 1 || body != string(calls[0].Sent)) {
			t.Errorf("fail open: %s, the provider saw %d calls", resp.Status, len(calls))
		}
	}
}

// through runs a provider behind the shipped configuration and a processor that
// says "go on".
func through(t *testing.T, play provider.Scenario, o envoy.Options) (*Stack, *processor) {
	t.Helper()
	return throughWith(t, play, EnvoyOptions{Options: o})
}

// throughWith is through with another configuration.
func throughWith(t *testing.T, play provider.Scenario, o EnvoyOptions) (*Stack, *processor) {
	t.Helper()
	if _, err := kit.Envoy(t.Context()); err != nil {
		unavailable(t, err)
	}
	p := startProcessor(t)
	up, err := provider.Start(provider.Options{Play: play})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { up.Close() })
	o.Farebox, o.Upstream, o.Config = p.addr, up.Addr(), patient(o.Config)
	o.Dir = t.TempDir()
	e, err := kit.StartEnvoy(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("envoy wrote:\n%s", e.Log())
		}
	})
	return &Stack{Provider: up, Envoy: e, URL: e.URL()}, p
}

// TestEnvoySendsWhatTheConfigurationSays looks at the messages themselves.
func TestEnvoySendsWhatTheConfigurationSays(t *testing.T) {
	s, p := through(t, provider.Scenario{Chunks: 2, Pace: time.Millisecond}, envoy.Options{})
	resp, body := call(t, s.URL+"/v1/chat/completions", `{"model":"m"}`)
	if sent := s.Provider.Calls()[0].Sent; resp.StatusCode != 200 || body != string(sent) {
		t.Fatalf("%s: %q, the provider sent %q", resp.Status, body, sent)
	}
	seen, attrs, size := p.take()
	if want := []string{"request headers", "request body", "response headers"}; !slices.Equal(seen, want) || size != 13 {
		t.Errorf("JSON: saw %q and a body of %d bytes, want %q", seen, size, want)
	}
	for _, name := range []string{
		"request.id", "source.address", "xds.route_name", "xds.cluster_name",
		"response.code", "response.code_details", "upstream.request_attempt_count",
	} {
		if attrs[name] == "" {
			t.Errorf("no attribute %s in %v", name, attrs)
		}
	}
	if !strings.Contains(attrs["xds.cluster_name"], `"upstream"`) || !strings.Contains(attrs["xds.route_name"], `"llm"`) {
		t.Errorf("attributes %v", attrs)
	}

	resp, body = call(t, s.URL+"/v1/chat/completions", stream)
	if sent := s.Provider.Calls()[1].Sent; resp.StatusCode != 200 || body != string(sent) {
		t.Fatalf("%s: %q, the provider sent %q", resp.Status, body, sent)
	}
	if seen, _, _ = p.take(); slices.Index(seen, "response body") != 3 {
		t.Errorf("stream: saw %q", seen)
	}
}

func TestTrailersSocketsAndHTTP2(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s, p := through(t, provider.Scenario{Trailers: http.Header{"X-Sum": {"7"}}}, envoy.Options{UpstreamHTTP2: h2})
		var protocols http.Protocols
		protocols.SetHTTP1(!h2)
		protocols.SetUnencryptedHTTP2(h2)
		tr := &http.Transport{Protocols: &protocols}
		defer tr.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/chat/completions", strings.NewReader(stream))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("TE", "trailers")
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.HasSuffix(body, []byte("[DONE]\n\n")) || resp.Trailer.Get("X-Sum") != "7" || resp.ProtoMajor == 2 != h2 {
			t.Errorf("h2 %v: %v, %s, trailers %v, ends %q", h2, err, resp.Proto, resp.Trailer, body[max(0, len(body)-20):])
		}
		if seen, _, _ := p.take(); seen[len(seen)-1] != "response trailers" {
			t.Errorf("h2 %v: saw %q", h2, seen)
		}
		if got := s.Provider.Calls()[0].Proto; got == "HTTP/2.0" != h2 {
			t.Errorf("h2 %v: upstream spoke %s", h2, got)
		}
	}
	s, _ := through(t, provider.Scenario{}, envoy.Options{})
	ws, err := websocket.Dial("ws://"+s.Envoy.Addr()+"/v1/realtime", "", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	got := ""
	if err := websocket.Message.Send(ws, "over"); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(ws, &got); err != nil || got != "over" {
		t.Errorf("%v, %q came back", err, got)
	}
}

// TestBodiesUpToTheLimit holds that Envoy's own limit stands above Farebox's 32
// MiB whatever the connection's buffer, and that there is one.
func TestBodiesUpToTheLimit(t *testing.T) {
	s, p := through(t, provider.Scenario{}, envoy.Options{BufferLimit: 32 << 10})
	for _, size := range []int{40 << 10, 32<<20 + 1} {
		resp, body := call(t, s.URL+"/echo", strings.Repeat("x", size))
		var e provider.Echo
		if err := json.Unmarshal([]byte(body), &e); err != nil || resp.StatusCode != 200 || e.Length != size {
			t.Errorf("%d bytes: %s, %v, %d arrived", size, resp.Status, err, e.Length)
		}
		if _, _, got := p.take(); got != size {
			t.Errorf("%d bytes: the processor saw %d", size, got)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/echo", strings.NewReader(strings.Repeat("x", 35<<20)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil { // Envoy may also close the connection while we still send
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("35 MiB: %s", resp.Status)
		}
	}
	if n := len(s.Provider.Calls()); n != 2 {
		t.Errorf("the provider saw %d calls", n)
	}
}

// TestEnvoyValidates asks Envoy for its opinion of every shape, TLS included.
func TestEnvoyValidates(t *testing.T) {
	binary, err := kit.Envoy(t.Context())
	if err != nil {
		unavailable(t, err)
	}
	for name, o := range map[string]envoy.Options{
		"h2, log, open": {Upstream: "127.0.0.1:1", UpstreamHTTP2: true, AccessLog: "/dev/stdout", FailOpen: true, Admin: "127.0.0.1:9901"},
		"socket":        {Upstream: "[::1]:1", Farebox: "unix:///tmp/x y.sock"},
		"names":         {Upstream: "vllm.example.com:8000", Farebox: "farebox.example.com:9002"},
	} {
		text, err := envoy.Config(o)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "envoy.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), binary, "--mode", "validate", "-l", "warning", "-c", file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestModelAnswers(t *testing.T) {
	m := kit.StartModel(t)
	resp, body := call(t, m.URL()+"/v1/chat/completions", `{"model":"smollm2","max_tokens":2,"messages":[{"role":"user","content":"hi"}]}`)
	if resp.StatusCode != 200 || !strings.Contains(body, `"completion_tokens":2`) {
		t.Errorf("%s: %s", resp.Status, body)
	}
	if again := kit.StartModel(t); again.PID() != m.PID() {
		t.Error("started twice")
	}
}

func TestProcessEndsAreTold(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3": "exit status 3", "kill -SEGV $$": "segmentation fault", "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done": "",
	} {
		up := make(chan struct{}, 1) // one line is said at most
		p, err := launch("it", t.TempDir(), func([]byte) { up <- struct{}{} }, "sh", "-c", script)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-up:
		case <-p.Done():
		}
		if err := p.Stop(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", script, err)
		}
	}
	p, err := launch("it", t.TempDir(), nil, "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Kill9(), p.Stop()); err != nil {
		t.Error(err)
	}
}

func TestAwaitTellsAnEarlyEnd(t *testing.T) {
	p, err := launch("it", t.TempDir(), nil, "sh", "-c", "echo no such file >&2; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	err = p.await(context.Background(), http.DefaultClient, "http://127.0.0.1:1/")
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}

func TestMetricsSum(t *testing.T) {
	m, err := parseMetrics("# HELP x y\nx{a=\"1\",b=\"2 3\"} 4\nx{a=\"1\",b=\"9\"} 5\nx{a=\"11\"} 7\nxx 1e+06\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		family string
		labels []string
		want   float64
	}{{"x", nil, 16}, {"x", []string{`a="1"`}, 9}, {"x", []string{`b="2 3"`, `a="1"`}, 4}, {"xx", nil, 1e6}, {"y", nil, 0}} {
		if got := m.Sum(c.family, c.labels...); got != c.want {
			t.Errorf("%s%v = %v, want %v", c.family, c.labels, got, c.want)
		}
	}
	if _, err := parseMetrics("x y\n"); err == nil {
		t.Error("took a word for a value")
	}
}
