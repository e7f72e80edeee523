package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
)

func sum(b string) string {
	s := sha256.Sum256([]byte(b))
	return hex.EncodeToString(s[:])
}

// nobodyPays holds that nothing was taken for a call.
func nobodyPays(t *testing.T, s *harness.Stack) {
	t.Helper()
	u, err := s.Farebox.Usage(t.Context(), "operation")
	if err != nil {
		t.Fatal(err)
	}
	if u.Total.Calls != 0 || metric(t, s, "farebox_requests_total") != 0 || metric(t, s, "farebox_degraded_total") != 0 {
		t.Errorf("the ledger has %+v", u.Rows)
	}
	if held := metric(t, s, "farebox_inflight_bytes"); held != 0 {
		t.Errorf("%v bytes are still held", held)
	}
}

func TestWhatIsNoCallPassesUntouched(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/", ""},
		{"GET", "/v1/models?after=%2Fx", ""},
		{"HEAD", "/", ""},
		{"HEAD", "/v1/models", ""},
		{"GET", chatPath, ""},
		{"DELETE", "/v1/files/file-1", ""},
		{"OPTIONS", chatPath, ""},
		{"PUT", chatPath, plainBody},
		{"POST", "/v1/files", plainBody},
	} {
		through := ask(s, c.path, c.body)
		through.method = c.method
		direct := through
		direct.url = s.Provider.URL() + c.path
		a, b := through.run(t.Context()), direct.run(t.Context())
		if a.err != nil || a.status != b.status || !bytes.Equal(a.body, b.body) || a.header.Get("Content-Type") != b.header.Get("Content-Type") {
			t.Errorf("%s %s: %d %q, %v, and without Envoy %d %q", c.method, c.path, a.status, a.body, a.err, b.status, b.body)
		}
		calls := s.Provider.Calls()
		if saw := calls[len(calls)-2]; saw.Method != c.method || saw.Path != c.path || string(saw.Body) != c.body {
			t.Errorf("%s %s: the provider saw %s %s with %d bytes", c.method, c.path, saw.Method, saw.Path, len(saw.Body))
		}
	}
	nobodyPays(t, s)
}

func TestAnUploadPassesUntouched(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	body := strings.Repeat("\x00\xff a ferry, \r\n", 20*megabyte/15)
	for _, chunked := range []bool{false, true} {
		e := ask(s, "/echo?of=20MB", body)
		e.chunked = chunked
		e.header.Set("Content-Type", "application/octet-stream")
		g := e.run(t.Context())
		var saw provider.Echo
		if err := json.Unmarshal(g.body, &saw); err != nil || g.status != http.StatusOK {
			t.Fatalf("chunked %v: %d %v %v", chunked, g.status, g.err, err)
		}
		if saw.Length != len(body) || saw.SHA256 != sum(body) || saw.Path != "/echo?of=20MB" || saw.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("chunked %v: the provider saw %+v", chunked, saw)
		}
	}
	nobodyPays(t, s)
}

func TestAWebSocketSpeaksBothWays(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	ws, err := websocket.Dial("ws://"+s.Envoy.Addr()+"/v1/realtime?model=replay", "", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	for _, frame := range []string{"a", `{"type":"session.update"}`, strings.Repeat("noon ", 60_000), "", "b"} {
		if err := websocket.Message.Send(ws, frame); err != nil {
			t.Fatal(err)
		}
		back := "nothing"
		if err := websocket.Message.Receive(ws, &back); err != nil || back != frame {
			t.Fatalf("sent %d bytes, %d came back, %v", len(frame), len(back), err)
		}
	}
	if err := ws.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), storyWaits)
	defer cancel()
	if calls, err := s.Provider.Await(ctx, func(c []provider.Call) bool { return len(c) == 1 && (c[0].Done || c[0].Gone) }); err != nil {
		t.Errorf("the end did not reach the provider: %+v", calls)
	}
	nobodyPays(t, s)
}

// TestALongPromptPassesAndIsPaid sends 20 MB to a model: as it is, and asked for
// usage on the way.
func TestALongPromptPassesAndIsPaid(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	long := `"messages":[{"role":"user","content":"` + strings.Repeat("noon ", 4*megabyte) + `"}]}`
	asked := `{"stream_options":{"include_usage":true},"model":"replay","stream":true,` + long
	for name, c := range map[string]struct {
		sent, arrives string
		chunked       bool
	}{
		"as it is":        {`{"model":"replay",` + long, `{"model":"replay",` + long, false},
		"chunked":         {`{"model":"replay",` + long, `{"model":"replay",` + long, true},
		"asked for usage": {`{"model":"replay","stream":true,` + long, asked, false},
		"asked, chunked":  {`{"model":"replay","stream":true,` + long, asked, true},
	} {
		e := ask(s, chatPath, c.sent)
		e.chunked = c.chunked
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Fatalf("%s: %d %v %s", name, g.status, g.err, g.body[:min(len(g.body), 300)])
		}
		calls := s.Provider.Calls()
		if saw := string(calls[len(calls)-1].Body); saw != c.arrives {
			t.Errorf("%s: the provider saw %d bytes, sha %s, that begin %.80q; want %d, %s", name, len(saw), sum(saw), saw, len(c.arrives), sum(c.arrives))
		}
		reported(t, settled(t, s.Farebox, e.trace), 11, 8)
	}
	if held := metric(t, s, "farebox_inflight_bytes"); held != 0 {
		t.Errorf("%v bytes are still held", held)
	}
}

func TestMalformedJSONIsForwardedAndCounted(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	for i, body := range []string{
		`{"model":"replay","messages":[`, `{"model":"replay"}}`, "not JSON", `["model"]`, "\x00", `{"model":"replay","stream":true,"messages":[],}`,
	} {
		e := ask(s, chatPath, body)
		g := e.run(t.Context())
		calls := s.Provider.Calls()
		saw := calls[len(calls)-1]
		if len(calls) != i+1 || string(saw.Body) != body {
			t.Errorf("%q: the provider saw %d calls, the last with %q", body, len(calls), saw.Body)
		}
		if g.err != nil || g.status != saw.Status || !bytes.Equal(g.body, saw.Sent) {
			t.Errorf("%q: the caller got %d %q, the provider sent %d %q", body, g.status, g.body, saw.Status, saw.Sent)
		}
		if b := settled(t, s.Farebox, e.trace); b.Outcome != "failed" || b.Status != 400 || b.Cost != "0" {
			t.Errorf("%q: the record says %+v", body, b)
		}
		if n := metric(t, s, "farebox_degraded_total", `reason="malformed_request"`); n != float64(i+1) {
			t.Errorf("%q: %v malformed requests are counted, want %d", body, n, i+1)
		}
	}
	if n := metric(t, s, "farebox_degraded_total"); n != 6 {
		t.Errorf("%v degradations in all, want 6", n)
	}
}
