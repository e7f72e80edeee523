package extproc_test

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/anthropic"
	"github.com/farebox/farebox/tokenizer/openai"
)

// strangers are requests that are no metered call, and the operation that each
// counts as; "" for what is free.
var strangers = []struct {
	name, operation string
	headers         []string
}{
	{"an unknown path", "unknown", []string{":method", "POST", ":path", "/v1/poems"}},
	{"an unmetered operation", "fine_tuning", []string{":method", "POST", ":path", "/v1/fine_tuning/jobs"}},
	{"a realtime session", "realtime", []string{":method", "POST", ":path", "/v1/realtime/calls"}},
	{"a WebSocket", "realtime", []string{":method", "GET", ":path", "/v1/realtime", "upgrade", "websocket"}},
	{"a WebSocket where calls go", "realtime", []string{":method", "GET", ":path", "/v1/responses", "upgrade", "websocket"}},
	{"a tunnel", "realtime", []string{":method", "CONNECT", ":path", "/v1/realtime"}},
	{"gRPC", "grpc", []string{":method", "POST", ":path", "/llm.Chat/Ask", "content-type", "application/grpc"}},
	{"a list", "", []string{":method", "GET", ":path", "/v1/models"}},
	{"an end of something", "", []string{":method", "DELETE", ":path", "/v1/poems/7"}},
	{"a file", "", []string{":method", "POST", ":path", "/v1/files"}},
	{"counting", "", []string{":method", "POST", ":path", "/v1/messages/count_tokens"}},
	{"a call without a body", "", []string{":method", "POST", ":path", "/v1/completions", "content-length", "0"}},
}

func unmeteredStand(t *testing.T, refuse bool) *stand {
	t.Helper()
	return newStand(t, func(o *extproc.Options) {
		o.Dialects = []tokenizer.Dialect{openai.New(), anthropic.New()}
		o.Rules.RefuseUnmetered = refuse
	})
}

func TestWhatIsNotMeteredIsCountedAndRefusedWhereTheRulesSaySo(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		for _, c := range strangers {
			s := unmeteredStand(t, refuse)
			e := s.begin(t)
			r := e.send(requestHeaders(false, append(c.headers, ":authority", "api.openai.com")...))
			line := `farebox_unmetered_requests_total{operation="` + c.operation + `"} 1`
			if counted := strings.Contains(gathered(t, s), line); counted != (c.operation != "") {
				t.Errorf("%s: counted %v", c.name, counted)
			}
			if !refuse || c.operation == "" {
				if r.GetImmediateResponse() != nil || !e.closed() {
					t.Errorf("%s: it was not let go: %v", c.name, r)
				}
				continue
			}
			if set := refusal(t, r, 403, "unmetered"); set["x-should-retry"] != "false" {
				t.Errorf("%s: headers %v", c.name, set)
			}
			if len(s.cashier.refused) != 1 || s.cashier.refused[0].Code != "unmetered" {
				t.Errorf("%s: the refusal was not recorded: %+v", c.name, s.cashier.refused)
			}
		}
	}
}

// What goes anywhere else is none of our business.
func TestOtherHostsAreNeverRefused(t *testing.T) {
	for _, c := range strangers {
		s := unmeteredStand(t, true)
		e := s.begin(t)
		if r := e.send(requestHeaders(false, append(c.headers, ":authority", "shop.example")...)); r.GetImmediateResponse() != nil || !e.closed() {
			t.Errorf("%s: it was not let go: %v", c.name, r)
		}
	}
}

func TestAMismatchOfMeteringIsServedAndCounted(t *testing.T) {
	for _, c := range []struct {
		decided extproc.Metering
		native  bool
		count   string
	}{
		{extproc.EitherCounts, true, "0"}, {extproc.EitherCounts, false, "0"},
		{extproc.FareboxCounts, true, "1"}, {extproc.FareboxCounts, false, "0"},
		{extproc.EnvoyCounts, true, "0"}, {extproc.EnvoyCounts, false, "1"},
	} {
		s := newStand(t, func(o *extproc.Options) { o.Rules.Metering = c.decided })
		e := s.begin(t)
		if c.native {
			e = s.beginAs(t, "x-farebox-metering", "native")
		}
		if _, reply := e.chat(streamed); reply.GetRequestBody() == nil {
			t.Fatalf("%+v: not served", c)
		}
		if got := gathered(t, s); !strings.Contains(got, `farebox_degraded_total{reason="metering_mismatch"} `+c.count) {
			t.Errorf("%+v: %s", c, got)
		}
		if len(s.cashier.admitted) != 1 {
			t.Errorf("%+v: admitted %d", c, len(s.cashier.admitted))
		}
	}
}
