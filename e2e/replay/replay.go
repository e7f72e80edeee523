// Package replay is a server on loopback that answers in every provider's own
// way of speaking, with bodies written here. Requests of official clients come
// in; answers go out as the providers send them: their content types, their
// framing, their quirks of usage, cut into pieces at odd places. It keeps what
// it was asked. It refuses to know Envoy, Farebox, and what usage means: that is
// for the stories to say.
//
// A Server speaks HTTP/1.1 without TLS, and is safe for concurrent use.
package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxBody is the largest request body that is read, in bytes.
const maxBody = 1 << 20

// The content types of answers.
const (
	JSON        = "application/json"
	EventStream = "text/event-stream; charset=utf-8"
	NDJSON      = "application/x-ndjson"
	Frames      = "application/vnd.amazon.eventstream"
)

// Answer is what one kind of call is answered, the same each time.
type Answer struct {
	Path     string // the end of the path that is asked, percent-decoded
	Streamed bool   // for calls whose body says "stream": true; the others are answered alike
	Kind     string // content type
	Header   http.Header
	Body     []byte
	// Over is sent behind Body again and again, a few milliseconds apart, until the
	// client goes away. Nil: nothing is.
	Over []byte
}

// Call is what the server was asked.
type Call struct {
	Method string
	Path   string // percent-decoded, without query
	Host   string
	Header http.Header
	Body   []byte

	escaped string // the path as it came
}

// Server is a running server.
type Server struct {
	listener net.Listener
	http     *http.Server
	answers  []Answer

	mu    sync.Mutex // guards what follows
	calls []Call
	left  int
}

// Start runs a Server of answers on a free port of loopback until Close. Of
// answers to the same call the first is given.
func Start(answers []Answer) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start replay: %w", err)
	}
	s := &Server{listener: l, answers: answers}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		// The only other error is of a listener that broke; callers then see it.
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	}()
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the base of all paths, without a slash at its end.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Close ends all calls and frees the port.
func (s *Server) Close() error { return s.http.Close() }

// Calls returns what was asked, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Left is how many answers without end were left by their clients.
func (s *Server) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// ServeHTTP answers one call; one that no answer is for gets 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away while it sent its request
	}
	s.mu.Lock()
	s.calls = append(s.calls, Call{
		Method: r.Method, Path: r.URL.Path, Host: r.Host, Header: r.Header.Clone(), Body: body, escaped: r.URL.EscapedPath(),
	})
	s.mu.Unlock()
	for _, a := range s.answers {
		if strings.HasSuffix(r.URL.Path, a.Path) && a.Streamed == streamed(body) {
			a.send(w, r)
			if a.Over != nil {
				a.goOn(w, r)
				s.mu.Lock()
				s.left++
				s.mu.Unlock()
			}
			return
		}
	}
	http.NotFound(w, r)
}

// streamed reports whether a body asks for a stream in so many words.
func streamed(body []byte) bool {
	var asked struct {
		Stream bool `json:"stream"`
	}
	return json.Unmarshal(body, &asked) == nil && asked.Stream
}

// send writes the answer piece by piece, JSON compressed for whoever takes gzip.
func (a Answer) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range a.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h.Set("Content-Type", a.Kind)
	body := a.Body
	if a.Kind == JSON && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = compressed(body)
	}
	for _, piece := range Pieces(body) {
		if _, err := w.Write(piece); err != nil {
			return // the client went away
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
	}
}

// goOn sends what has no end, until the client goes away.
func (a Answer) goOn(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
		if _, err := w.Write(a.Over); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
	}
}

// Pieces cuts a body at odd places: within words, escapes and frames.
func Pieces(body []byte) (pieces [][]byte) {
	for size := 1; len(body) > 0; size = size*2%97 + 1 {
		n := min(size, len(body))
		pieces, body = append(pieces, body[:n]), body[n:]
	}
	return pieces
}

// compressed is a body as gzip.
func compressed(body []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out) // writes to a buffer: no error is possible
	_, _ = z.Write(body)
	_ = z.Close()
	return out.Bytes()
}
