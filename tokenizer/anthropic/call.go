package anthropic

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// request is what the top level of a body said. Of a key that comes twice the
// last one counts, as it does for the servers.
type request struct {
	model, tier, speed, region string
	stream                     bool
	maxTokens                  int64
	prompt, system             int64 // bytes
	tools, servers             int64
	turns                      turns
}

// Read reads a request. One that asks after a batch has no body, or none that
// says anything.
func (*Dialect) Read(operation, path string, _ tokenizer.Head, body []byte) (tokenizer.Call, error) {
	call := tokenizer.Call{Dialect: Name, Operation: operation, Choices: 1}
	if operation == batch || operation == batchResults {
		call.Results = operation == batchResults
		if call.Of = batchID(path); call.Of != "" {
			return call, nil
		}
		return call, readBatch(&call, body)
	}
	if v, ok := tokenizer.OnVertex(path, Name); ok {
		call.Model, call.Account, call.Region = strings.Clone(v.Model), strings.Clone(v.Project), strings.Clone(v.Location)
		call.Stream = v.Stream
	}
	return call, ReadMessage(&call, body)
}

// ReadMessage reads the body of one message, or of one old completion, into call,
// over what its path has said. On error nothing is changed.
func ReadMessage(call *tokenizer.Call, body []byte) error {
	var r request
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	r.read(w)
	if err := w.End(); err != nil {
		return fmt.Errorf("read %s request: %w", call.Operation, err)
	}
	if !object {
		return fmt.Errorf("read %s request: %w: no object", call.Operation, jsonscan.ErrMalformed)
	}
	if r.model != "" {
		call.Model = r.model
	}
	if r.region != "" {
		call.Region = r.region
	}
	call.Tier = tierOf(r.tier, r.speed)
	call.Stream = call.Stream || r.stream
	call.MaxOutput = r.maxTokens
	call.Shares = r.shares()
	return nil
}

// read reads the object that w stands before.
func (r *request) read(w *jsonscan.Walker) {
	for key := range w.Members {
		r.member(key, w)
	}
}

// member reads one member of the top level, whose value w stands before.
func (r *request) member(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "model":
		r.model = jsonscan.Word(w.Raw())
	case "service_tier":
		r.tier = jsonscan.Word(w.Raw())
	case "speed":
		r.speed = jsonscan.Word(w.Raw())
	case "inference_geo":
		r.region = geography(jsonscan.Word(w.Raw()))
	case "stream":
		r.stream = string(w.Raw()) == "true"
	case "max_tokens", "max_tokens_to_sample":
		r.maxTokens = jsonscan.Number(w.Raw())
	case "messages":
		r.turns = turns{}
		for range w.Elements {
			r.turns.message(w)
		}
	case "prompt": // of an old completion
		r.prompt = jsonscan.StringWeight(w.Raw())
	case "system":
		var t turns
		r.system = t.content(w)
	case "tools":
		r.tools = jsonscan.Weight(w.Raw())
	case "mcp_servers":
		r.servers = jsonscan.Weight(w.Raw())
	}
}

// shares says how the text divides.
func (r *request) shares() tokenizer.Shares {
	s := r.turns.divide()
	s.System += r.system
	s.Last += r.prompt
	s.Tools = r.tools + r.servers
	return s
}
