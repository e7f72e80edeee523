package ollama

import (
	"encoding/json"
	"fmt"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// request is what the top level of a body said. Of a key that comes twice the
// last one counts.
type request struct {
	model      string
	whole      bool // not streamed, which is the default
	numPredict int64
	shares     tokenizer.Shares
	last       int64 // text since the model's last message
}

// Read reads a request body in one pass.
func (*Dialect) Read(operation, _ string, _ tokenizer.Head, body []byte) (tokenizer.Call, error) {
	call := tokenizer.Call{Dialect: Name, Operation: operation, Choices: 1}
	var r request
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	for key := range w.Members {
		r.member(key, w)
	}
	if err := w.End(); err != nil {
		return call, fmt.Errorf("read %s request: %w", operation, err)
	}
	if !object {
		return call, fmt.Errorf("read %s request: %w: no object", operation, jsonscan.ErrMalformed)
	}
	r.shares.Last += r.last
	call.Model, call.Shares = r.model, r.shares
	if operation != embeddings {
		call.Stream, call.MaxOutput = !r.whole, r.numPredict
	}
	return call, nil
}

// member reads one member of the top level, whose value w stands before.
func (r *request) member(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "model":
		r.model = jsonscan.Word(w.Raw())
	case "stream":
		r.whole = string(w.Raw()) == "false"
	case "options":
		for option := range w.Members {
			if string(option) == "num_predict" { // below 0: no bound
				r.numPredict = jsonscan.Number(w.Raw())
			}
		}
	case "system":
		r.shares.System += jsonscan.StringWeight(w.Raw())
	case "tools":
		r.shares.Tools += jsonscan.Weight(w.Raw())
	case "messages":
		for range w.Elements {
			r.message(w)
		}
	case "images":
		r.shares.Media += jsonscan.Weight(w.Raw())
	case "prompt", "suffix":
		r.shares.Last += jsonscan.StringWeight(w.Raw())
	case "input":
		raw := w.Raw()
		r.shares.Last += jsonscan.StringWeight(raw) + jsonscan.Weight(raw)
	}
}

// message adds a message of a chat. The last turn is what came after the last
// answer of the model.
func (r *request) message(w *jsonscan.Walker) {
	var role string
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			role = jsonscan.Word(w.Raw())
		case "content", "thinking":
			text += jsonscan.StringWeight(w.Raw())
		case "tool_calls":
			text += jsonscan.Weight(w.Raw())
		case "images":
			r.shares.Media += jsonscan.Weight(w.Raw())
		}
	}
	switch role {
	case "system":
		r.shares.System += text
	case "assistant":
		r.shares.History += r.last + text
		r.last = 0
	default:
		r.last += text
	}
}

// Inputs yields what an embeddings call embeds.
func (*Dialect) Inputs(call tokenizer.Call, body []byte, yield func(input []byte) bool) {
	if call.Operation != embeddings {
		return
	}
	w := jsonscan.Walk(body)
	for key := range w.Members {
		switch k := string(key); {
		case k != "input" && k != "prompt":
			continue
		case w.Kind() != '[':
			if !yield(w.Raw()) {
				return
			}
		default:
			for range w.Elements {
				if !yield(w.Raw()) {
					return
				}
			}
		}
	}
}

// Refuse returns an error body as the server words its own.
func (*Dialect) Refuse(_ int, code, message string) []byte {
	body, err := json.Marshal(map[string]string{"error": message, "code": code})
	if err != nil { // strings always marshal
		return []byte(`{"error":"refused"}`)
	}
	return body
}

// Stop returns the line by which the server ends a stream that fails.
// https://docs.ollama.com/api/errors
func (d *Dialect) Stop(_ tokenizer.Call, form tokenizer.Form, status int, code, message string) []byte {
	if form != tokenizer.NDJSON {
		return nil
	}
	return append(d.Refuse(status, code, message), '\n')
}
