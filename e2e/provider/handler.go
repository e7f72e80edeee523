package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"golang.org/x/net/websocket"
)

// Echo is the answer of /echo: what arrived.
type Echo struct {
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Host   string      `json:"host"`
	Length int         `json:"length"` // of the body, in bytes
	SHA256 string      `json:"sha256"` // of the body, in hex
	Header http.Header `json:"header"`
}

const page = "<!doctype html>\n<title>Timetable</title>\n<p>The ferry leaves at noon.</p>\n"

// handler is the table of all paths.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for path, d := range map[string]dialect{
		"/v1/chat/completions": chatFamily().dialect(),
		"/v1/completions":      textFamily().dialect(),
		"/v1/responses":        {json: responsesJSON, stream: responsesStream},
		"/v1/embeddings":       {json: embeddingsJSON},
	} {
		mux.HandleFunc("POST "+path, s.each(d.serve))
	}
	mux.HandleFunc("/echo", s.each(echo))
	mux.HandleFunc("GET /v1/models", s.each(models))
	mux.HandleFunc("GET /v1/realtime", s.upgrade)
	mux.HandleFunc("GET /{$}", s.each(func(x *exchange, w http.ResponseWriter) {
		x.send(w, http.StatusOK, answer{kind: "text/html; charset=utf-8", parts: []part{{text: []byte(page)}}})
	}))
	mux.HandleFunc("/", s.each(func(x *exchange, w http.ResponseWriter) {
		x.send(w, http.StatusNotFound, failure(problem("Unknown request URL.", "invalid_request_error", "")))
	}))
	return mux
}

// each remembers a call and answers it.
func (s *Server) each(serve func(*exchange, http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x, err := s.begin(r)
		if err != nil {
			panic(http.ErrAbortHandler) // the client went away while it sent its request
		}
		serve(x, w)
	}
}

func echo(x *exchange, w http.ResponseWriter) {
	sum := sha256.Sum256(x.body)
	b, err := json.Marshal(Echo{
		Method: x.request.Method, Path: x.request.URL.RequestURI(), Host: x.request.Host,
		Length: len(x.body), SHA256: hex.EncodeToString(sum[:]), Header: x.request.Header,
	})
	if err != nil {
		x.send(w, http.StatusInternalServerError, failure(problem(err.Error(), "server_error", "")))
		return
	}
	x.send(w, http.StatusOK, answer{kind: "application/json", parts: []part{{text: b}}})
}

func models(x *exchange, w http.ResponseWriter) {
	x.send(w, http.StatusOK, failure(`{"object":"list","data":[{"id":"replay","object":"model","created":1767225600,"owned_by":"provider"}]}`))
}

// upgrade turns a call into a WebSocket that says back every frame. Its Call is
// Done when the client has closed it in order.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	x, err := s.begin(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	x.id("sess_")
	websocket.Server{Handler: func(c *websocket.Conn) {
		s.note(x.call, func(c *Call) { c.Status = http.StatusSwitchingProtocols })
		for {
			var frame string
			if err := websocket.Message.Receive(c, &frame); err != nil {
				s.note(x.call, func(c *Call) { c.Done, c.Gone = errors.Is(err, io.EOF), !errors.Is(err, io.EOF) })
				return
			}
			s.note(x.call, func(c *Call) { c.Sent = append(c.Sent, frame...) })
			if err := websocket.Message.Send(c, frame); err != nil {
				return
			}
		}
	}}.ServeHTTP(w, r)
}
