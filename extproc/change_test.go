package extproc_test

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/anthropic"
	"github.com/farebox/farebox/tokenizer/ollama"
	"github.com/farebox/farebox/tokenizer/openai"
)

// changed is the body that goes upstream, and what headers are set with it.
func changed(t *testing.T, s *stand, pairs []string, body string) (string, map[string]string) {
	t.Helper()
	e := s.begin(t)
	e.send(requestHeaders(false, append(pairs, ":method", "POST", "content-length", itoa(len(body)))...))
	r := e.send(requestBody(body)).GetRequestBody().GetResponse()
	set := map[string]string{}
	for _, h := range r.GetHeaderMutation().GetSetHeaders() {
		set[h.GetHeader().GetKey()] = string(h.GetHeader().GetRawValue())
	}
	if r.GetBodyMutation() == nil {
		return body, set
	}
	return string(r.GetBodyMutation().GetBody()), set
}

// A call that was admitted as it would be changed does not go otherwise, where a
// rule says so: what was held for it is given back, and it is refused.
func TestACallThatCannotBeChangedIsTurnedAway(t *testing.T) {
	why := &policy.Refusal{Code: "budget_exhausted", Status: 429, Message: "Too little is left."}
	for _, c := range []struct {
		name   string
		to     policy.Ticket
		body   string
		passes bool
	}{
		{"a bound that has no place", policy.Ticket{MaxOutput: 9, Must: tokenizer.CapPart, Otherwise: why}, `{"model":"m","options":[]}`, false},
		{"a bound", policy.Ticket{MaxOutput: 9, Must: tokenizer.CapPart, Otherwise: why}, `{"model":"m","options":{"num_predict":5000}}`, true},
		{"no more than a wish", policy.Ticket{MaxOutput: 9}, `{"model":"m","options":[]}`, true},
		{"a hint is no must", policy.Ticket{Hint: "Hm", MaxOutput: 9, Must: tokenizer.CapPart, Otherwise: why}, `{"model":"m","messages":7}`, true},
	} {
		s := newStand(t, func(o *extproc.Options) { o.Dialects = []tokenizer.Dialect{ollama.New()} })
		s.cashier.change = c.to
		e := s.begin(t)
		e.send(requestHeaders(false, ":path", "/api/chat", ":method", "POST", ":authority", "a", "content-length", itoa(len(c.body))))
		r := e.send(requestBody(c.body))
		local := r.GetImmediateResponse()
		if (local == nil) != c.passes {
			t.Fatalf("%s: %v", c.name, r)
		}
		if c.passes {
			continue
		}
		if o := s.cashier.settled(t); o.End != tokenizer.Failed || !o.TurnedAway || o.Status != 429 || o.Reason != why.Code {
			t.Errorf("%s: settled %+v", c.name, o)
		}
		if local.GetStatus().GetCode() != 429 || !strings.Contains(string(local.GetBody()), why.Message) {
			t.Errorf("%s: answered %v", c.name, local)
		}
	}
}

func TestACallGoesAsItsTicketSays(t *testing.T) {
	const all = tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart
	at := []string{":path", "/v1/chat/completions?x=1", ":authority", "api.openai.com"}
	signed := append([]string{"authorization", "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0"}, at...)
	azure := []string{":path", "/openai/deployments/big/chat/completions?api-version=1", ":authority", "a"}
	for _, c := range []struct {
		name           string
		to             policy.Ticket
		pairs          []string
		body           string
		may            tokenizer.Part
		want, wantPath string
		degraded       string
	}{
		{"as asked", policy.Ticket{}, at, `{"model":"m"}`, all, `{"model":"m"}`, "", "0"},
		{"a cap", policy.Ticket{MaxOutput: 9}, at, `{"model":"m","max_tokens":50}`, all, `{"model":"m","max_tokens":9}`, "", "0"},
		{"a cap and usage", policy.Ticket{MaxOutput: 9}, at, `{"model":"m","stream":true}`, all,
			`{"max_completion_tokens":9,"stream_options":{"include_usage":true},"model":"m","stream":true}`, "", "0"},
		{"another model", policy.Ticket{Model: "n"}, at, `{"model":"m"}`, all, `{"model":"n"}`, "", "0"},
		{"another deployment", policy.Ticket{Model: "n"}, azure, `{"messages":[]}`, all, `{"messages":[]}`, "/openai/deployments/n/chat/completions?api-version=1", "0"},
		{"signed", policy.Ticket{MaxOutput: 9}, signed, `{"model":"m"}`, 0, `{"model":"m"}`, "", "1"},
		{"malformed", policy.Ticket{MaxOutput: 9}, at, `{"model":`, 0, `{"model":`, "", "1"},
		{"a hint that has no place", policy.Ticket{Hint: "Hm", MaxOutput: 9}, at, `{"model":"m","messages":7}`, all, `{"max_completion_tokens":9,"model":"m","messages":7}`, "", "1"},
	} {
		s := newStand(t, func(o *extproc.Options) { o.Dialects = []tokenizer.Dialect{openai.New(), anthropic.New()} })
		s.cashier.change = c.to
		got, set := changed(t, s, c.pairs, c.body)
		if got != c.want || set[":path"] != c.wantPath {
			t.Errorf("%s: %s at %q", c.name, got, set[":path"])
		}
		if length := set["content-length"]; (length != "") != (got != c.body) || length != "" && length != itoa(len(got)) {
			t.Errorf("%s: content-length %q of %d bytes", c.name, length, len(got))
		}
		if may := s.cashier.admitted[0].Changes; may != c.may {
			t.Errorf("%s: it is said that %b may be changed", c.name, may)
		}
		if !strings.Contains(gathered(t, s), `farebox_degraded_total{reason="unchanged_request"} `+c.degraded) {
			t.Errorf("%s: not %s calls went unchanged", c.name, c.degraded)
		}
	}
}
