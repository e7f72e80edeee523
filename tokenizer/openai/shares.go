package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// bytesPerToken is what a prompt given as token ids weighs for each id: about
// the text that it stands for.
const bytesPerToken = 4

// turns adds up the messages of a conversation. The last turn is what came after
// the last answer of the model: the user's words, or the results of tools.
type turns struct {
	shares     tokenizer.Shares
	final      int64 // text of the newest message, of any role but system
	sinceReply int64 // text since the model's last message
}

// content reads what the model is to answer or embed. It may be one string; a
// value of a wrong shape weighs nothing.
func (r *request) content(w *jsonscan.Walker) {
	r.turns, r.prompts = turns{}, 0
	switch {
	case w.Kind() == '"':
		r.turns.sinceReply = jsonscan.StringWeight(w.Raw())
	case r.operation == chat || r.operation == responses:
		for range w.Elements {
			r.turns.message(w)
		}
	default:
		for range w.Elements {
			if k := w.Kind(); k == '"' || k == '[' {
				r.prompts++
			}
			r.turns.sinceReply += promptWeight(w)
		}
	}
}

func (r *request) shares() tokenizer.Shares {
	r.turns.end()
	s := r.turns.shares
	s.System += r.instructions
	s.Last += r.suffix
	s.Tools = r.tools + r.functions
	return s
}

// message adds a message of a chat, or an item of a responses input.
func (t *turns) message(w *jsonscan.Walker) {
	var role, kind string
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			role = jsonscan.Word(w.Raw())
		case "type":
			kind = jsonscan.Word(w.Raw())
		case "content", "output", "summary", "arguments", "input", "reasoning_content", "refusal":
			text += t.content(w)
		case "tool_calls", "function_call":
			text += jsonscan.Weight(w.Raw())
		default:
			t.medium(key, w)
		}
	}
	switch {
	case role == "system" || role == "developer":
		t.shares.System += text
	case role == "assistant" || role == "" && generated(kind):
		t.shares.History += t.sinceReply + text
		t.sinceReply, t.final = 0, text
	default:
		t.sinceReply += text
		t.final = 0
	}
}

// end decides what the last turn was. A conversation that ends with the model's
// own words asks it to go on from there: they are the last turn.
func (t *turns) end() {
	t.shares.Last = t.sinceReply
	if t.sinceReply == 0 {
		t.shares.Last = t.final
		t.shares.History -= t.final
	}
}

// generated reports whether an item of a responses input without a role came
// from the model.
func generated(kind string) bool {
	switch kind {
	case "function_call", "custom_tool_call", "reasoning", "computer_call", "web_search_call", "file_search_call", "code_interpreter_call",
		"mcp_call", "local_shell_call", "shell_call", "image_generation_call":
		return true
	}
	return false
}

// content is the text of a message's content: a string, or parts. What is not
// text in it is added to the media.
func (t *turns) content(w *jsonscan.Walker) (text int64) {
	if w.Kind() == '"' {
		return jsonscan.StringWeight(w.Raw())
	}
	for range w.Elements {
		if w.Kind() == '"' {
			text += jsonscan.StringWeight(w.Raw())
			continue
		}
		for key := range w.Members {
			switch string(key) {
			case "text", "refusal":
				text += jsonscan.StringWeight(w.Raw())
			default:
				t.medium(key, w)
			}
		}
	}
	return text
}

// medium adds an image, sound or file: strings of any kind that are no text.
func (t *turns) medium(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "image_url", "video_url", "input_audio", "audio", "file", "url", "data", "file_data", "file_url", "result":
	default:
		return
	}
	if w.Kind() == '"' {
		t.shares.Media += jsonscan.StringWeight(w.Raw())
		return
	}
	for key := range w.Members { // an id weighs nothing
		if k := string(key); k == "url" || k == "data" || k == "file_data" {
			t.shares.Media += jsonscan.StringWeight(w.Raw())
		}
	}
}

// promptWeight is the text of one prompt, or of one thing to embed: a string, a
// token id, or a list of either.
func promptWeight(w *jsonscan.Walker) (n int64) {
	if w.Kind() != '[' {
		return plainWeight(w)
	}
	for range w.Elements {
		n += plainWeight(w)
	}
	return n
}

func plainWeight(w *jsonscan.Walker) (n int64) {
	switch k := w.Kind(); {
	case k == '"':
		return jsonscan.StringWeight(w.Raw())
	case k == '{': // servers that embed images and text take parts
		for key := range w.Members {
			if string(key) == "text" {
				n += jsonscan.StringWeight(w.Raw())
			}
		}
		return n
	case k >= '0' && k <= '9':
		return bytesPerToken
	}
	return 0
}
