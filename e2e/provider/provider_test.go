package provider

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

func start(t *testing.T, sc Scenario) *Server {
	t.Helper()
	s, err := Start(Options{Play: sc})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// client speaks HTTP/1.1, or HTTP/2 without TLS, and never decompresses.
func client(t *testing.T, h2 bool) *http.Client {
	t.Helper()
	var p http.Protocols
	p.SetHTTP1(!h2)
	p.SetUnencryptedHTTP2(h2)
	tr := &http.Transport{Protocols: &p, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func post(t *testing.T, c *http.Client, url, body string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// events splits a stream into the data of its events.
func events(stream string) []string {
	var out []string
	for line := range strings.Lines(stream) {
		if data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}

const (
	plain    = `{"model":"m","stream":true,"messages":[]}`
	withOpts = `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`
)

func TestUsageComesOnlyWhenAsked(t *testing.T) {
	s := start(t, Scenario{Chunks: 3, Usage: &Usage{Prompt: 20, Cached: 5, Completion: 9, Reasoning: 4}})
	for _, path := range []string{"/v1/chat/completions", "/v1/completions"} {
		_, body, err := post(t, client(t, false), s.URL()+path, plain)
		if err != nil || strings.Contains(body, "usage") {
			t.Errorf("%s: %v, usage without being asked:\n%s", path, err, body)
		}
		_, body, err = post(t, client(t, true), s.URL()+path, withOpts)
		ev := events(body)
		if err != nil || len(ev) < 5 || ev[len(ev)-1] != "[DONE]" {
			t.Fatalf("%s: %v\n%s", path, err, body)
		}
		for _, e := range ev[:len(ev)-2] {
			if !strings.HasSuffix(e, `"usage":null}`) {
				t.Errorf("%s: no null usage in %s", path, e)
			}
		}
		var last struct {
			Choices []any
			Usage   struct {
				Prompt     int `json:"prompt_tokens"`
				Completion int `json:"completion_tokens"`
				Total      int `json:"total_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(ev[len(ev)-2]), &last); err != nil {
			t.Fatal(err)
		}
		if last.Choices == nil || len(last.Choices) != 0 || last.Usage.Prompt != 20 || last.Usage.Completion != 9 || last.Usage.Total != 29 {
			t.Errorf("%s: %+v", path, last)
		}
	}
}

func TestReports(t *testing.T) {
	for _, c := range []struct {
		report Report
		events int // with usage, not null
	}{{WhenAsked, 0}, {Always, 1}, {WithFinish, 1}, {Never, 0}, {InEveryChunk, 5}, {BesideContent, 1}} {
		s := start(t, Scenario{Chunks: 3, Report: c.report})
		_, body, err := post(t, client(t, false), s.URL()+"/v1/chat/completions", plain)
		if got := strings.Count(body, `"usage":{`); err != nil || got != c.events {
			t.Errorf("report %d: %d events with usage, want %d, %v", c.report, got, c.events, err)
		}
	}
}

func TestResponsesStreamEndsWithItsUsage(t *testing.T) {
	s := start(t, Scenario{Chunks: 2})
	_, body, err := post(t, client(t, false), s.URL()+"/v1/responses", `{"model":"m","stream":true,"input":"x"}`)
	if err != nil {
		t.Fatal(err)
	}
	ev := events(body)
	for i, e := range ev {
		var v struct {
			Type   string
			Number int `json:"sequence_number"`
		}
		if err := json.Unmarshal([]byte(e), &v); err != nil || v.Number != i || !strings.Contains(body, "event: "+v.Type+"\n") {
			t.Errorf("event %d: %v, %s", i, err, e)
		}
		if hasUsage := strings.Contains(e, `"input_tokens":11`); hasUsage != (i == len(ev)-1) {
			t.Errorf("event %d of %d: usage %v", i, len(ev), hasUsage)
		}
	}
}

func TestSizesAreExact(t *testing.T) {
	for _, size := range []int{2000, 1_200_000, 8 << 20} {
		s := start(t, Scenario{Size: size})
		for _, path := range []string{"chat/completions", "completions", "responses", "embeddings"} {
			resp, body, err := post(t, client(t, false), s.URL()+"/v1/"+path, `{"model":"m","input":"x"}`)
			if err != nil || len(body) != size || resp.ContentLength != int64(size) || !json.Valid([]byte(body)) {
				t.Errorf("%s: %d bytes, content-length %d, want %d, %v", path, len(body), resp.ContentLength, size, err)
			}
		}
	}
}

// TestWhatIsKeptIsWhatWasSent holds the evidence, for every way of framing.
func TestWhatIsKeptIsWhatWasSent(t *testing.T) {
	for name, sc := range map[string]Scenario{
		"each event": {}, "every byte": {CutEvery: 1}, "cuts": {Cuts: []int{3, 4, 400}}, "length": {Framing: Length},
		"gzip": {Gzip: true}, "crlf": {CRLF: true}, "no end": {NoDone: true, NoFinalBlank: true}, "trailers": {Trailers: http.Header{"X-Sum": {"7"}}},
	} {
		for _, h2 := range []bool{false, true} {
			s := start(t, sc)
			resp, body, err := post(t, client(t, h2), s.URL()+"/v1/chat/completions", plain)
			if err != nil {
				t.Fatal(name, err)
			}
			calls := s.Calls()
			if len(calls) != 1 || string(calls[0].Sent) != body || !calls[0].Done || calls[0].Gone || calls[0].ID != "chatcmpl-000001" {
				t.Errorf("%s: %d calls, %d bytes kept of %d", name, len(calls), len(calls[0].Sent), len(body))
			}
			if (resp.ContentLength >= 0) != (sc.Framing == Length) || resp.Trailer.Get("X-Sum") != sc.Trailers.Get("X-Sum") {
				t.Errorf("%s: content-length %d, trailers %v", name, resp.ContentLength, resp.Trailer)
			}
			if sc.Gzip {
				z, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				body = string(b)
			}
			if strings.Contains(body, "[DONE]") == sc.NoDone || strings.HasSuffix(body, "\n\n") == (sc.NoFinalBlank || sc.CRLF) {
				t.Errorf("%s: ends %q", name, body[max(0, len(body)-40):])
			}
		}
	}
}

func TestPacesFlushEachEvent(t *testing.T) {
	gate := 20 * time.Millisecond
	s := start(t, Scenario{Chunks: 3, Pace: gate, Last: gate})
	began := time.Now()
	_, _, err := post(t, client(t, false), s.URL()+"/v1/chat/completions", plain)
	if took := time.Since(began); err != nil || took < 4*gate {
		t.Errorf("took %v for four waits of %v, %v", took, gate, err)
	}
}

func TestFaults(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		for _, after := range []int{0, 100} {
			s := start(t, Scenario{Fault: Fault{Kind: Reset, After: after}})
			_, body, err := post(t, client(t, h2), s.URL()+"/v1/chat/completions", plain)
			if err == nil || len(body) != after {
				t.Errorf("h2 %v: %d bytes before the reset, want %d, error %v", h2, len(body), after, err)
			}
			if c := s.Calls()[0]; !c.Done || len(c.Sent) != after {
				t.Errorf("h2 %v: kept %d bytes of %d, done %v", h2, len(c.Sent), after, c.Done)
			}
		}
	}
	s := start(t, Scenario{Fault: Fault{Kind: Hang, After: 50}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL()+"/v1/chat/completions", strings.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 50)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // the client goes away
	if _, err := s.Await(ctx, func(c []Call) bool { return len(c) == 1 && c[0].Gone }); err != nil {
		t.Error(err)
	}
}

// TestResetIsAReset holds that HTTP/1.1 callers see RST, not an orderly end.
func TestResetIsAReset(t *testing.T) {
	s := start(t, Scenario{Fault: Fault{Kind: Reset, After: 10}})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := `{"model":"m"}`
	if _, err := io.WriteString(c, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v", err)
	}
}

func TestErrorsAndNames(t *testing.T) {
	s := start(t, Scenario{RefuseStreamOptions: true})
	s.PlayFor("busy", Scenario{Status: 429, Header: http.Header{"Retry-After": {"3"}}})
	resp, body, err := post(t, client(t, false), s.URL()+"/v1/chat/completions", withOpts)
	if err != nil || resp.StatusCode != 400 || !strings.Contains(body, "stream_options") {
		t.Errorf("%v, %v", err, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/v1/chat/completions", strings.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(ScenarioHeader, "busy")
	resp, err = client(t, false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "3" || s.Calls()[1].Scenario != "busy" {
		t.Errorf("%v", resp)
	}
}

func TestEchoPagesAndSockets(t *testing.T) {
	s := start(t, Scenario{})
	_, body, err := post(t, client(t, true), s.URL()+"/echo?x=1", "hello")
	var e Echo
	if err != nil || json.Unmarshal([]byte(body), &e) != nil || e.Length != 5 || e.Path != "/echo?x=1" ||
		e.SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Errorf("%v, %s", err, body)
	}
	ws, err := websocket.Dial("ws://"+s.Addr()+"/v1/realtime", "", s.URL())
	if err != nil {
		t.Fatal(err)
	}
	frame := bytes.Repeat([]byte("f"), 1000)
	if _, err := ws.Write(frame); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1000)
	if _, err := io.ReadFull(ws, got); err != nil || !bytes.Equal(got, frame) {
		t.Errorf("%v, %q", err, got)
	}
	ws.Close()
	if _, err := s.Await(t.Context(), func(c []Call) bool { return len(c) == 2 && c[1].Done }); err != nil {
		t.Error(err)
	}
}

func TestKeepsAtMost(t *testing.T) {
	s, err := Start(Options{Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 5 {
		if _, _, err := post(t, client(t, false), s.URL()+"/v1/embeddings", `{"input":["a","b"]}`); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, c := range s.Calls() {
		ids = append(ids, c.ID)
	}
	if !slices.Equal(ids, []string{"embd-000004", "embd-000005"}) {
		t.Errorf("keeps %v", ids)
	}
}

func TestHoldStopsAtTheCutUntilItIsClosed(t *testing.T) {
	goOn := make(chan struct{})
	s := start(t, Scenario{Cuts: []int{5}, Hold: goOn})
	resp, err := client(t, false).Post(s.URL()+"/v1/chat/completions", "application/json", strings.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 100)
	if n, err := resp.Body.Read(first); n != 5 || err != nil {
		t.Errorf("%d bytes came before the cut, want 5, %v", n, err)
	}
	close(goOn)
	if rest, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("then %q, %v", rest, err)
	}
}
