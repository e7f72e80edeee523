// Package extproc serves Envoy: one gRPC stream per HTTP exchange, one reply to
// every message. It recognises LLM calls, has them admitted, meters their
// answers as they stream by and settles each once.
//
// It speaks wire, reads bodies through tokenizer dialects and asks a Decider for
// everything that concerns money. It refuses to know prices, budgets, stores and
// files. What it cannot know it names: every path that goes on without full
// information passes degrade, which counts a reason from a closed list.
//
// A Server is safe for concurrent use; a stream belongs to its goroutine.
package extproc

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
	"github.com/prometheus/client_golang/prometheus"
)

// Decider decides about calls. Refuse records a call that this package turned
// away by itself. Settle returns when the record is committed, or has waited as
// long as an answer may wait for it; it does not end with ctx, for the tokens
// were bought even when the client has gone.
type Decider interface {
	Admit(ctx context.Context, r *policy.Request) (policy.Ticket, error)
	Refuse(ctx context.Context, r *policy.Request, why policy.Refusal)
	Settle(ctx context.Context, t policy.Ticket, o policy.Outcome) policy.Receipt
}

// Extender is a Decider that can hold more for a call whose answer grows beyond
// what was held for it: it is told when that has Reach bytes of text, and may set
// a further Reach. What it returns is why the answer is to end there, which it asks
// for only where mayStop says that it can.
type Extender interface {
	Extend(ctx context.Context, t *policy.Ticket, mayStop bool) (stop *policy.Refusal)
}

// Options of a Server.
type Options struct {
	Decider    Decider               // required
	Dialects   []tokenizer.Dialect   // required; the first that matches a path reads it
	Registerer prometheus.Registerer // required
	Rules      Rules

	// KnownHost tells who is behind a host, by its lower-case name without port.
	// nil knows none.
	KnownHost func(name string) (host tokenizer.Host, known bool)
	HashKey   func(key string) string       // keyed hash of an API key; nil records none
	Logger    *slog.Logger                  // nil discards
	Now       func() time.Time              // nil is time.Now
	NewID     func() (policy.CallID, error) // nil is a random UUIDv7
}

// Rules are what may change while exchanges are served: each keeps those it began
// with. Sizes are in bytes.
type Rules struct {
	Routes         []Route    // tried in order, before all else
	Providers      []Provider // tried in order, before KnownHost and the path alone
	Drop           []string   // request headers never sent upstream
	InjectUsage    bool       // ask streams for usage when the caller did not, and hide it
	MaxRequestBody int64      // 0: DefaultMaxRequestBody
	BufferJSON     int64      // JSON answers up to this size carry their cost as headers; 0: none
	InflightBytes  int64      // request bodies held at once; 0: DefaultInflightBytes
	MaxStreams     int64      // exchanges at once; 0: DefaultMaxStreams
	Metering       Metering   // who is expected to count; an exchange that comes otherwise is served, and counted
	// RefuseUnmetered turns away what goes to a known LLM host, may cost money and
	// is not metered.
	RefuseUnmetered bool
	Weigh           bool // what bounds the input of a call is told: policy.Request.Content
	// StampKeys are shared by all Fareboxes that a call may pass one after the
	// other: a call with a stamp by any of them is only observed. None: no stamp is
	// believed. Stamp makes stamps by the first, on calls that are admitted here.
	StampKeys [][]byte
	Stamp     bool

	router *router
}

// What Rules fall back to.
const (
	DefaultMaxRequestBody = 32 << 20
	DefaultInflightBytes  = 1 << 30
	DefaultMaxStreams     = 20_000
)

// Server serves exchanges until it is told to Drain.
type Server struct {
	o        Options
	rules    atomic.Pointer[Rules]
	metrics  *metrics
	seed     maphash.Seed      // of the hashes of bodies
	said     map[reason]*pacer // read only
	refusals askRefusals
	tries    tries
	inflight atomic.Int64
	streams  atomic.Int64

	closing chan struct{} // closed by Close: streams end at their next quiet point
	once    sync.Once
	door    sync.RWMutex   // so that none comes in once Close waits
	done    sync.WaitGroup // every exchange
	jobs    chan job       // to a worker that waits; unbuffered
	idle    atomic.Int64   // workers that wait
}

// New returns a Server, or an error when a required option is missing.
func New(o Options) (*Server, error) {
	switch {
	case o.Decider == nil:
		return nil, errors.New("make ext_proc server: no Decider")
	case len(o.Dialects) == 0:
		return nil, errors.New("make ext_proc server: no Dialects")
	case o.Registerer == nil:
		return nil, errors.New("make ext_proc server: no Registerer")
	}
	o.fill()
	s := &Server{o: o, closing: make(chan struct{}), jobs: make(chan job), said: newPacers(), tries: tries{calls: map[string]*tried{}}, seed: maphash.MakeSeed()}
	if err := s.Configure(o.Rules); err != nil {
		return nil, err
	}
	var err error
	if s.metrics, err = newMetrics(o.Registerer, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (o *Options) fill() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.KnownHost == nil {
		o.KnownHost = func(string) (tokenizer.Host, bool) { return tokenizer.Host{}, false }
	}
}

// Configure makes exchanges that begin from now on follow r. On error nothing
// changes.
func (s *Server) Configure(r Rules) error {
	var err error
	if r.router, err = newRouter(&s.o, &r); err != nil {
		return err
	}
	r.MaxRequestBody = orDefault(r.MaxRequestBody, DefaultMaxRequestBody)
	r.InflightBytes = orDefault(r.InflightBytes, DefaultInflightBytes)
	r.MaxStreams = orDefault(r.MaxStreams, DefaultMaxStreams)
	s.rules.Store(&r)
	return nil
}

func orDefault(v, otherwise int64) int64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// errClosed answers an exchange that comes after Close: unlike a clean end, it
// leaves to Envoy's configuration whether the call may pass.
var errClosed = errors.New("serve exchange: farebox is stopping")

// enter counts an exchange, unless the server was closed.
func (s *Server) enter() error {
	s.door.RLock()
	defer s.door.RUnlock()
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	s.done.Add(1)
	s.streams.Add(1)
	return nil
}

func (s *Server) shut() {
	s.door.Lock()
	defer s.door.Unlock()
	close(s.closing)
}

// Open returns how many exchanges are being served.
func (s *Server) Open() int64 { return s.streams.Load() }

// Close makes every open stream settle what it has seen and end cleanly, so that
// Envoy lets the rest of the answer flow on by itself. A stream that holds bytes
// back for the caller ends at its next message, after they are sent. Close waits
// for all streams or until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.once.Do(s.shut)
	gone := make(chan struct{})
	go func() {
		s.done.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
