package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/policy"
)

// strict is a company that lets nobody pass who is not known, and nobody who has
// nothing left to spend.
const strict = `
mode: enforce
attribution: {team: [{header: x-team}], require: [team], on_missing: refuse, on_unknown: refuse}
owners: [{team: support}, {team: broke}]
budgets: [{name: empty, match: {team: broke}, limit: {usd: "0.000000001"}, window: {every: month}}]
`

// denial is one way of being refused, by the team that a call names.
type denial struct {
	code, team string
	status     int
	says       string // what a person reads
}

func denials() []denial {
	return []denial{
		{code: "missing_metadata", team: "", status: 400, says: "team (header x-team)"},
		{code: "unknown_owner", team: "ghost", status: 403, says: "No team known to this gateway"},
		{code: "budget_exhausted", team: "broke", status: 429, says: "too little left for this call"},
	}
}

// temper is what a client makes of refusals of a code.
type temper struct {
	raises string // the class of its exception
	status int    // 0: as the denial says
	asks   int    // how often, when it retries as its makers have it do; 0: once
	mute   bool   // the exception does not say why
}

// tempers are those of the clients of a provider, by what they do, else by "", and
// by code. Most ask once: some see x-should-retry, some never retry. Cohere's and
// boto3 would retry after any 429, so that Cohere's dialect says 403, and Bedrock's
// 400, as it does of its own quotas. The AI SDK would too; it speaks the dialects of
// others, whose own clients take the 429 for what it is.
func tempers(client string) map[string]temper {
	switch client {
	case "anthropic":
		return map[string]temper{"missing_metadata": {raises: "BadRequestError"}, "unknown_owner": {raises: "PermissionDeniedError"}, "budget_exhausted": {raises: "RateLimitError"}}
	case "ai.generateText":
		return map[string]temper{"missing_metadata": {raises: "APICallError"}, "unknown_owner": {raises: "APICallError"}, "budget_exhausted": {raises: "RetryError", asks: 3}}
	case "ai.streamText": // its errors go elsewhere, see onError
		none := temper{raises: "NoOutputGeneratedError", status: -1, mute: true}
		retried := none
		retried.asks = 3
		return map[string]temper{"missing_metadata": none, "unknown_owner": none, "budget_exhausted": retried}
	case "gemini":
		return map[string]temper{"missing_metadata": {raises: "ClientError"}, "unknown_owner": {raises: "ClientError"}, "budget_exhausted": {raises: "ClientError"}}
	case "bedrock":
		return map[string]temper{"missing_metadata": {raises: "ValidationException"}, "unknown_owner": {raises: "AccessDeniedException"}, "budget_exhausted": {raises: "ServiceQuotaExceededException", status: 400}}
	case "cohere":
		return map[string]temper{"missing_metadata": {raises: "BadRequestError"}, "unknown_owner": {raises: "ForbiddenError"}, "budget_exhausted": {raises: "ForbiddenError", status: 403}}
	case "mistral":
		return map[string]temper{"missing_metadata": {raises: "SDKError"}, "unknown_owner": {raises: "SDKError"}, "budget_exhausted": {raises: "SDKError"}}
	case "ollama":
		return map[string]temper{"missing_metadata": {raises: "ResponseError"}, "unknown_owner": {raises: "ResponseError"}, "budget_exhausted": {raises: "ResponseError"}}
	}
	return nil
}

// temperOf is what a client makes of a denial.
func (d denial) temperOf(do string) temper {
	all := tempers(do)
	if all == nil {
		client, _, _ := strings.Cut(do, ".")
		all = tempers(client)
	}
	t := all[d.code]
	if t.status == 0 {
		t.status = d.status
	}
	t.status, t.asks = max(t.status, 0), max(t.asks, 1)
	return t
}

// TestOfficialClientsOfEveryProviderRaiseWhatTheirUsersCatch: a refusal comes as the
// exception of its kind and with its reason, plain and streamed, nothing of it goes
// upstream, and no client asks again that can be told not to.
func TestOfficialClientsOfEveryProviderRaiseWhatTheirUsersCatch(t *testing.T) {
	t.Parallel()
	for _, h := range houses() {
		t.Run(h.dialect, func(t *testing.T) {
			t.Parallel()
			up, err := replay.Start(h.answers())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = up.Close() })
			o := harness.StackOptions{Config: tariff(h.dialect) + strict}
			o.Envoy.Upstream = up.Addr()
			s := kit.Start(t, o)
			if len(h.python) > 0 {
				denied(t, s, kit.StartClients(t, (*harness.Kit).PythonClients).With("official_calls.py"), h.python)
			}
			if len(h.npm) > 0 {
				denied(t, s, kit.StartClients(t, (*harness.Kit).NodeClients).With("official_calls.mjs"), h.npm)
			}
			if calls := up.Calls(); len(calls) != 0 {
				t.Errorf("the provider was asked %d times: %s", len(calls), calls[0].Path)
			}
		})
	}
}

// denied has each call that would be on record refused in every way.
func denied(t *testing.T, s *harness.Stack, clients *harness.Clients, visits []visit) {
	t.Helper()
	var p plan
	var of []denial
	for _, d := range denials() {
		for _, v := range visits {
			if v.record.operation == "" {
				continue // it is free, and passes
			}
			c := sdkCall{Name: d.code + " " + v.do, Do: v.do, Args: v.args, Patient: true}.through(s, s.URL)
			c.BaseURL = s.URL
			if c.Headers["X-Team"] = d.team; d.team == "" {
				delete(c.Headers, "X-Team")
			}
			p.Calls, of = append(p.Calls, c), append(of, d)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), storyEnds)
	defer cancel()
	results, err := harness.Run[heard](ctx, clients, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(p.Calls) {
		t.Fatalf("%d results of %d calls", len(results), len(p.Calls))
	}
	for i, d := range of {
		d.caught(t, s, p.Calls[i], results[i])
	}
}

// caught holds what a client raised, and how often it asked.
func (d denial) caught(t *testing.T, s *harness.Stack, c sdkCall, h heard) {
	t.Helper()
	want := d.temperOf(c.Do)
	if h.Raised.Type != want.raises || h.Raised.Status != want.status || !want.mute && !strings.Contains(h.Raised.Message, d.says) {
		t.Errorf("%s: it raised %s of %d, want %s of %d: %s", c.Name, h.Raised.Type, h.Raised.Status, want.raises, want.status, h.Raised.Message)
	}
	for _, r := range receipts(t, s, c.trace(), want.asks) {
		if r.Outcome != policy.Refused || r.Reason != d.code || r.Status != d.status {
			t.Errorf("%s: the record says %s (%s) of %d", c.Name, r.Outcome, r.Reason, r.Status)
		}
	}
}
