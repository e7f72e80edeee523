package gemini

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// turns adds up the turns of conversations. The last turn is what came after the
// model's last words: the user's, or the results of tools.
type turns struct {
	shares tokenizer.Shares
	since  int64 // bytes since the model's last words
	final  int64 // bytes of the newest turn, if it is the model's
}

// add adds a turn.
func (t *turns) add(model bool, text int64) {
	if !model {
		t.since += text
		t.final = 0
		return
	}
	t.shares.History += t.since + text
	t.since, t.final = 0, text
}

// end ends a conversation. One that ends with the model's own words asks it to go
// on from there: they are the last turn.
func (t *turns) end() {
	if t.since == 0 {
		t.shares.History -= t.final
		t.since = t.final
	}
	t.shares.Last += t.since
	t.since, t.final = 0, 0
}

// contents reads a conversation: a list of contents, or one.
func (t *turns) contents(w *jsonscan.Walker) {
	if w.Kind() == '{' {
		t.turn(w)
		return
	}
	for range w.Elements {
		t.turn(w)
	}
}

// turn reads a content: a role and parts.
func (t *turns) turn(w *jsonscan.Walker) {
	var model bool
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			model = jsonscan.Word(w.Raw()) == "model"
		case "parts":
			text += t.parts(w)
		}
	}
	t.add(model, text)
}

// text is the text of a content, or of a plain string.
func (t *turns) text(w *jsonscan.Walker) (n int64) {
	if w.Kind() == '"' {
		return jsonscan.StringWeight(w.Raw())
	}
	for key := range w.Members {
		if string(key) == "parts" {
			n += t.parts(w)
		}
	}
	return n
}

// parts is the text of parts, or of one. What is not text is added to the media.
func (t *turns) parts(w *jsonscan.Walker) (text int64) {
	if w.Kind() == '{' {
		return t.part(w)
	}
	for range w.Elements {
		text += t.part(w)
	}
	return text
}

func (t *turns) part(w *jsonscan.Walker) (text int64) {
	for key := range w.Members {
		switch string(key) {
		case "text":
			text += jsonscan.StringWeight(w.Raw())
		case "functionCall", "function_call", "functionResponse", "function_response", "executableCode", "executable_code",
			"codeExecutionResult", "code_execution_result", "toolCall", "toolResponse":
			text += jsonscan.Weight(w.Raw())
		case "inlineData", "inline_data", "fileData", "file_data":
			t.media(w)
		}
	}
	return text
}

// media adds what an object holds of pictures, sound and files.
func (t *turns) media(w *jsonscan.Walker) {
	for key := range w.Members {
		switch string(key) {
		case "data", "fileUri", "file_uri", "uri", "bytesBase64Encoded", "gcsUri":
			t.shares.Media += jsonscan.StringWeight(w.Raw())
		}
	}
}

// instances reads what a prediction is to be made of: prompts, texts, pictures.
func (t *turns) instances(w *jsonscan.Walker) {
	for range w.Elements {
		for key := range w.Members {
			switch string(key) {
			case "content", "prompt", "text":
				t.since += jsonscan.StringWeight(w.Raw())
			case "image", "lastFrame", "video", "referenceImages":
				t.media(w)
			}
		}
	}
}

// input reads what an interaction begins with: a string, a part, a list of
// parts, or a list of turns or steps.
func (t *turns) input(w *jsonscan.Walker) {
	switch w.Kind() {
	case '"':
		t.since += jsonscan.StringWeight(w.Raw())
	case '{':
		t.step(w)
	default:
		for range w.Elements {
			t.step(w)
		}
	}
}

// step reads a part, turn or step. The model's are those of its role, its
// outputs, its thoughts and its calls.
func (t *turns) step(w *jsonscan.Walker) {
	var model bool
	var text int64
	for key := range w.Members {
		switch string(key) {
		case "role":
			model = model || jsonscan.Word(w.Raw()) == "model"
		case "type":
			kind := jsonscan.Word(w.Raw())
			model = model || kind == "model_output" || kind == "thought" || strings.HasSuffix(kind, "_call")
		case "content", "summary":
			text += t.pieces(w)
		default:
			text += t.piece(key, w)
		}
	}
	t.add(model, text)
}

// pieces is the text of a step's content: a string, or parts with a type.
func (t *turns) pieces(w *jsonscan.Walker) (text int64) {
	switch w.Kind() {
	case '"':
		return jsonscan.StringWeight(w.Raw())
	case '{':
		for key := range w.Members {
			text += t.piece(key, w)
		}
		return text
	}
	for range w.Elements {
		for key := range w.Members {
			text += t.piece(key, w)
		}
	}
	return text
}

// piece is the text of one member of a part of an interaction.
func (t *turns) piece(key []byte, w *jsonscan.Walker) int64 {
	switch string(key) {
	case "text":
		return jsonscan.StringWeight(w.Raw())
	case "arguments", "result":
		raw := w.Raw()
		return jsonscan.Weight(raw) + jsonscan.StringWeight(raw)
	case "data", "uri":
		t.shares.Media += jsonscan.StringWeight(w.Raw())
	}
	return 0
}
