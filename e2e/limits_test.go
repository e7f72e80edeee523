package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// tight lets a process hold one MiB.
const tight = "metering: {max_request_body: 1MiB}\nlimits: {inflight_bytes: 1MiB}\n"

// bodyOf is a plain call of about n bytes.
func bodyOf(n int) string {
	return `{"model":"replay","messages":[{"role":"user","content":"` + strings.Repeat("x", n) + `"}]}`
}

// tooLarge holds that an answer is a 413 in the caller's dialect.
func tooLarge(t *testing.T, g got) {
	t.Helper()
	var said refusal
	if err := json.Unmarshal(g.body, &said); err != nil || g.err != nil {
		t.Fatalf("status %d, %q: %v, %v", g.status, g.body, err, g.err)
	}
	if g.status != http.StatusRequestEntityTooLarge || g.header.Get("Content-Type") != jsonContent || g.header.Get("X-Should-Retry") != "false" {
		t.Errorf("status %d, headers %v", g.status, g.header)
	}
	if said.Error.Code != "request_too_large" || said.Error.Type != "invalid_request_error" || said.Error.Message == "" {
		t.Errorf("it says %s", g.body)
	}
}

// comeBack holds that an answer is a 503 in the caller's dialect, with a time.
func comeBack(t *testing.T, g got) {
	t.Helper()
	var said refusal
	if err := json.Unmarshal(g.body, &said); err != nil || g.err != nil {
		t.Fatalf("status %d, %q: %v, %v", g.status, g.body, err, g.err)
	}
	if g.status != http.StatusServiceUnavailable || g.header.Get("Retry-After") != "1" || g.header.Get("Content-Type") != jsonContent || g.header.Get("X-Should-Retry") != "" {
		t.Errorf("status %d, headers %v", g.status, g.header)
	}
	if said.Error.Code != "unavailable" || said.Error.Type != "server_error" {
		t.Errorf("it says %s", g.body)
	}
}

// onRecord holds that the refusal of a call is in the ledger and costs nothing.
func onRecord(t *testing.T, s *harness.Stack, trace, code string, status int) {
	t.Helper()
	b := settled(t, s.Farebox, trace)
	if b.Outcome != "refused" || b.Reason != code || b.Status != status || b.In+b.Out != 0 || b.Cost != "0" || b.Team != "support" {
		t.Errorf("the record says %+v, want refused with %s and %d", b, code, status)
	}
}

// TestABodyOverTheLimitIsRefusedByItsLength: the head is all that is sent.
func TestABodyOverTheLimitIsRefusedByItsLength(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop + tight})
	e := ask(s, chatPath, "")
	conn, err := net.Dial("tcp", s.Envoy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(storyWaits)); err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: local\r\nContent-Length: %d\r\n", chatPath, megabyte+1)
	if err := e.header.Write(&head); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(head.Bytes(), "\r\n"...)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	tooLarge(t, got{status: resp.StatusCode, header: resp.Header, body: body.Bytes(), err: err})
	onRecord(t, s, e.trace, "request_too_large", 413)

	exact := ask(s, chatPath, bodyOf(megabyte-len(bodyOf(0))))
	if g := exact.run(t.Context()); g.status != http.StatusOK {
		t.Errorf("%d bytes, which is the limit: %d %s", len(exact.body), g.status, g.body)
	}
	if n := len(s.Provider.Calls()); n != 1 {
		t.Errorf("the provider saw %d calls, want one", n)
	}
}

func TestABodyOverTheLimitIsRefusedWithoutALength(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]harness.StackOptions{
		"by farebox": {Config: shop + tight},
		"by envoy":   {Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{BodyLimit: megabyte}}},
	} {
		s := kit.Start(t, o)
		e := ask(s, chatPath, bodyOf(megabyte+64<<10))
		e.chunked = true
		tooLarge(t, e.run(t.Context()))
		onRecord(t, s, e.trace, "request_too_large", 413)
		if n := len(s.Provider.Calls()); n != 0 {
			t.Errorf("%s: the provider saw %d calls", name, n)
		}
		if n := metric(t, s, "farebox_refused_total", `code="request_too_large"`); n != 1 {
			t.Errorf("%s: %v refusals are counted", name, n)
		}
	}
}

// TestOnlySoManyBytesAreHeldAtOnce: an answer that is held until it is whole, and
// does not become so, leaves too little room for a long prompt. Whoever sends it
// is told when to come back, and has room again when the first caller has gone.
func TestOnlySoManyBytesAreHeldAtOnce(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{
		Config: shop + "metering: {max_request_body: 1MiB, buffer_json: 512KiB}\nlimits: {inflight_bytes: 1MiB}\n",
	})
	s.Provider.PlayFor("stuck", provider.Scenario{Size: 512 << 10, Fault: provider.Fault{Kind: provider.Hang, After: 1000}})
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	stuck := ask(s, chatPath, plainBody)
	stuck.header.Set(provider.ScenarioHeader, "stuck")
	gone := make(chan got, 1)
	go func() { gone <- stuck.run(ctx) }()
	holds := func(n float64) func(context.Context) (bool, error) {
		return func(ctx context.Context) (bool, error) {
			m, err := s.Farebox.Metrics(ctx)
			return err == nil && m.Sum("farebox_inflight_bytes") == n, err
		}
	}
	eventually(t, "the answer is held", holds(512<<10))
	for _, chunked := range []bool{false, true} {
		e := ask(s, chatPath, bodyOf(600<<10))
		e.chunked = chunked
		comeBack(t, e.run(t.Context()))
		onRecord(t, s, e.trace, "unavailable", 503)
	}
	if n := len(s.Provider.Calls()); n != 1 {
		t.Errorf("the provider saw %d calls, want the first alone", n)
	}
	small := ask(s, chatPath, bodyOf(100<<10))
	if g := small.run(t.Context()); g.status != http.StatusOK {
		t.Errorf("a prompt there is room for: %d %s", g.status, g.body)
	}
	hangUp()
	<-gone
	eventually(t, "nothing is held", holds(0))
	if b := settled(t, s.Farebox, stuck.trace); b.Outcome != "cut" || b.Out == 0 {
		t.Errorf("the record of the first call says %+v", b)
	}
	e := ask(s, chatPath, bodyOf(600<<10))
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", g.status, g.body)
	}
	reported(t, settled(t, s.Farebox, e.trace), 11, 8)
}

// TestAModelMayThinkForAWhile: 30 seconds without a byte, before the answer, in
// it and before its end, are longer than every timeout between the parts.
func TestAModelMayThinkForAWhile(t *testing.T) {
	t.Parallel()
	const while = 30 * time.Second
	s := kit.Start(t, harness.StackOptions{Config: shop})
	s.Provider.PlayFor("before", provider.Scenario{First: while})
	s.Provider.PlayFor("within", provider.Scenario{Chunks: 1, Pace: while})
	s.Provider.PlayFor("at the end", provider.Scenario{Last: while})
	var all sync.WaitGroup
	for i, c := range []struct {
		scenario, body string
		out            int64
	}{
		{"before", plainBody, 8}, {"before", streamBody, 8}, {"within", streamBody, 1}, {"within", askingBody, 1},
		{"at the end", streamBody, 8}, {"at the end", askingBody, 8},
	} {
		all.Go(func() {
			e := ask(s, chatPath, c.body)
			e.header.Set(provider.ScenarioHeader, c.scenario)
			g := e.run(t.Context())
			if g.status != http.StatusOK || g.err != nil || c.body != plainBody && !g.done() {
				t.Errorf("call %d, silent %s: %d, %v, %q", i, c.scenario, g.status, g.err, g.body)
			}
			var b bill
			found, err := bills(t.Context(), s.Farebox, e.trace)
			if len(found) == 1 {
				b = found[0]
			}
			if err != nil || b.Source != "reported" || b.In != 11 || b.Out != c.out || b.Cost != usd(11, c.out) {
				t.Errorf("call %d, silent %s: the records say %+v, %v", i, c.scenario, found, err)
			}
		})
	}
	all.Wait()
}
