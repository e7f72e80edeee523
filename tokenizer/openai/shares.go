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

func (r *request) shares(operation string) tokenizer.Shares {
	var t turns
	t.shares.Tools = r.tools + r.functions
	t.shares.System = stringWeight(r.instructions)
	switch {
	case len(r.content) == 0:
	case r.content[0] == '"':
		t.shares.Last = stringWeight(r.content)
	case operation == chat || operation == responses:
		_ = jsonscan.Elements(r.content, func(v []byte) bool { // a wrong shape weighs nothing
			t.message(v)
			return true
		})
		t.end()
	default:
		t.shares.Last = promptWeight(r.content, true)
	}
	return t.shares
}

// message adds a message of a chat, or an item of a responses input.
func (t *turns) message(raw []byte) {
	var role, kind string
	var text int64
	_ = jsonscan.Members(raw, func(m jsonscan.Member) bool { // a wrong shape weighs nothing
		switch string(m.Key) {
		case "role":
			role = word(m.Value)
		case "type":
			kind = word(m.Value)
		case "content", "output", "summary", "arguments", "input", "reasoning_content", "refusal":
			text += t.content(m.Value)
		case "tool_calls", "function_call":
			text += weight(m.Value)
		default:
			t.medium(m.Key, m.Value)
		}
		return true
	})
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
func (t *turns) content(raw []byte) (text int64) {
	if raw[0] == '"' {
		return stringWeight(raw)
	}
	_ = jsonscan.Elements(raw, func(part []byte) bool { // null and wrong shapes weigh nothing
		if part[0] == '"' {
			text += stringWeight(part)
			return true
		}
		_ = jsonscan.Members(part, func(m jsonscan.Member) bool {
			switch string(m.Key) {
			case "text", "refusal":
				text += stringWeight(m.Value)
			default:
				t.medium(m.Key, m.Value)
			}
			return true
		})
		return true
	})
	return text
}

// medium adds an image, sound or file: strings of any kind that are no text.
func (t *turns) medium(key, value []byte) {
	switch string(key) {
	case "image_url", "video_url", "input_audio", "audio", "file", "url", "data", "file_data", "file_url", "result":
	default:
		return
	}
	if value[0] == '"' {
		t.shares.Media += stringWeight(value)
		return
	}
	_ = jsonscan.Members(value, func(m jsonscan.Member) bool { // ids and null weigh nothing
		if k := string(m.Key); k == "url" || k == "data" || k == "file_data" {
			t.shares.Media += stringWeight(m.Value)
		}
		return true
	})
}

// promptWeight is the text of prompts or of things to embed, which may be
// strings, token ids, or (if lists is true) lists of either.
func promptWeight(raw []byte, lists bool) (n int64) {
	_ = jsonscan.Elements(raw, func(v []byte) bool { // a wrong shape weighs nothing
		switch {
		case v[0] == '"':
			n += stringWeight(v)
		case v[0] == '[' && lists:
			n += promptWeight(v, false)
		case v[0] == '{': // servers that embed images and text take parts
			n += textMember(v)
		default:
			n += bytesPerToken
		}
		return true
	})
	return n
}

func textMember(raw []byte) (n int64) {
	_ = jsonscan.Members(raw, func(m jsonscan.Member) bool { // a wrong shape weighs nothing
		if string(m.Key) == "text" {
			n += stringWeight(m.Value)
		}
		return true
	})
	return n
}

// stringWeight is the bytes between the quotes of a raw string, or 0.
func stringWeight(raw []byte) int64 {
	if len(raw) < 2 || raw[0] != '"' {
		return 0
	}
	return int64(len(raw) - 2)
}
