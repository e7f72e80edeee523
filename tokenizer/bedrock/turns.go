package bedrock

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// turns adds up the messages of a conversation. The last turn is what came after
// the last answer of the model: the user's words, or the results of tools.
type turns struct {
	shares     tokenizer.Shares
	final      int64 // text of the newest message
	sinceReply int64 // text since the model's last message
}

// end decides what the last turn was. A conversation that ends with the model's
// own words asks it to go on from there: they are the last turn.
func (t *turns) end() {
	t.shares.Last += t.sinceReply
	if t.sinceReply == 0 {
		t.shares.Last += t.final
		t.shares.History -= t.final
	}
}

// messages adds the messages of a Converse body.
func (t *turns) messages(w *jsonscan.Walker) {
	for range w.Elements {
		var role string
		var text int64
		for key := range w.Members {
			switch string(key) {
			case "role":
				role = jsonscan.Word(w.Raw())
			case "content":
				text += t.content(w, 0)
			}
		}
		if t.final = 0; role == "assistant" {
			t.shares.History += t.sinceReply + text
			t.sinceReply, t.final = 0, text
			continue
		}
		t.sinceReply += text
	}
}

// maxNesting is how deep content may lie within content. Converse nests a text in
// a result of a tool, in a block.
const maxNesting = 10

// content is the text of content: a string, a block, or a list of blocks. Bytes
// of images, sound, video and documents in it are added to the media.
func (t *turns) content(w *jsonscan.Walker, depth int) (text int64) {
	switch k := w.Kind(); {
	case k == '"':
		return jsonscan.StringWeight(w.Raw())
	case depth == maxNesting:
		w.Raw()
	case k == '[':
		for range w.Elements {
			text += t.content(w, depth+1)
		}
	case k == '{':
		for key := range w.Members {
			text += t.member(string(key), w, depth+1)
		}
	}
	return text
}

// member is the text of one member of a block.
func (t *turns) member(key string, w *jsonscan.Walker, depth int) int64 {
	switch key {
	case "text", "toolUse", "toolResult", "reasoningContent", "reasoningText", "guardContent", "citationsContent", "searchResult",
		"image", "document", "video", "audio", "source", "content", "context":
		return t.content(w, depth)
	case "json", "input":
		return jsonscan.Weight(w.Raw())
	case "bytes":
		t.shares.Media += jsonscan.StringWeight(w.Raw())
	}
	return 0
}
