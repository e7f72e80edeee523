package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/policy/api"
)

// shop is the configuration of most stories: one provider that takes being asked
// for usage, at two prices in whole micro-dollars per token.
const shop = `
providers: [{name: local, dialect: openai, match: {host: "*"}}]
prices: {rates: [{provider: local, model: "*", input: "2", cache_read: "2", output: "8", reasoning: "8"}]}
`

// usd is what so many tokens cost at the shop, as money is written.
func usd(in, out int64) string {
	micro := 2*in + 8*out
	text := fmt.Sprintf("%d.%06d", micro/1e6, micro%1e6)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

const (
	chatPath = "/v1/chat/completions"

	plainBody    = `{"model":"replay","messages":[{"role":"user","content":"Where is the ferry?"}]}`
	streamBody   = `{"model":"replay","stream":true,"messages":[{"role":"user","content":"Where is the ferry?"}]}`
	askingBody   = `{"model":"replay","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Where is the ferry?"}]}`
	doneEvent    = "data: [DONE]\n\n"
	storyWaits   = 2 * time.Minute // for what happens behind a caller's back
	storyEnds    = 5 * time.Minute // for the longest call
	storyPolls   = 20 * time.Millisecond
	megabyte     = 1 << 20
	jsonContent  = "application/json"
	identityName = "x-team"
)

// errand is one call, found again in the ledger by its trace.
type errand struct {
	method  string // empty: POST
	url     string
	body    string
	header  http.Header
	chunked bool // no content-length
	trace   string
	via     http.RoundTripper  // nil: HTTP/1.1 on a connection of its own
	watch   func(sofar []byte) // after each piece of the answer; may be nil
}

// ask makes an errand to a path of a stack, for a team.
func ask(s *harness.Stack, path, body string) errand {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	trace := hex.EncodeToString(id[:])
	return errand{url: s.URL + path, body: body, trace: trace, header: http.Header{
		"X-Team": {"support"}, "Content-Type": {jsonContent}, "Traceparent": {"00-" + trace + "-0123456789abcdef-01"},
	}}
}

// got is what the caller of an errand saw.
type got struct {
	status  int
	header  http.Header
	trailer http.Header
	body    []byte // as far as it came
	err     error  // nil: the answer came to its end
}

func (g got) done() bool { return g.err == nil && bytes.HasSuffix(g.body, []byte(doneEvent)) }

// run does the errand. It gives up after storyEnds.
func (e errand) run(ctx context.Context) got {
	ctx, cancel := context.WithTimeoutCause(ctx, storyEnds, errors.New("the call did not end"))
	defer cancel()
	var body io.Reader = strings.NewReader(e.body)
	if e.chunked {
		body = io.MultiReader(body) // of unknown length
	}
	if e.method == "" {
		e.method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, e.method, e.url, body)
	if err != nil {
		return got{err: err}
	}
	req.Header = e.header
	if e.via == nil {
		e.via = &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	}
	resp, err := e.via.RoundTrip(req)
	if err != nil {
		return got{err: err}
	}
	defer resp.Body.Close()
	g := got{status: resp.StatusCode, header: resp.Header}
	piece := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(piece)
		g.body = append(g.body, piece[:n]...)
		if e.watch != nil && n > 0 {
			e.watch(g.body)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				g.err = err
			}
			g.trailer = resp.Trailer
			return g
		}
	}
}

// bill is the one record of a call, as a story reads it.
type bill struct {
	ID, Team, Operation, Model, Outcome, Source, Reason, Cost, KeyHash, ResponseID string
	Status                                                                         int
	In, Out                                                                        int64
	Priced                                                                         bool
}

// bills asks what an id finds. It is empty while there is nothing.
func bills(ctx context.Context, f *harness.Farebox, id string) ([]bill, error) {
	a, err := f.Explain(ctx, id)
	var no *api.Error
	if errors.As(err, &no) && no.Code == api.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []bill
	for _, r := range a.Matches {
		b := bill{
			ID: r.ID.String(), Team: r.Owner.Value("team"), Operation: r.Operation, Model: r.Model, Outcome: r.Outcome, Source: r.Source.String(),
			Reason: r.Reason, KeyHash: r.KeyHash, ResponseID: r.ResponseID, Status: r.Status, Priced: r.Priced,
		}
		cost := api.Row{}.Charged
		for _, l := range r.Lines {
			cost = cost.Add(l.Charged)
			if l.Class.IsInput() {
				b.In += l.Quantity
			} else {
				b.Out += l.Quantity
			}
		}
		b.Cost = cost.String()
		out = append(out, b)
	}
	return out, nil
}

// settled waits for the one record of a call.
func settled(t *testing.T, f *harness.Farebox, id string) bill {
	t.Helper()
	var found []bill
	eventually(t, "call "+id+" is settled", func(ctx context.Context) (bool, error) {
		var err error
		found, err = bills(ctx, f, id)
		return len(found) > 0, err
	})
	if len(found) > 1 {
		t.Fatalf("call %s has %d records: %+v", id, len(found), found)
	}
	return found[0]
}

// eventually waits until something is so that nobody waits for.
func eventually(t *testing.T, what string, so func(context.Context) (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storyWaits)
	defer cancel()
	var last error
	for {
		ok, err := so(ctx)
		if ok && err == nil {
			return
		}
		if err != nil {
			last = err
		}
		select {
		case <-time.After(storyPolls):
		case <-ctx.Done():
			t.Fatalf("waited %v in vain until %s: %v", storyWaits, what, last)
		}
	}
}

// reported is the bill of a call that went well.
func reported(t *testing.T, b bill, in, out int64) {
	t.Helper()
	if b.Outcome != "served" || b.Source != "reported" || b.In != in || b.Out != out || b.Cost != usd(in, out) || !b.Priced || b.Status != 200 {
		t.Errorf("the record says %+v, want served, reported, %d in, %d out, %s USD", b, in, out, usd(in, out))
	}
}

// metric reads one sum.
func metric(t *testing.T, s *harness.Stack, family string, labels ...string) float64 {
	t.Helper()
	m, err := s.Farebox.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.Sum(family, labels...)
}

// refusal is an error in OpenAI's shape.
type refusal struct {
	Error struct {
		Message string
		Type    string
		Param   *string
		Code    string
	}
}
