package cohere

import (
	"fmt"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// request is what the top level of a body said. Of a key that comes twice the
// last one counts.
type request struct {
	model     string
	stream    bool
	maxTokens int64
	shares    tokenizer.Shares
	last      int64 // text since the model's last message
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
	if operation == chat {
		call.Stream, call.MaxOutput = r.stream, r.maxTokens
	}
	return call, nil
}

// member reads one member of the top level, whose value w stands before.
func (r *request) member(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "model":
		r.model = jsonscan.Word(w.Raw())
	case "stream":
		r.stream = string(w.Raw()) == "true"
	case "max_tokens":
		r.maxTokens = jsonscan.Number(w.Raw())
	case "preamble":
		r.shares.System += jsonscan.StringWeight(w.Raw())
	case "tools":
		r.shares.Tools += jsonscan.Weight(w.Raw())
	case "messages":
		for range w.Elements {
			r.message(w)
		}
	case "chat_history":
		r.shares.History += jsonscan.Weight(w.Raw())
	case "images":
		r.shares.Media += jsonscan.Weight(w.Raw())
	case "message", "query":
		r.shares.Last += jsonscan.StringWeight(w.Raw())
	case "document": // to be parsed: a picture
		r.shares.Media += jsonscan.Weight(w.Raw())
	case "documents", "texts", "inputs", "tool_results":
		r.shares.Last += jsonscan.Weight(w.Raw())
	}
}

// message adds a message of a v2 chat. The last turn is what came after the last
// answer of the model.
func (r *request) message(w *jsonscan.Walker) {
	var role string
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			role = jsonscan.Word(w.Raw())
		case "content":
			text += r.content(w)
		case "tool_calls":
			text += jsonscan.Weight(w.Raw())
		case "tool_plan":
			text += jsonscan.StringWeight(w.Raw())
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

// content is the text of a message's content: a string, or parts of which a
// picture is none.
func (r *request) content(w *jsonscan.Walker) (text int64) {
	if w.Kind() == '"' {
		return jsonscan.StringWeight(w.Raw())
	}
	for range w.Elements {
		for key := range w.Members {
			switch string(key) {
			case "text":
				text += jsonscan.StringWeight(w.Raw())
			case "image_url":
				r.shares.Media += jsonscan.Weight(w.Raw())
			case "document":
				text += jsonscan.Weight(w.Raw())
			}
		}
	}
	return text
}

// Inputs yields the texts, images or inputs of an embeddings call.
func (*Dialect) Inputs(call tokenizer.Call, body []byte, yield func(input []byte) bool) {
	if call.Operation != embeddings {
		return
	}
	w := jsonscan.Walk(body)
	for key := range w.Members {
		if k := string(key); k != "texts" && k != "images" && k != "inputs" {
			continue
		}
		for range w.Elements {
			if !yield(w.Raw()) {
				return
			}
		}
	}
}
