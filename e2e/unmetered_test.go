package e2e_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

const refuseUnmetered = "mode: enforce\nmetering: {on_unmetered: refuse}\n"

// What may cost money and is not metered is counted, and refused where the
// operator says so; what is free passes, and what is metered does.
func TestWhatIsNotMeteredIsRefused(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"": false, refuseUnmetered: true} {
		s := kit.Start(t, harness.StackOptions{Config: shop + name})
		for _, c := range []struct {
			method, path string
			refused      bool
		}{
			{"POST", "/v1/fine_tuning/jobs", true}, {"POST", "/v1/realtime/calls", true}, {"POST", "/v1/poems", true},
			{"POST", "/v1/files", false}, {"POST", "/v1/messages/count_tokens", false}, {"GET", "/v1/models", false}, {"DELETE", "/v1/poems/7", false},
			{"POST", chatPath, false},
		} {
			e := ask(s, c.path, plainBody)
			e.method = c.method
			g := e.run(t.Context())
			if got := g.status == http.StatusForbidden; g.err != nil || got != (c.refused && refused) {
				t.Errorf("%s %s: status %d, %v: %s", c.method, c.path, g.status, g.err, g.body)
			}
			var said refusal
			if g.status == http.StatusForbidden {
				if err := json.Unmarshal(g.body, &said); err != nil || said.Error.Code != "unmetered" || g.header.Get("X-Should-Retry") != "false" {
					t.Errorf("%s %s: %s, headers %v", c.method, c.path, g.body, g.header)
				}
				onRecord(t, s, e.trace, "unmetered", http.StatusForbidden)
			}
		}
		if n := metric(t, s, "farebox_unmetered_requests_total"); n != 3 {
			t.Errorf("refused %v: %v requests are counted as unmetered, want 3", refused, n)
		}
	}
}

// An upgraded connection says nothing that anybody counts.
func TestARealtimeSessionIsRefused(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop + refuseUnmetered})
	c, err := websocket.Dial("ws://"+s.Envoy.Addr()+"/v1/realtime", "", s.URL)
	if err == nil {
		_ = c.Close()
		t.Error("the session was opened")
	}
	if n := metric(t, s, "farebox_unmetered_requests_total"); n != 1 {
		t.Errorf("%v requests are counted as unmetered, want 1", n)
	}
}

// A route that Envoy meters in another way than the configuration says is served,
// and the mismatch is counted.
func TestAMismatchOfMeteringIsCounted(t *testing.T) {
	t.Parallel()
	o := harness.StackOptions{Config: shop}
	o.Envoy.Metering = envoy.Native
	s := kit.Start(t, o)
	e := ask(s, chatPath, plainBody)
	if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	if b := settled(t, s.Farebox, e.trace); b.Source != "reported" {
		t.Errorf("the record says %+v", b)
	}
	if n := metric(t, s, "farebox_degraded_total"); n != 1 {
		t.Errorf("%v calls went on without full information, want 1", n)
	}
}
