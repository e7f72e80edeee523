package openai

import (
	"fmt"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// maxChoices bounds the answers that a request may make us believe it asks for.
const maxChoices = 1 << 16

// request is what the top level of a body said. Of a key that comes twice the
// last one counts, as it does for the servers.
type request struct {
	operation                              string
	model, tier                            string
	stream, schema, stops                  bool
	asks                                   bool
	maxTokens, maxCompletion, maxResponses int64
	n, bestOf                              int64
	prompts                                int   // of a legacy completion
	instructions, tools, functions, suffix int64 // bytes
	turns                                  turns
}

// Read reads a request body in one pass.
func (*Dialect) Read(operation, path string, head tokenizer.Head, body []byte) (tokenizer.Call, error) {
	if named, id := earlierAt(path); id != "" && named == operation {
		return tokenizer.Call{Dialect: Name, Operation: operation, Choices: 1, Of: id, Results: operation == batchResults}, nil
	}
	switch operation {
	case images, transcription, speech, batch:
		return readMedia(tokenizer.Call{Dialect: Name, Operation: operation, Choices: 1, Model: deployment(path)}, head, body)
	}
	r := request{operation: operation}
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	for key := range w.Members {
		r.member(key, w)
	}
	call := tokenizer.Call{Dialect: Name, Operation: operation, Choices: 1, Model: deployment(path)}
	if err := w.End(); err != nil {
		return call, fmt.Errorf("read %s request: %w", operation, err)
	}
	if !object {
		return call, fmt.Errorf("read %s request: %w: no object", operation, jsonscan.ErrMalformed)
	}
	if r.model != "" {
		call.Model = r.model
	}
	call.Tier, call.Stream = r.tier, r.stream && operation != embeddings
	call.AsksUsage = call.Stream && r.asks
	call.MaxOutput = r.maxOutput()
	call.Choices = r.choices()
	call.Schema, call.Stops = r.schema, r.stops
	call.Shares = r.shares()
	return call, nil
}

// member reads one member of the top level, whose value w stands before.
func (r *request) member(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "model":
		r.model = jsonscan.Word(w.Raw())
	case "service_tier":
		r.tier = jsonscan.Word(w.Raw())
	case "stream":
		r.stream = string(w.Raw()) == "true"
	case "stream_options":
		r.asks = includesUsage(w)
	case "max_tokens":
		r.maxTokens = jsonscan.Numeric(w.Raw())
	case "max_completion_tokens":
		r.maxCompletion = jsonscan.Numeric(w.Raw())
	case "max_output_tokens":
		r.maxResponses = jsonscan.Numeric(w.Raw())
	case "n":
		r.n = jsonscan.Numeric(w.Raw())
	case "best_of":
		r.bestOf = jsonscan.Numeric(w.Raw())
	case "messages", "input", "prompt":
		r.content(w)
	case "suffix": // what stands behind the gap that a completion fills
		r.suffix = jsonscan.StringWeight(w.Raw())
	case "instructions":
		r.instructions = jsonscan.StringWeight(w.Raw())
	case "response_format":
		r.schema = isSchema(w) || r.schema
	case "text": // of a response
		r.schema = formatted(w) || r.schema
	case "stop":
		r.stops = jsonscan.Says(w.Raw())
	case "tools":
		r.tools = jsonscan.Weight(w.Raw())
	case "functions":
		r.functions = jsonscan.Weight(w.Raw())
	}
}

// maxOutput is the bound that counts for the operation. max_tokens is the old
// name of max_completion_tokens, which wins where both are given.
func (r *request) maxOutput() int64 {
	switch {
	case r.operation == embeddings:
		return 0
	case r.operation == responses:
		return r.maxResponses
	case r.maxCompletion > 0:
		return r.maxCompletion
	}
	return r.maxTokens
}

// choices is how many answers are generated. A list of prompts is answered one
// by one, and best_of answers are paid for whatever n of them is shown.
func (r *request) choices() int {
	n := int64(1)
	switch r.operation {
	case chat:
		n = max(n, r.n)
	case completions:
		n = min(max(n, r.n, r.bestOf), maxChoices) * int64(min(max(r.prompts, 1), maxChoices))
	}
	return int(min(n, maxChoices))
}

// includesUsage reports whether a stream_options value asks for usage.
func includesUsage(w *jsonscan.Walker) (asks bool) {
	for key := range w.Members {
		if string(key) == "include_usage" {
			asks = string(w.Raw()) == "true"
		}
	}
	return asks
}

// isSchema reports whether a format is a schema that the answer must fit.
func isSchema(w *jsonscan.Walker) (schema bool) {
	for key := range w.Members {
		if string(key) == "type" {
			schema = string(w.Raw()) == `"json_schema"`
		}
	}
	return schema
}

// formatted is isSchema of the format within a response's text member.
func formatted(w *jsonscan.Walker) (schema bool) {
	for key := range w.Members {
		if string(key) == "format" {
			schema = isSchema(w)
		}
	}
	return schema
}
