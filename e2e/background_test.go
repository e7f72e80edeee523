package e2e_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/policy"
)

// replayed runs a stack before a provider that gives those answers.
func replayed(t *testing.T, answers ...replay.Answer) *harness.Stack {
	t.Helper()
	up, err := replay.Start(answers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = up.Close() })
	o := harness.StackOptions{Config: shop}
	o.Envoy.Upstream = up.Addr()
	return kit.Start(t, o)
}

func TestAResponseInTheBackgroundIsPaidByWhoBeganItWhoeverFetchesIt(t *testing.T) {
	t.Parallel()
	s := replayed(t,
		replay.Answer{Path: "/v1/responses", Kind: replay.JSON, Body: []byte(`{"id":"resp_1","object":"response","background":true,"status":"queued","model":"replay","output":[],"usage":null}`)},
		replay.Answer{Path: "/v1/responses/resp_1", Kind: replay.JSON, Body: []byte(`{"id":"resp_1","object":"response","background":true,"status":"completed","model":"replay","output":[],"usage":{"input_tokens":120,"output_tokens":30,"total_tokens":150}}`)},
	)
	begun := ask(s, "/v1/responses", `{"model":"replay","background":true,"input":"Where is the ferry?"}`)
	if g := begun.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	if n := metric(t, s, "farebox_deferred_pending"); n != 1 {
		t.Errorf("%v works are waited for", n)
	}
	if b, err := bills(t.Context(), s.Farebox, begun.trace); err != nil || len(b) != 0 {
		t.Errorf("it was settled before it ended: %+v, %v", b, err)
	}
	for range 2 { // the second finds nothing to settle
		fetch := ask(s, "/v1/responses/resp_1", "")
		fetch.method = http.MethodGet
		fetch.header.Set("X-Team", "other")
		fetch.header.Del("Content-Type")
		if g := fetch.run(t.Context()); g.err != nil || g.status != http.StatusOK {
			t.Fatalf("status %d, %v", g.status, g.err)
		}
	}
	b := settled(t, s.Farebox, begun.trace)
	if b.Team != "support" || b.Outcome != "served" || b.Source != "reported" || b.In != 120 || b.Out != 30 || b.Cost != usd(120, 30) {
		t.Errorf("the record says %+v", b)
	}
	eventually(t, "the second answer is known to tell nothing new", func(ctx context.Context) (bool, error) {
		m, err := s.Farebox.Metrics(ctx)
		return err == nil && m.Sum("farebox_deferred_total", `event="unclaimed"`) == 1, err
	})
}

func TestAnErrorAmidAStreamIsAFailureThatIsPaidAsFarAsItCame(t *testing.T) {
	t.Parallel()
	const begun = `data: {"id":"c-1","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"The ferry sails at"},"finish_reason":null}]}` + "\n\n"
	s := replayed(t,
		replay.Answer{Path: chatPath, Streamed: true, Kind: replay.EventStream, Body: []byte(begun + `data: {"error":{"message":"overloaded","type":"server_error"}}` + "\n\n")},
	)
	e := ask(s, chatPath, cutStream)
	if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	r := recordsOf(t, s, e, 1)[0]
	if r.Outcome != policy.Failed || r.Success || len(r.Lines) != 2 || r.Lines[1].Quantity != 4 || r.Lines[1].Source.String() != "counted" {
		t.Errorf("the record says %s, success %v, %+v", r.Outcome, r.Success, r.Lines)
	}
}
