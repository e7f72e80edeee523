package provider

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const (
	eventStream = "text/event-stream; charset=utf-8"
	created     = 1767225600 // 2026-01-01T00:00:00Z, of every answer
	words       = "a ferry leaves the quay at noon with nine people and two bicycles on deck while gulls follow "
)

// asked is the part of a request that changes the answer.
type asked struct {
	Model         string          `json:"model"`
	Stream        bool            `json:"stream"`
	Input         json.RawMessage `json:"input"`
	Encoding      string          `json:"encoding_format"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// dialect is a path whose calls are answered in JSON or as a stream.
type dialect struct {
	json   func(*exchange, asked) ([]byte, error)
	stream func(*exchange, asked) ([]part, error) // nil: never streams
}

// serve answers the calls of one path.
func (d dialect) serve(x *exchange, w http.ResponseWriter) {
	var q asked
	if err := json.Unmarshal(x.body, &q); err != nil {
		x.send(w, http.StatusBadRequest, failure(problem("We could not parse the JSON body of your request.", "invalid_request_error", "")))
		return
	}
	if x.play.Status != 0 {
		text := x.play.Body
		if text == "" {
			text = problem("The call was not answered, as the scenario asks.", "server_error", "")
		}
		x.send(w, x.play.Status, failure(text))
		return
	}
	if x.play.RefuseStreamOptions && q.StreamOptions != nil {
		x.send(w, http.StatusBadRequest, failure(problem("Unrecognized request argument supplied: stream_options", "invalid_request_error", "stream_options")))
		return
	}
	if x.play.Model != "" {
		q.Model = x.play.Model
	}
	a := answer{kind: "application/json"}
	var err error
	if q.Stream && d.stream != nil {
		a.kind = eventStream
		a.parts, err = d.stream(x, q)
		a.parts = x.play.finish(a.parts)
	} else {
		var b []byte
		b, err = d.json(x, q)
		a.parts = []part{{text: b}}
	}
	if err != nil {
		x.send(w, http.StatusInternalServerError, failure(problem(err.Error(), "server_error", "")))
		return
	}
	x.send(w, http.StatusOK, a)
}

// finish gives a stream the end and the line ends that the scenario asks for.
func (s Scenario) finish(parts []part) []part {
	if len(parts) == 0 {
		return parts
	}
	last := &parts[len(parts)-1]
	last.wait += s.Last
	if s.NoFinalBlank {
		last.text = bytes.TrimSuffix(last.text, []byte("\n"))
	}
	if s.CRLF {
		for i := range parts {
			parts[i].text = bytes.ReplaceAll(parts[i].text, []byte("\n"), []byte("\r\n"))
		}
	}
	return parts
}

// text is the content of chunk i of a stream.
func (s Scenario) text(i int) string {
	if s.Text > 0 {
		return prose(s.Text)
	}
	f := strings.Fields(words)
	return f[i%len(f)] + " "
}

// prose is n bytes of text that JSON leaves as it is.
func prose(n int) string {
	return strings.Repeat(words, n/len(words)+1)[:n]
}

// whole is the content of a JSON answer: what the chunks of a stream would be.
func (s Scenario) whole() string {
	var b strings.Builder
	for i := range s.chunks() {
		b.WriteString(s.text(i))
	}
	return b.String()
}

// sized marshals what make makes of a text; with Size, of one that makes the
// body exactly so long.
func (s Scenario) sized(make func(text string) any) ([]byte, error) {
	if s.Size == 0 {
		return json.Marshal(make(s.whole()))
	}
	bare, err := json.Marshal(make(""))
	if err != nil {
		return nil, err
	}
	return json.Marshal(make(prose(max(0, s.Size-len(bare)))))
}

// counts is the usage object of chat and text completions, of the first n
// chunks.
func (s Scenario) counts(n int) any {
	u := s.usage()
	out := u.Completion
	if n < s.chunks() {
		out = u.Completion * n / s.chunks()
	}
	return chatUsage{
		Prompt: u.Prompt, Completion: out, Total: u.Prompt + out,
		PromptDetails:     promptDetails{Cached: u.Cached},
		CompletionDetails: completionDetails{Reasoning: min(out, u.Reasoning)},
	}
}

type chatUsage struct {
	Prompt            int               `json:"prompt_tokens"`
	Completion        int               `json:"completion_tokens"`
	Total             int               `json:"total_tokens"`
	PromptDetails     promptDetails     `json:"prompt_tokens_details"`
	CompletionDetails completionDetails `json:"completion_tokens_details"`
}

type promptDetails struct {
	Cached int `json:"cached_tokens"`
	Audio  int `json:"audio_tokens"`
}

type completionDetails struct {
	Reasoning int `json:"reasoning_tokens"`
	Audio     int `json:"audio_tokens"`
	Accepted  int `json:"accepted_prediction_tokens"`
	Rejected  int `json:"rejected_prediction_tokens"`
}

// event marshals v as one server-sent event.
func event(v any, wait time.Duration) (part, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return part{}, err
	}
	return part{text: append(append([]byte("data: "), b...), "\n\n"...), wait: wait}, nil
}
