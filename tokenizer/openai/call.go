package openai

import (
	"fmt"
	"strconv"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/tidwall/gjson"
)

// Bounds on what a request may make us believe.
const (
	maxWord    = 256     // bytes of a model or tier
	maxChoices = 1 << 16 // answers asked for
)

// request is what the top level of a body said. Values of the body itself are
// sub-slices of it. Of a key that comes twice the last one counts, as it does
// for the servers.
type request struct {
	model, tier                            string
	stream                                 bool
	asks                                   bool
	maxTokens, maxCompletion, maxResponses int64
	n, bestOf                              int64
	content                                []byte // messages, input or prompt
	instructions                           []byte
	tools, functions                       int64 // bytes
}

// Read reads a request body in one pass over its top level.
func (*Dialect) Read(operation, path string, body []byte) (tokenizer.Call, error) {
	var r request
	err := jsonscan.Members(body, func(m jsonscan.Member) bool {
		r.member(m.Key, m.Value)
		return true
	})
	call := tokenizer.Call{Dialect: Name, Operation: operation, Choices: 1}
	if err != nil {
		call.Model = deployment(path)
		return call, fmt.Errorf("read %s request: %w", operation, err)
	}
	if call.Model = r.model; call.Model == "" {
		call.Model = deployment(path)
	}
	call.Tier, call.Stream = r.tier, r.stream && operation != embeddings
	call.AsksUsage = call.Stream && r.asks
	call.MaxOutput = r.maxOutput(operation)
	call.Choices = r.choices(operation)
	call.Shares = r.shares(operation)
	return call, nil
}

// member notes one member of the top level.
func (r *request) member(key, value []byte) {
	switch string(key) {
	case "model":
		r.model = word(value)
	case "service_tier":
		r.tier = word(value)
	case "stream":
		r.stream = string(value) == "true"
	case "stream_options":
		r.asks = includesUsage(value)
	case "max_tokens":
		r.maxTokens = count(value)
	case "max_completion_tokens":
		r.maxCompletion = count(value)
	case "max_output_tokens":
		r.maxResponses = count(value)
	case "n":
		r.n = count(value)
	case "best_of":
		r.bestOf = count(value)
	case "messages", "input", "prompt":
		r.content = value
	case "instructions":
		r.instructions = value
	case "tools":
		r.tools = weight(value)
	case "functions":
		r.functions = weight(value)
	}
}

// maxOutput is the bound that counts for the operation. max_tokens is the old
// name of max_completion_tokens, which wins where both are given.
func (r *request) maxOutput(operation string) int64 {
	switch {
	case operation == embeddings:
		return 0
	case operation == responses:
		return r.maxResponses
	case r.maxCompletion > 0:
		return r.maxCompletion
	}
	return r.maxTokens
}

// choices is how many answers are generated. A list of prompts is answered one
// by one, and best_of answers are paid for whatever n of them is shown.
func (r *request) choices(operation string) int {
	n := int64(1)
	switch operation {
	case chat:
		n = max(n, r.n)
	case completions:
		n = min(max(n, r.n, r.bestOf), maxChoices) * int64(prompts(r.content))
	}
	return int(min(n, maxChoices))
}

// prompts counts the prompts of a legacy completion; at least 1.
func prompts(content []byte) int {
	n := 0
	_ = jsonscan.Elements(content, func(v []byte) bool { // a single prompt is no array
		if v[0] != '"' && v[0] != '[' {
			return false
		}
		n++
		return n < maxChoices
	})
	return max(n, 1)
}

// word is a copy of a JSON string of reasonable length, or empty.
func word(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' || len(raw) > maxWord+2 {
		return ""
	}
	return gjson.ParseBytes(raw).String()
}

// count is a positive JSON number, or 0.
func count(raw []byte) int64 {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return max(n, 0)
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < 0 || f > 1<<53 {
		return 0
	}
	return int64(f)
}

// includesUsage reports whether a stream_options value asks for usage.
func includesUsage(options []byte) (asks bool) {
	_ = jsonscan.Members(options, func(m jsonscan.Member) bool { // null is no object
		if string(m.Key) == "include_usage" {
			asks = string(m.Value) == "true"
		}
		return true
	})
	return asks
}

// weight is the bytes of a raw value, or 0 for null and for what is empty.
func weight(raw []byte) int64 {
	if len(raw) <= 2 || raw[0] != '[' && raw[0] != '{' {
		return 0
	}
	return int64(len(raw))
}
