package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/access"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/schedule"
	"github.com/farebox/farebox/policy/shape"
	"github.com/farebox/farebox/tokenizer"
)

const all = tokenizer.ModelPart | tokenizer.CapPart | tokenizer.HintPart

// gated is an engine with a rule of each kind, and a limit of 1000 tokens.
func gated(t *testing.T, enforce bool, approvals *access.Approvals) (*engine.Engine, *book, func(want string, names ...string)) {
	t.Helper()
	who, err := access.New([]access.Rule{
		{Name: "access[0]", Deny: []string{"m-old"}, Ask: "platform@example.com"},
		{Name: "access[1]", Match: map[string][]string{"team": {"support"}}, Above: rate(t, "9"), Approval: true},
	}, approvals)
	if err != nil {
		t.Fatal(err)
	}
	when, err := schedule.New([]schedule.Rule{{Name: "schedule[0]", Match: map[string][]string{"project": {"batch"}}, Allow: []schedule.Window{{From: 18 * 60, To: 6 * 60}}}})
	if err != nil {
		t.Fatal(err)
	}
	what, err := shape.New([]shape.Rule{
		{Name: "shape[0]", Match: map[string][]string{"team": {"red"}}, MaxOutput: 200, Concise: true},
		{Name: "shape[1]", Match: map[string][]string{"project": {"strict"}}, MaxOutput: 100, Refuse: true},
	}, []shape.Limit{{Name: "runaway.for[0]", Match: map[string][]string{"project": {"short"}}, Input: 50, Output: 50, RefuseInput: true, RefuseOutput: true}, {Name: "runaway", Input: 1000, Output: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	e, b, reg := newEngine(t, func(o *engine.Options, _ *attribution.Options) {
		o.Rules.Access, o.Rules.Schedule, o.Rules.Shape, o.Rules.Enforce = who, when, what, enforce
	})
	return e, b, func(want string, names ...string) {
		t.Helper()
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), names...); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsRefusedSaysByWhichRuleAndWhoCanChangeThat(t *testing.T) {
	approvals := &access.Approvals{}
	approvals.Set([]access.Grant{{Number: 7, Team: "support", Model: "m-dear", Until: noon.Add(time.Hour)}})
	long := call(headers{"x-team": "red", "x-project": "short"})
	long.Call.Shares.Last = 4000
	many := call(headers{"x-team": "red", "x-project": "short"})
	many.Call.Shares.Last, many.Call.MaxOutput, many.Call.Choices = 20, 26, 2
	signed := call(headers{"x-team": "blue", "x-project": "strict"})
	signed.Signed = true
	named := func(h headers, model string) *policy.Request {
		r := call(h)
		r.Call.Model = model
		return r
	}
	for _, c := range []struct {
		name   string
		ask    *policy.Request
		code   string
		status int
		retry  time.Duration
		rule   string
		says   []string
	}{
		{"a listed model", named(headers{"x-team": "red"}, "m-old"), "model_not_allowed", 403, 0, "access[0]", []string{`"m-old"`, "platform@example.com"}},
		{"a dear model", named(headers{"x-team": "support"}, "m1"), "model_not_allowed", 403, 0, "access[1]", []string{"9 USD", "Team support has no approval", "farebox approvals request", "approver"}},
		{"a model without a price", named(headers{"x-team": "support"}, "x"), "model_not_allowed", 403, 0, "access[1]", []string{"no price"}},
		{"a batch by day", call(headers{"x-team": "red", "x-project": "batch"}), "off_peak_only", 429, 6 * time.Hour, "schedule[0]", []string{"18:00-06:00 (UTC)", "2026-03-01T18:00:00Z"}},
		{"no bound, and it cannot be set", signed, "output_unbounded", 400, 0, "shape[1]", []string{"at most 100 tokens", "signed"}},
		{"a long one", long, "too_many_tokens", 400, 0, "runaway.for[0]", []string{"at most 50"}},
		{"an answer that may be long", many, "too_many_tokens", 400, 0, "runaway.for[0]", []string{"2 answers of 26 tokens"}},
	} {
		e, b, _ := gated(t, true, approvals)
		ticket, err := e.Admit(t.Context(), c.ask)
		if err != nil || ticket.Refusal == nil {
			t.Errorf("%s: passed, %v", c.name, err)
			continue
		}
		why := ticket.Refusal
		if why.Code != c.code || why.Status != c.status || why.Retry != c.retry || why.Rule != c.rule {
			t.Errorf("%s: %+v", c.name, why)
		}
		for _, word := range c.says {
			if !strings.Contains(why.Message, word) {
				t.Errorf("%s: %q lacks %q", c.name, why.Message, word)
			}
		}
		r := b.last(t)
		if n := len(r.Rulings); r.Outcome != policy.Refused || r.Reason != c.code || n == 0 || r.Rulings[n-1] != (policy.Ruling{Rule: c.rule, Did: policy.Refused}) || len(b.open) != 0 {
			t.Errorf("%s: the record is %+v", c.name, r)
		}
		e, b, counted := gated(t, false, approvals)
		if ticket, err = e.Admit(t.Context(), c.ask); err != nil || ticket.Refusal != nil || len(b.records) != 0 {
			t.Errorf("%s: observed, %+v, %v", c.name, ticket.Refusal, err)
		}
		want := "# HELP farebox_would_refuse_total Calls that enforce mode would have refused, by code.\n# TYPE farebox_would_refuse_total counter\n"
		for _, code := range []string{"missing_metadata", "model_not_allowed", "off_peak_only", "output_unbounded", "too_many_tokens", "unknown_owner"} {
			want += `farebox_would_refuse_total{code="` + code + `"} ` + map[bool]string{true: "1", false: "0"}[code == c.code] + "\n"
		}
		counted(want, "farebox_would_refuse_total")
		if !slices.Contains(ticket.Rulings, policy.Ruling{Rule: c.rule, Did: policy.WouldRefuse, Why: c.code}) {
			t.Errorf("%s: observed, %+v", c.name, ticket.Rulings)
		}
	}
}

func TestAnApprovedModelPassesAndTheRecordSaysByWhich(t *testing.T) {
	approvals := &access.Approvals{}
	approvals.Set([]access.Grant{{Number: 7, Team: "support", Model: "m*", Until: noon.Add(time.Second)}})
	e, b, _ := gated(t, true, approvals)
	ticket, err := e.Admit(t.Context(), call(headers{"x-team": "support"}))
	if err != nil || ticket.Refusal != nil {
		t.Fatalf("%+v, %v", ticket.Refusal, err)
	}
	e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Model: "m1", Usage: reported(10, 0, 5)}})
	if diff := cmp.Diff([]policy.Ruling{{Rule: "access[1]", Did: policy.Passed, Why: "approval 7"}}, b.last(t).Rulings); diff != "" {
		t.Error(diff)
	}
	late := call(headers{"x-team": "support"})
	late.At = noon.Add(time.Second)
	if ticket, err = e.Admit(t.Context(), late); err != nil || ticket.Refusal == nil || !strings.Contains(ticket.Refusal.Message, "ended at 2026-03-01T12:00:01Z") {
		t.Errorf("%+v, %v", ticket.Refusal, err)
	}
}

func TestAnswersAreBoundedWhereThatIsPossible(t *testing.T) {
	capped := []policy.Ruling{{Rule: "shape[0]", Did: policy.Changed, Why: `"Be concise."`}, {Rule: "shape[0]", Did: policy.Changed, Why: "at most 200 tokens"}}
	for _, c := range []struct {
		name      string
		change    func(*policy.Request)
		maxOutput int64
		hint      string
		hold      int64
		want      []policy.Ruling
	}{
		{"without a bound", nil, 200, shape.ConciseHint, 200, capped},
		{"with a greater one", func(r *policy.Request) { r.Call.MaxOutput = 201 }, 200, shape.ConciseHint, 200, capped},
		{"with a lesser one", func(r *policy.Request) { r.Call.MaxOutput = 200 }, 0, shape.ConciseHint, 200, capped[:1]},
		{"several answers", func(r *policy.Request) { r.Call.Choices = 3 }, 200, shape.ConciseHint, 600, capped},
		{"what generates nothing", func(r *policy.Request) { r.Call.Operation, r.Changes = "embeddings", tokenizer.ModelPart }, 0, "", 0, nil},
		{"signed", func(r *policy.Request) { r.Changes, r.Signed = 0, true }, 0, "", 1000,
			[]policy.Ruling{{Rule: "shape[0]", Did: policy.NotPossible, Why: "at most 200 tokens; its body is signed, so that this gateway cannot set a bound"}}},
	} {
		r := call(headers{"x-team": "red"})
		r.Changes = all
		if c.change != nil {
			c.change(r)
		}
		e, _, _ := gated(t, true, nil)
		ticket, err := e.Admit(t.Context(), r)
		if err != nil || ticket.MaxOutput != c.maxOutput || ticket.Hint != c.hint || ticket.Hold.Output != c.hold {
			t.Errorf("%s: %+v, %v", c.name, ticket, err)
		}
		if diff := cmp.Diff(c.want, ticket.Rulings); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	e, _, _ := gated(t, true, nil)
	r := call(headers{"x-team": "red", "x-project": "strict"})
	r.Changes = all
	if ticket := admit(t, e, r); ticket.MaxOutput != 100 || !ticket.Must.Has(tokenizer.CapPart) || ticket.Otherwise == nil || ticket.Otherwise.Code != "output_unbounded" {
		t.Errorf("it may go without its bound: %d tokens, must %b, else %+v", ticket.MaxOutput, ticket.Must, ticket.Otherwise)
	}
	e, _, counted := gated(t, false, nil)
	r = call(headers{"x-team": "red"})
	r.Changes = all
	ticket, err := e.Admit(t.Context(), r)
	if err != nil || ticket.MaxOutput != 0 || ticket.Hint != "" || len(ticket.Rulings) != 2 || ticket.Rulings[1].Did != policy.WouldChange {
		t.Errorf("observed: %+v, %v", ticket, err)
	}
	counted(`
# HELP farebox_shaped_requests_total Calls that shape concerns, by change: cap and hint are made in mode enforce, not_possible went as it was asked.
# TYPE farebox_shaped_requests_total counter
farebox_shaped_requests_total{change="cap"} 1
farebox_shaped_requests_total{change="hint"} 1
farebox_shaped_requests_total{change="not_possible"} 0
`, "farebox_shaped_requests_total")
}

func TestACallThatRanAwayIsFlagged(t *testing.T) {
	e, b, counted := gated(t, true, nil)
	for i, tokens := range [][2]int64{{1000, 1000}, {1001, 5}, {5, 1001}, {2000, 3000}} {
		r := call(headers{"x-team": "blue"})
		r.ID[15] = byte(i)
		ticket, err := e.Admit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		e.Settle(t.Context(), ticket, policy.Outcome{Status: 200, At: noon, Reading: tokenizer.Reading{Model: "m1", Usage: reported(tokens[0], 0, tokens[1])}})
		var want []policy.Ruling
		if tokens[0] > 1000 {
			want = append(want, policy.Ruling{Rule: "runaway", Did: policy.RunawayInput})
		}
		if tokens[1] > 1000 {
			want = append(want, policy.Ruling{Rule: "runaway", Did: policy.RunawayOutput})
		}
		got := b.last(t).Rulings
		for i := range got {
			got[i].Why = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", tokens, diff)
		}
	}
	counted(`
# HELP farebox_runaway_calls_total Calls that took more tokens than runaway says is right for one, by direction: input or output.
# TYPE farebox_runaway_calls_total counter
farebox_runaway_calls_total{direction="input",model="m1",project="",provider="local",request_type="",team="blue"} 2
farebox_runaway_calls_total{direction="output",model="m1",project="",provider="local",request_type="",team="blue"} 2
`, "farebox_runaway_calls_total")
}
