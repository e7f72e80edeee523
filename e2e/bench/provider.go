package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	scenarioHeader = "x-bench-scenario"
	usage          = `"usage":{"prompt_tokens":211,"completion_tokens":198,"total_tokens":409,` +
		`"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}`
	doneEvent   = "data: [DONE]\n\n"
	stampMark   = `"system_fingerprint":"fp_`
	stampDigits = 19
)

// clock tells the nanoseconds since the bench began. The provider writes them
// into each chunk and the caller, in the same process, takes the difference.
type clock struct{ start time.Time }

func (c clock) now() int64 { return int64(time.Since(c.start)) }

// provider answers as an OpenAI-shaped model server does, and as cheaply as one
// can: nothing is generated for an unstreamed answer, little for a chunk. It is
// safe for concurrent use.
type provider struct {
	clock     clock
	scenarios map[string]*scenario
}

func newProvider(c clock, all []*scenario) *provider {
	p := &provider{clock: c, scenarios: map[string]*scenario{}}
	for _, s := range all {
		p.scenarios[s.name] = s
	}
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := p.scenarios[r.Header.Get(scenarioHeader)]
	if s == nil {
		http.Error(w, "no such scenario", http.StatusNotFound)
		return
	}
	if s.chunks == 0 {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n < int64(len(s.request)) {
			http.Error(w, "request cut", http.StatusBadRequest)
			return
		}
		w.Header().Set("content-type", "application/json")
		w.Header().Set("content-length", strconv.Itoa(len(s.answer)))
		_, _ = w.Write(s.answer) // when the caller has gone it reports that itself
		return
	}
	var asked struct {
		Stream  bool `json:"stream"`
		Options struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || !asked.Stream {
		http.Error(w, "not a request for a stream", http.StatusBadRequest)
		return
	}
	w.Header().Set("content-type", "text/event-stream")
	p.stream(w, s, asked.Options.Usage)
}

// stream sends the events, each on its own and in its time, or all in one piece.
func (p *provider) stream(w http.ResponseWriter, s *scenario, withUsage bool) {
	flush := http.NewResponseController(w)
	buf := make([]byte, 0, 64<<10)
	begin := time.Now()
	for i := range s.chunks {
		buf = appendEvent(buf, event{index: i, last: s.chunks - 1, stamp: p.clock.now(), usage: withUsage})
		if s.every == 0 {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return // the caller has gone, and reports it
		}
		if err := flush.Flush(); err != nil {
			return
		}
		buf = buf[:0]
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * s.every)))
	}
	if withUsage {
		buf = appendHead(buf, p.clock.now())
		buf = append(buf, `"choices":[],`+usage+"}\n\n"...)
	}
	buf = append(buf, doneEvent...)
	_, _ = w.Write(buf) // as above
}

// event is one chunk of an answer.
type event struct {
	index, last int
	stamp       int64
	usage       bool // the caller asked for usage: every chunk has the member
}

// appendEvent appends a chunk: the role first, the finish reason last, a word in
// each between. Its length does not depend on the stamp.
func appendEvent(b []byte, e event) []byte {
	b = appendHead(b, e.stamp)
	b = append(b, `"choices":[{"index":0,"delta":`...)
	switch e.index {
	case 0:
		b = append(b, `{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]`...)
	case e.last:
		b = append(b, `{},"logprobs":null,"finish_reason":"stop"}]`...)
	default:
		b = append(b, `{"content":" bridge"},"logprobs":null,"finish_reason":null}]`...)
	}
	if e.usage {
		b = append(b, `,"usage":null`...)
	}
	return append(b, "}\n\n"...)
}

func appendHead(b []byte, stamp int64) []byte {
	b = append(b, `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,"model":"`+model+`",`+stampMark...)
	from := len(b)
	b = append(b, "0000000000000000000"...)
	for i := from + stampDigits - 1; stamp > 0 && i >= from; i-- {
		b[i] = byte('0' + stamp%10)
		stamp /= 10
	}
	return append(b, `",`...)
}
