// Package provider is a server on loopback that behaves as LLM providers do:
// with their pacing, their framing and their faults. Scenarios come in; answers
// in OpenAI's dialect go out, in JSON and as event streams, with bodies written
// here. It keeps what it saw of each call and every byte it answered, as the
// truth that stories are checked against. It refuses to know Envoy and Farebox.
//
// A Server speaks HTTP/1.1 and HTTP/2 without TLS on one port, and is safe for
// concurrent use.
package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// ScenarioHeader names, in a request, the scenario to play (see PlayFor).
const ScenarioHeader = "X-Scenario"

// DefaultKeep is how many calls a Server remembers.
const DefaultKeep = 1000

// maxBody is the largest request body that is read, in bytes.
const maxBody = 64 << 20

// Options of a Server. The zero value works.
type Options struct {
	Listen string   // host:port on loopback; empty is 127.0.0.1 and a free port
	Play   Scenario // what is played unless the call names another
	Keep   int      // calls remembered, the oldest go first; 0 is DefaultKeep, negative none
}

// Server is a running provider.
type Server struct {
	listener net.Listener
	http     *http.Server
	cancel   context.CancelFunc
	keep     int

	mu      sync.Mutex // guards what follows
	play    Scenario
	named   map[string]Scenario
	calls   []*Call
	seen    int
	changed chan struct{} // closed and replaced whenever a call changes
}

// Call is what the server saw and did, as of the moment that it was asked for.
type Call struct {
	ID       string // of the answer: a prefix of its kind and the number of the call, from 1
	Scenario string // the name it asked for; empty: the server's own
	Method   string
	Path     string // with query
	Host     string
	Proto    string // HTTP/1.1 or HTTP/2.0
	Header   http.Header
	Body     []byte
	Status   int    // 0: no head was sent
	Sent     []byte // the answer's body, as far as it was written; compressed if it was
	Done     bool   // the whole answer was written, or the fault that was asked for happened
	Gone     bool   // the client went away first
	Began    time.Time
}

// Start runs a Server until Close.
func Start(o Options) (*Server, error) {
	at := o.Listen
	if at == "" {
		at = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("start provider: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		listener: l, cancel: cancel, keep: o.Keep, play: o.Play,
		named: map[string]Scenario{}, changed: make(chan struct{}),
	}
	if s.keep == 0 {
		s.keep = DefaultKeep
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           s.handler(),
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() {
		// The only other error is of a listener that broke; callers then see it.
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cancel()
		}
	}()
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the base of all paths, without a slash at its end.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Close ends all calls and frees the port.
func (s *Server) Close() error {
	s.cancel()
	return s.http.Close()
}

// Play sets what the server plays from now on.
func (s *Server) Play(sc Scenario) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play = sc
}

// PlayFor sets what calls whose ScenarioHeader is name are answered.
func (s *Server) PlayFor(name string, sc Scenario) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named[name] = sc
}

// Calls returns the remembered calls, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copies()
}

// Await returns the calls as soon as ok says so of them, or the error of ctx.
// ok is asked again whenever a call begins or ends.
func (s *Server) Await(ctx context.Context, ok func([]Call) bool) ([]Call, error) {
	for {
		s.mu.Lock()
		calls, changed := s.copies(), s.changed
		s.mu.Unlock()
		if ok(calls) {
			return calls, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return calls, fmt.Errorf("await calls of the provider: %w", ctx.Err())
		}
	}
}

// Forget drops the remembered calls. The numbers of calls go on.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// copies is called with mu held. Bodies are shared: they only ever grow.
func (s *Server) copies() []Call {
	out := make([]Call, len(s.calls))
	for i, c := range s.calls {
		out[i] = *c
		out[i].Header = maps.Clone(c.Header)
	}
	return out
}

// begin reads a request and remembers it.
func (s *Server) begin(r *http.Request) (*exchange, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	name := r.Header.Get(ScenarioHeader)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	x := &exchange{server: s, request: r, body: body, number: s.seen, play: s.play}
	sc, named := s.named[name]
	if named {
		x.play = sc
	}
	if next := x.play.Then; next != nil && named {
		s.named[name] = *next
	} else if next != nil {
		s.play = *next
	}
	x.call = &Call{
		Scenario: name, Method: r.Method, Path: r.URL.RequestURI(), Host: r.Host, Proto: r.Proto,
		Header: r.Header.Clone(), Body: body, Began: time.Now(),
	}
	if s.keep > 0 {
		s.calls = append(s.calls, x.call)
		if len(s.calls) > s.keep {
			s.calls = append(s.calls[:0:0], s.calls[len(s.calls)-s.keep:]...)
		}
	}
	s.tell()
	return x, nil
}

// note changes what is remembered of a call.
func (s *Server) note(c *Call, change func(*Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(c)
	s.tell()
}

// tell wakes everyone in Await; mu is held.
func (s *Server) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}
