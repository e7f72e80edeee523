package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// atOnce is how many calls are under way at any time.
const atOnce = 16

// caller makes calls through one Envoy over connections it keeps. It is safe for
// concurrent use.
type caller struct {
	clock  clock
	client *http.Client
	url    string
	made   atomic.Int64 // calls that were answered as they should be
}

func newCaller(c clock, url string) *caller {
	return &caller{clock: c, url: url, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, MaxConnsPerHost: atOnce, DisableCompression: true},
		Timeout:   time.Minute,
	}}
}

// tally is what the calls of a slice took.
type tally struct {
	wall    time.Duration
	latency []time.Duration // of each call, to its last byte
	delay   []time.Duration // of each chunk, from the provider's write to here
}

func (t *tally) add(other tally) {
	t.latency = append(t.latency, other.latency...)
	t.delay = append(t.delay, other.delay...)
}

// slice makes so many calls, atOnce at a time. Every answer is checked; the
// first that is wrong ends the slice with an error.
func (c *caller) slice(ctx context.Context, s *scenario, calls int) (tally, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next    atomic.Int64
		wg      sync.WaitGroup
		workers [atOnce]*worker
	)
	begin := time.Now()
	for i := range workers {
		w := &worker{caller: c, scenario: s, buf: make([]byte, 0, len(s.answer)+s.plain+1)}
		workers[i] = w
		wg.Go(func() {
			time.Sleep(s.every * time.Duration(i) / atOnce) // paced streams do not tick together
			for next.Add(1) <= int64(calls) && ctx.Err() == nil {
				if err := w.call(ctx); err != nil {
					cancel(fmt.Errorf("call %s: %w", s.name, err))
				}
			}
		})
	}
	wg.Wait()
	all := tally{wall: time.Since(begin)}
	for _, w := range workers {
		all.add(w.tally)
	}
	return all, context.Cause(ctx)
}

// worker makes one call after the other.
type worker struct {
	*caller
	scenario *scenario
	tally    tally
	buf      []byte // the answer so far; its capacity is one byte more than the answer
	scanned  int    // stamps before this were read
	stamps   int
}

func (w *worker) call(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(w.scenario.request))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("content-type", "application/json")
	req.Header.Set("authorization", "Bearer sk-bench-0123456789abcdef")
	req.Header.Set("user-agent", "bench/1")
	req.Header.Set("x-team", "support")
	req.Header.Set("x-project", "chatbot")
	req.Header.Set(scenarioHeader, w.scenario.name)
	begin := time.Now()
	resp, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer resp.Body.Close()
	if err := w.read(resp.Body); err != nil {
		return fmt.Errorf("read answer of status %d after %d bytes: %w", resp.StatusCode, len(w.buf), err)
	}
	w.tally.latency = append(w.tally.latency, time.Since(begin))
	if err := w.check(resp.StatusCode); err != nil {
		return err
	}
	w.made.Add(1)
	return nil
}

// read takes the whole answer, and the stamp of each chunk as it comes.
func (w *worker) read(body io.Reader) error {
	w.buf, w.scanned, w.stamps = w.buf[:0], 0, 0
	for len(w.buf) < cap(w.buf) {
		n, err := body.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+n]
		if w.scenario.chunks > 0 {
			w.scan(w.clock.now())
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("too long")
}

// scan reads the stamps that are there in full.
func (w *worker) scan(now int64) {
	for {
		at := bytes.Index(w.buf[w.scanned:], []byte(stampMark))
		from := w.scanned + at + len(stampMark)
		if at < 0 || from+stampDigits > len(w.buf) {
			return
		}
		var stamp int64
		for _, d := range w.buf[from : from+stampDigits] {
			stamp = stamp*10 + int64(d-'0')
		}
		w.tally.delay = append(w.tally.delay, time.Duration(now-stamp))
		w.stamps++
		w.scanned = from + stampDigits
	}
}

// check refuses an answer that is not, to the byte count, the provider's.
func (w *worker) check(status int) error {
	s := w.scenario
	switch {
	case status != http.StatusOK:
		return fmt.Errorf("status %d: %.300q", status, w.buf)
	case s.chunks == 0 && !bytes.Equal(w.buf, s.answer):
		return fmt.Errorf("%d bytes that differ from the provider's %d: %.300q", len(w.buf), len(s.answer), w.buf)
	case s.chunks > 0 && (len(w.buf) != s.plain || w.stamps != s.chunks || !bytes.HasSuffix(w.buf, []byte(doneEvent))):
		return fmt.Errorf("%d bytes, %d chunks, want %d and %d, then [DONE]: ends in %q",
			len(w.buf), w.stamps, s.plain, s.chunks, w.buf[max(0, len(w.buf)-300):])
	}
	return nil
}
