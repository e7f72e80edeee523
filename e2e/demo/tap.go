package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"time"
)

// tap is a reverse proxy before the model that keeps every answer as it came,
// one JSON line each. It shares no code with Farebox: what it keeps is evidence.
type tap struct {
	listener net.Listener
	server   *http.Server

	mu   sync.Mutex
	file *os.File
	err  error // the first of writing
}

// answer is one line of the tap's file.
type answer struct {
	Path        string `json:"path"`
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	Whole       bool   `json:"whole"` // the model sent it to its end
	Body        string `json:"body"`
}

// startTap serves until Close and writes to a new file.
func startTap(model, file string) (*tap, error) {
	target, err := url.Parse(model)
	if err != nil {
		return nil, fmt.Errorf("start the tap: %w", err)
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("start the tap: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the tap: %w", err), f.Close())
	}
	t := &tap{listener: l, file: f}
	t.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1, // a stream stays a stream
		// The model server closes connections that it kept, and a call met by that
		// is not one that may be sent again: each has a connection of its own.
		Transport: &http.Transport{DisableKeepAlives: true},
		ModifyResponse: func(r *http.Response) error {
			r.Body = &copied{ReadCloser: r.Body, tap: t, answer: answer{
				Path: r.Request.URL.Path, Status: r.StatusCode, ContentType: r.Header.Get("Content-Type"),
			}}
			return nil
		},
	}}
	go func() {
		if err := t.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.fail(err)
		}
	}()
	return t, nil
}

// Addr is host:port.
func (t *tap) Addr() string { return t.listener.Addr().String() }

// Close ends the tap. Its error is also of a line that could not be written.
func (t *tap) Close() error {
	err := t.server.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(err, t.err, t.file.Close())
}

func (t *tap) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = errors.Join(t.err, err)
}

// keep writes one line at once.
func (t *tap) keep(a answer) {
	line, err := json.Marshal(a)
	if err != nil {
		t.fail(err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err = t.file.Write(append(line, '\n'))
	t.err = errors.Join(t.err, err)
}

// copied is an answer's body that keeps a copy. The line is written when the
// last byte has been read, before the caller can have it.
type copied struct {
	io.ReadCloser
	tap    *tap
	answer answer
	seen   bytes.Buffer
	once   sync.Once
}

func (c *copied) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.seen.Write(b[:n])
	if err != nil {
		c.line(err == io.EOF)
	}
	return n, err
}

func (c *copied) Close() error {
	c.line(false)
	return c.ReadCloser.Close()
}

func (c *copied) line(whole bool) {
	c.once.Do(func() {
		c.answer.Whole, c.answer.Body = whole, c.seen.String()
		c.tap.keep(c.answer)
	})
}
