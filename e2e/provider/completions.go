package provider

import (
	"encoding/json"
	"time"
)

// completion is an answer of /v1/chat/completions or /v1/completions, or one
// event of it.
type completion struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int    `json:"created"`
	Model   string `json:"model"`
	Choices []any  `json:"choices"`
	Usage   any    `json:"usage,omitempty"`
}

type chatChoice struct {
	Index   int     `json:"index"`
	Message any     `json:"message,omitempty"`
	Delta   any     `json:"delta,omitempty"`
	Logs    any     `json:"logprobs"`
	Finish  *string `json:"finish_reason"`
}

type textChoice struct {
	Text   string  `json:"text"`
	Index  int     `json:"index"`
	Logs   any     `json:"logprobs"`
	Finish *string `json:"finish_reason"`
}

type message struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

// family is what differs between chat and text completions.
type family struct {
	prefix, object, piece string
	opening               bool // a stream begins with an event that has no text
	message               func(text string) any
	delta                 func(text string) any
	last                  any
}

func chatFamily() family {
	return family{
		prefix: "chatcmpl-", object: "chat.completion", piece: "chat.completion.chunk", opening: true,
		message: func(s string) any {
			return chatChoice{Message: message{Role: "assistant", Content: &s}, Finish: new("stop")}
		},
		delta: func(s string) any {
			if s == "" {
				return chatChoice{Delta: message{Role: "assistant", Content: &s}}
			}
			return chatChoice{Delta: message{Content: &s}}
		},
		last: chatChoice{Delta: message{}, Finish: new("stop")},
	}
}

func textFamily() family {
	return family{
		prefix: "cmpl-", object: "text_completion", piece: "text_completion",
		message: func(s string) any { return textChoice{Text: s, Finish: new("stop")} },
		delta:   func(s string) any { return textChoice{Text: s} },
		last:    textChoice{Finish: new("stop")},
	}
}

func (f family) dialect() dialect { return dialect{json: f.json, stream: f.stream} }

func (f family) json(x *exchange, q asked) ([]byte, error) {
	c := completion{ID: x.id(f.prefix), Object: f.object, Created: created, Model: q.Model}
	if x.play.Report != Never {
		c.Usage = x.play.counts(x.play.chunks())
	}
	return x.play.sized(func(text string) any {
		c.Choices = []any{f.message(text)}
		return c
	})
}

// stream makes the events of an answer. What each carries as usage follows the
// scenario's Report.
func (f family) stream(x *exchange, q asked) ([]part, error) {
	s := x.play
	own := s.Report == Always || s.Report == WhenAsked && q.StreamOptions != nil && q.StreamOptions.IncludeUsage
	c := completion{ID: x.id(f.prefix), Object: f.piece, Created: created, Model: q.Model}
	if own {
		c.Usage = json.RawMessage("null")
	}
	var parts []part
	add := func(choices []any, usage any, wait time.Duration) error {
		e := c
		e.Choices = choices
		if usage != nil {
			e.Usage = usage
		}
		p, err := event(e, wait)
		parts = append(parts, p)
		return err
	}
	if f.opening {
		if err := add([]any{f.delta("")}, s.sofar(0), 0); err != nil {
			return nil, err
		}
	}
	for i := range s.chunks() {
		if err := add([]any{f.delta(s.text(i))}, s.sofar(i+1), s.Pace); err != nil {
			return nil, err
		}
	}
	if s.Report != BesideContent {
		usage := s.sofar(s.chunks())
		if s.Report == WithFinish {
			usage = s.counts(s.chunks())
		}
		if err := add([]any{f.last}, usage, 0); err != nil {
			return nil, err
		}
	}
	if own {
		if err := add([]any{}, s.counts(s.chunks()), 0); err != nil {
			return nil, err
		}
	}
	if !s.NoDone {
		parts = append(parts, part{text: []byte("data: [DONE]\n\n")})
	}
	return parts, nil
}

// sofar is the usage that an event carries after n chunks, if any.
func (s Scenario) sofar(n int) any {
	if s.Report == InEveryChunk || s.Report == BesideContent && n == s.chunks() {
		return s.counts(n)
	}
	return nil
}
