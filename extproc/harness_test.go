package extproc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/openai"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
)

// cashier is a Decider that passes every call, unless told otherwise, and keeps
// what it was told.
type cashier struct {
	refuse *policy.Refusal
	change policy.Ticket // how calls shall go
	awaits string        // the one file whose results are waited for

	mu       sync.Mutex
	admitted []policy.Request
	refused  []policy.Refusal
	outcomes []policy.Outcome
}

func (c *cashier) Admit(_ context.Context, r *policy.Request) (policy.Ticket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admitted = append(c.admitted, *r)
	t := c.change
	t.Request, t.Refusal = *r, c.refuse
	t.Unclaimed = r.Call.Results && r.Call.Of != c.awaits
	return t, nil
}

func (c *cashier) Refuse(_ context.Context, _ *policy.Request, why policy.Refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = append(c.refused, why)
}

func (c *cashier) Settle(_ context.Context, _ policy.Ticket, o policy.Outcome) policy.Receipt {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.Reading.Text = append([]byte(nil), o.Reading.Text...)
	c.outcomes = append(c.outcomes, o)
	return policy.Receipt{Priced: true, Input: 3, Output: 4}
}

// all is what was settled so far.
func (c *cashier) all() []policy.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.outcomes)
}

func (c *cashier) settled(t *testing.T) policy.Outcome {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		c.mu.Lock()
		if len(c.outcomes) > 0 {
			defer c.mu.Unlock()
			if len(c.outcomes) != 1 {
				t.Fatalf("settled %d times, want once", len(c.outcomes))
			}
			return c.outcomes[0]
		}
		c.mu.Unlock()
		time.Sleep(time.Millisecond) // the stream's end is seen by another goroutine
	}
	t.Fatal("the call was not settled")
	return policy.Outcome{}
}

type stand struct {
	server  *extproc.Server
	cashier *cashier
	reg     *prometheus.Registry
	conn    *grpc.ClientConn
}

func newStand(t testing.TB, change func(*extproc.Options)) *stand {
	t.Helper()
	s := &stand{cashier: &cashier{}, reg: prometheus.NewRegistry()}
	o := extproc.Options{
		Decider: s.cashier, Dialects: []tokenizer.Dialect{openai.New()}, Registerer: s.reg,
		Rules: extproc.Rules{Drop: []string{"x-team"}, InjectUsage: true, BufferJSON: 24 << 10},
		KnownHost: func(host string) (tokenizer.Host, bool) {
			if host != "api.openai.com" {
				return tokenizer.Host{}, false
			}
			return tokenizer.Host{Provider: "openai", AsksUsage: true}, true
		},
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.server, err = extproc.New(o); err != nil {
		t.Fatal(err)
	}
	l := bufconn.Listen(1 << 20)
	g := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	wire.Register(g, s.server.Process)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	s.conn, err = grpc.NewClient("passthrough:bufnet", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}

// exchange plays Envoy for one HTTP exchange.
type exchange struct {
	t      testing.TB
	stream extprocv3.ExternalProcessor_ProcessClient
	hangUp context.CancelFunc
	mute   bool // its answer has no word of its end
}

func (s *stand) begin(t testing.TB) *exchange { return s.beginAs(t) }

// beginAs begins an exchange with gRPC metadata, as Envoy's configuration says.
func (s *stand) beginAs(t testing.TB, pairs ...string) *exchange {
	t.Helper()
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), pairs...))
	t.Cleanup(cancel)
	stream, err := extprocv3.NewExternalProcessorClient(s.conn).Process(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &exchange{t: t, stream: stream, hangUp: cancel}
}

func (e *exchange) send(m *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	e.t.Helper()
	if err := e.stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		e.t.Fatal(err)
	}
	r, err := e.stream.Recv()
	if err != nil {
		e.t.Fatalf("no reply to %T: %v", m.GetRequest(), err)
	}
	return r
}

// closed reports that the processor ended the stream cleanly.
func (e *exchange) closed() bool {
	_, err := e.stream.Recv()
	return errors.Is(err, io.EOF)
}

func headerMap(pairs []string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: pairs[i], RawValue: []byte(pairs[i+1])})
	}
	return m
}

func requestHeaders(end bool, pairs ...string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{
		RequestHeaders: &extprocv3.HttpHeaders{Headers: headerMap(pairs), EndOfStream: end}}}
}

func responseHeaders(end bool, pairs ...string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{
		ResponseHeaders: &extprocv3.HttpHeaders{Headers: headerMap(pairs), EndOfStream: end}}}
}

func requestBody(body string) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
		RequestBody: &extprocv3.HttpBody{Body: []byte(body), EndOfStream: true}}}
}

func responseBody(body string, end bool) *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{
		ResponseBody: &extprocv3.HttpBody{Body: []byte(body), EndOfStream: end}}}
}

func responseTrailers() *extprocv3.ProcessingRequest {
	return &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseTrailers{
		ResponseTrailers: &extprocv3.HttpTrailers{}}}
}

// chat sends the request of a chat call up to its body.
func (e *exchange) chat(body string) (headers, reply *extprocv3.ProcessingResponse) {
	e.t.Helper()
	headers = e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions?x=1", ":authority", "api.openai.com:443",
		"content-type", "application/json", "x-team", "support", "content-length", itoa(len(body))))
	return headers, e.send(requestBody(body))
}
