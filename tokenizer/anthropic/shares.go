package anthropic

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// turns adds up the messages of a conversation. The last turn is what came after
// the last answer of the model: the user's words, or the results of tools.
type turns struct {
	shares     tokenizer.Shares
	final      int64 // text of the newest message, if it is the model's
	sinceReply int64 // text since the model's last message
}

// message adds the message that w stands before.
func (t *turns) message(w *jsonscan.Walker) {
	var role string
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			role = jsonscan.Word(w.Raw())
		case "content":
			text += t.content(w)
		}
	}
	switch role {
	case "system": // some models take instructions amid a conversation
		t.shares.System += text
	case "assistant":
		t.shares.History += t.sinceReply + text
		t.sinceReply, t.final = 0, text
	default:
		t.sinceReply += text
		t.final = 0
	}
}

// divide decides what the last turn was. A conversation that ends with the
// model's own words asks it to go on from there: they are the last turn.
func (t *turns) divide() tokenizer.Shares {
	s := t.shares
	s.Last = t.sinceReply
	if t.sinceReply == 0 {
		s.Last = t.final
		s.History -= t.final
	}
	return s
}

// content is the text of what w stands before: a string, a block, or a list of
// either. What is not text in it is added to the media.
func (t *turns) content(w *jsonscan.Walker) (text int64) {
	switch w.Kind() {
	case '"':
		return jsonscan.StringWeight(w.Raw())
	case '[':
		for range w.Elements {
			text += t.block(w)
		}
		return text
	}
	return t.block(w)
}

// block is the text of one block. A signature proves a thought and is none.
func (t *turns) block(w *jsonscan.Walker) (text int64) {
	if w.Kind() == '"' {
		return jsonscan.StringWeight(w.Raw())
	}
	var kind string
	var data int64
	for key := range w.Members {
		switch string(key) {
		case "type":
			kind = jsonscan.Word(w.Raw())
		case "text", "thinking", "title", "context", "name", "encrypted_content":
			text += jsonscan.StringWeight(w.Raw())
		case "data":
			data += jsonscan.StringWeight(w.Raw())
		case "input":
			text += jsonscan.Weight(w.Raw())
		case "content":
			text += t.results(w)
		case "source":
			text += t.source(w)
		}
	}
	if kind == "redacted_thinking" {
		text += data
	}
	return text
}

// results is the text of a content within a block: what a tool gave back, pages
// found, or a summary.
func (t *turns) results(w *jsonscan.Walker) (text int64) {
	if w.Kind() != '[' {
		return t.within(w)
	}
	for range w.Elements {
		text += t.within(w)
	}
	return text
}

// within is the text of a block that stands in another: deeper than that the API
// has only a document's own blocks, which are weighed whole.
func (t *turns) within(w *jsonscan.Walker) (text int64) {
	if w.Kind() == '"' {
		return jsonscan.StringWeight(w.Raw())
	}
	for key := range w.Members {
		switch string(key) {
		case "text", "title", "url", "encrypted_content", "encrypted_stdout", "stdout", "stderr":
			text += jsonscan.StringWeight(w.Raw())
		case "content":
			raw := w.Raw()
			text += jsonscan.Weight(raw) + jsonscan.StringWeight(raw)
		case "source":
			text += t.source(w)
		}
	}
	return text
}

// source adds an image or a document to the media, by its bytes or its address; a
// document that is plain text, or made of blocks, is text.
func (t *turns) source(w *jsonscan.Walker) (text int64) {
	var kind string
	var data int64
	for key := range w.Members {
		switch string(key) {
		case "type":
			kind = jsonscan.Word(w.Raw())
		case "data", "url":
			data += jsonscan.StringWeight(w.Raw())
		case "content":
			raw := w.Raw()
			text += jsonscan.Weight(raw) + jsonscan.StringWeight(raw)
		}
	}
	if kind == "text" {
		return text + data
	}
	t.shares.Media += data
	return text
}
