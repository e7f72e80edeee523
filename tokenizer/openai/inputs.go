package openai

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

var _ tokenizer.Embedder = (*Dialect)(nil)

// Inputs yields what an embeddings call embeds: the input itself or, where that is
// a list of several, each of it. A list of token ids is one input.
func (*Dialect) Inputs(call tokenizer.Call, body []byte, yield func(input []byte) bool) {
	if call.Operation != embeddings {
		return
	}
	input, err := findLast(body, "input")
	if err != nil || len(input.value) == 0 {
		return
	}
	if !severalInputs(input.value) {
		yield(input.value)
		return
	}
	w := jsonscan.Walk(input.value)
	for range w.Elements {
		if !yield(w.Raw()) {
			return
		}
	}
}

// severalInputs reports whether an input is a list of texts, of lists of ids or of
// parts, and not one list of ids.
func severalInputs(input []byte) bool {
	w := jsonscan.Walk(input)
	if w.Kind() != '[' {
		return false
	}
	several := false
	for range w.Elements {
		k := w.Kind()
		several = k == '"' || k == '[' || k == '{'
		break
	}
	return several
}
