package policy_test

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
)

func TestAnInteractionIsTheAttributeElseTheTraceElseTheRequestElseTheCall(t *testing.T) {
	id := policy.CallID{1, 15: 2}
	named := func(v string) policy.Owner {
		return policy.Owner{{Name: "team", Value: "a"}, {Name: "interaction", Value: v}}
	}
	tests := []struct {
		name           string
		owner          policy.Owner
		trace, request string
		want           string
	}{
		{"attribute", named("chat-1"), "t", "r", "chat-1"},
		{"no value", named(""), "t", "r", "t"},
		{"unattributed is no name", named(policy.Unattributed), "t", "r", "t"},
		{"no attribute", nil, "t", "r", "t"},
		{"request", nil, "", "r", "r"},
		{"the longest name", nil, "", strings.Repeat("r", 256), strings.Repeat("r", 256)},
		{"too long", nil, "", strings.Repeat("r", 257), id.String()},
		{"not to be printed", nil, "", "r\x00", id.String()},
		{"not UTF-8", nil, "", "r\xff", id.String()},
		{"nothing", nil, "", "", id.String()},
	}
	for _, test := range tests {
		ticket := policy.Ticket{Request: policy.Request{ID: id, TraceID: test.trace, RequestID: test.request}, Owner: test.owner}
		if got := policy.InteractionOf(&ticket); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestHowACallEndsSaysWhetherItSucceeds(t *testing.T) {
	tests := []struct {
		outcome string
		status  int
		finish  string
		want    bool
	}{
		{policy.Served, 200, "stop", true},
		{policy.Served, 200, "tool_calls", true},
		{policy.Served, 200, "end_turn", true},
		{policy.Served, 200, "STOP", true},
		{policy.Served, 200, "completed", true},
		{policy.Served, 200, "", true}, // embeddings finish without a word
		{policy.Served, 200, "a word of tomorrow", true},
		{policy.Cached, 200, "stop", true},
		{policy.Served, 299, "stop", true},
		{policy.Served, 199, "stop", false},
		{policy.Served, 300, "stop", false},
		{policy.Served, 0, "stop", false},
		{policy.Served, 429, "", false},
		{policy.Served, 200, "length", false},
		{policy.Served, 200, "max_tokens", false},
		{policy.Served, 200, "MAX_TOKENS", false},
		{policy.Served, 200, "max_output_tokens", false},
		{policy.Served, 200, "incomplete", false},
		{policy.Served, 200, "content_filter", false},
		{policy.Served, 200, "SAFETY", false},
		{policy.Served, 200, "refusal", false},
		{policy.Served, 200, "failed", false},
		{policy.CutOff, 200, "stop", false},
		{policy.Failed, 200, "stop", false},
		{policy.Failed, 500, "", false},
		{policy.Refused, 403, "", false},
		{policy.Refused, 200, "", false},
	}
	for _, test := range tests {
		r := policy.Record{Outcome: test.outcome, Status: test.status, Finish: test.finish}
		if got := r.Succeeds(); got != test.want {
			t.Errorf("%s, status %d, finish %q: success is %v", test.outcome, test.status, test.finish, got)
		}
	}
}
