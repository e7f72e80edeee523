package mistral

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// request is what the top level of a body said that is not shaped as OpenAI's. Of a
// key that comes twice the last one counts.
type request struct {
	operation    string
	model, agent string
	tier         string
	stream       bool
	annotates    bool
	maxTokens    int64
	system       int64 // bytes, as all that follow
	tools        int64
	prompt       int64
	document     int64
	inputs       inputs
	several      several
}

// told makes the call of what was read.
func (r *request) told() tokenizer.Call {
	call := tokenizer.Call{Model: r.model, Tier: r.tier, Choices: 1, MaxOutput: r.maxTokens}
	if call.Model == "" {
		call.Model = r.agent // until the answer tells the model
	}
	call.Stream = r.stream && r.operation == conversations
	call.Shares = r.inputs.divide()
	call.Shares.System += r.system
	call.Shares.Last += r.prompt
	call.Shares.Tools += r.tools
	call.Shares.Media += r.document
	if r.annotates {
		call.Quality = annotated
	}
	if r.operation == batch {
		call.Tier = batch
		r.several.fill(&call)
	}
	return call
}

// member reads one member of the top level, whose value w stands before.
func (r *request) member(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "model":
		r.model = jsonscan.Word(w.Raw())
	case "agent_id":
		r.agent = jsonscan.Word(w.Raw())
	case "service_tier":
		r.tier = jsonscan.Word(w.Raw())
	case "stream":
		r.stream = string(w.Raw()) == "true"
	case "completion_args":
		r.arguments(w)
	case "instructions":
		r.system = jsonscan.StringWeight(w.Raw())
	case "tools":
		r.tools = jsonscan.Weight(w.Raw())
	case "inputs", "input": // the first of a conversation, the second of what is to be judged
		r.inputs = inputs{}
		r.inputs.read(w)
	case "document":
		r.document = jsonscan.Weight(w.Raw())
	case "document_annotation_prompt":
		r.prompt = jsonscan.StringWeight(w.Raw())
	case "document_annotation_format", "bbox_annotation_format":
		r.annotates = jsonscan.Says(w.Raw()) || r.annotates
	case "requests":
		r.several.read(w)
	}
}

// arguments reads how a conversation is to be gone on with.
func (r *request) arguments(w *jsonscan.Walker) {
	for key := range w.Members {
		if string(key) == "max_tokens" {
			r.maxTokens = jsonscan.Number(w.Raw())
		}
	}
}

// inputs adds up what is given to a conversation, or to be judged. The last turn
// is what came after the last words of the model.
type inputs struct {
	shares tokenizer.Shares
	last   int64 // text since then
}

func (in *inputs) divide() tokenizer.Shares {
	s := in.shares
	s.Last += in.last
	return s
}

// read reads one text, texts, entries, or messages alone or in lists. A value of a
// wrong shape weighs nothing.
func (in *inputs) read(w *jsonscan.Walker) {
	const nesting = 2 // lists in a list, as of several chats
	in.list(w, nesting)
}

func (in *inputs) list(w *jsonscan.Walker, levels int) {
	switch {
	case w.Kind() == '"':
		in.last += jsonscan.StringWeight(w.Raw())
	case w.Kind() == '{':
		in.entry(w, levels)
	case levels > 0:
		for range w.Elements {
			in.list(w, levels-1)
		}
	}
}

// entry adds an entry of a conversation, a message, or what holds messages.
func (in *inputs) entry(w *jsonscan.Walker, levels int) {
	var role, kind string
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			role = jsonscan.Word(w.Raw())
		case "type":
			kind = jsonscan.Word(w.Raw())
		case "content", "arguments", "result":
			text += in.content(w)
		case "tool_calls":
			text += jsonscan.Weight(w.Raw())
		case "messages":
			in.list(w, levels)
		}
	}
	switch {
	case role == "system":
		in.shares.System += text
	case role == "assistant" || role == "" && generated(kind):
		in.shares.History += in.last + text
		in.last = 0
	default:
		in.last += text
	}
}

// generated reports whether an entry without a role came from the model.
func generated(kind string) bool {
	switch kind {
	case "message.output", "function.call", "tool.execution", "agent.handoff":
		return true
	}
	return false
}

// content is the text of an entry: a string, an object of arguments, or chunks, of
// which pictures, documents and sound are none.
func (in *inputs) content(w *jsonscan.Walker) (text int64) {
	switch w.Kind() {
	case '"':
		return jsonscan.StringWeight(w.Raw())
	case '{':
		return jsonscan.Weight(w.Raw())
	}
	for range w.Elements {
		for key := range w.Members {
			switch string(key) {
			case "text":
				text += jsonscan.StringWeight(w.Raw())
			case "thinking":
				text += jsonscan.Weight(w.Raw())
			case "image_url", "document_url", "input_audio":
				raw := w.Raw()
				in.shares.Media += max(jsonscan.StringWeight(raw), jsonscan.Weight(raw))
			}
		}
	}
	return text
}
