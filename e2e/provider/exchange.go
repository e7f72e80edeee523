package provider

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// exchange is one call while it is answered. It belongs to its handler.
type exchange struct {
	server  *Server
	request *http.Request
	body    []byte
	number  int
	play    Scenario
	call    *Call
}

// part is a piece of a body and the wait before it.
type part struct {
	text []byte
	wait time.Duration
}

// answer is a body before it is framed.
type answer struct {
	kind  string // content type
	parts []part
}

// id makes the answer's id, the same for the same number of call.
func (x *exchange) id(prefix string) string {
	id := fmt.Sprintf("%s%06d", prefix, x.number)
	x.server.note(x.call, func(c *Call) { c.ID = id })
	return id
}

// failure is the answer of a call that gets an error.
func failure(text string) answer {
	return answer{kind: "application/json", parts: []part{{text: []byte(text)}}}
}

// problem is an error object in OpenAI's dialect.
func problem(message, kind, param string) string {
	var p any
	if param != "" {
		p = param
	}
	b, err := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": kind, "param": p, "code": nil}})
	if err != nil {
		return err.Error() // strings and nil always marshal
	}
	return string(b)
}

// send plays a onto w, with all that the scenario asks for.
func (x *exchange) send(w http.ResponseWriter, status int, a answer) {
	ctx := x.request.Context()
	body, waits := x.encode(a)
	if !x.pause(ctx, x.play.First) || x.fault(ctx, w, 0) {
		return
	}
	x.head(w, status, a.kind, len(body))
	for _, next := range x.pieces(len(body), waits) {
		if !x.hold(ctx, next.from) || !x.pause(ctx, waits[next.from]) || !x.write(w, body[:next.to], next.from, next.to == len(body)) {
			return
		}
		if next.to == x.play.Fault.After && x.fault(ctx, w, next.to) {
			return
		}
	}
	for name, values := range x.play.Trailers {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

// encode joins the parts, compressed if asked, and returns the waits by the
// offset they stand before.
func (x *exchange) encode(a answer) ([]byte, map[int]time.Duration) {
	var out bytes.Buffer
	waits := make(map[int]time.Duration, len(a.parts))
	if !x.play.Gzip {
		for _, p := range a.parts {
			waits[out.Len()] += p.wait
			out.Write(p.text)
		}
		return out.Bytes(), waits
	}
	z := gzip.NewWriter(&out) // writes to a buffer: no error is possible
	for _, p := range a.parts {
		waits[out.Len()] += p.wait
		_, _ = z.Write(p.text)
		_ = z.Flush() // so that each event can be read as it comes
	}
	_ = z.Close()
	return out.Bytes(), waits
}

func (x *exchange) head(w http.ResponseWriter, status int, kind string, length int) {
	h := w.Header()
	h.Set("Content-Type", kind)
	stream := kind == eventStream
	if stream {
		h.Set("Cache-Control", "no-cache")
	}
	if x.play.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	if x.play.Framing == Length || x.play.Framing == Natural && !stream && x.play.Trailers == nil {
		h.Set("Content-Length", strconv.Itoa(length))
	}
	for name, values := range x.play.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(status)
	x.server.note(x.call, func(c *Call) { c.Status = status })
	x.flush(w)
}

type piece struct{ from, to int }

// pieces says which bytes go out in one write.
func (x *exchange) pieces(length int, waits map[int]time.Duration) []piece {
	cuts := slices.Clone(x.play.Cuts)
	for at, wait := range waits {
		if wait > 0 || x.play.Cuts == nil && x.play.CutEvery == 0 {
			cuts = append(cuts, at)
		}
	}
	if n := x.play.CutEvery; n > 0 {
		for at := n; at < length; at += n {
			cuts = append(cuts, at)
		}
	}
	if x.play.Fault.Kind != NoFault {
		cuts = append(cuts, x.play.Fault.After)
	}
	cuts = append(cuts, length)
	slices.Sort(cuts)
	var out []piece
	from := 0
	for _, to := range cuts {
		if to > from && to <= length {
			out = append(out, piece{from, to})
			from = to
		}
	}
	return out
}

// write sends sofar[from:] at once. It is remembered first, and taken back if it
// failed, so that whoever has read the answer finds it in Calls.
func (x *exchange) write(w http.ResponseWriter, sofar []byte, from int, last bool) bool {
	x.server.note(x.call, func(c *Call) { c.Sent, c.Done = sofar, last })
	n, err := w.Write(sofar[from:])
	if err == nil {
		err = x.flush(w)
	}
	if err != nil {
		x.server.note(x.call, func(c *Call) { c.Sent, c.Done, c.Gone = sofar[:from+n], false, true })
	}
	return err == nil
}

func (x *exchange) flush(w http.ResponseWriter) error {
	return http.NewResponseController(w).Flush()
}

// hold waits at a cut for the scenario's Hold; false as pause says it.
func (x *exchange) hold(ctx context.Context, at int) bool {
	if x.play.Hold != nil && at > 0 && slices.Contains(x.play.Cuts, at) {
		select {
		case <-x.play.Hold:
		case <-ctx.Done():
		}
	}
	return x.pause(ctx, 0)
}

// pause waits; false means that the client went away meanwhile, or before.
func (x *exchange) pause(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil {
		return true
	}
	x.server.note(x.call, func(c *Call) { c.Gone = true })
	return false
}

// fault makes happen what the scenario has in store after so many bytes, and
// reports whether it did. A reset does not return.
func (x *exchange) fault(ctx context.Context, w http.ResponseWriter, after int) bool {
	if x.play.Fault.After != after {
		return false
	}
	switch x.play.Fault.Kind {
	case Hang:
		<-ctx.Done()
		x.server.note(x.call, func(c *Call) { c.Done, c.Gone = true, true })
		return true
	case Reset:
		x.server.note(x.call, func(c *Call) { c.Done = true })
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if t, ok := conn.(*net.TCPConn); ok {
				_ = t.SetLinger(0) // a reset instead of an orderly end
			}
			_ = conn.Close()
			return true
		}
		panic(http.ErrAbortHandler) // HTTP/2: resets the stream
	}
	return false
}
