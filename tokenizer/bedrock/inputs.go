package bedrock

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

var _ tokenizer.Embedder = (*Dialect)(nil)

// Inputs yields what a call embeds: each of Cohere's texts, images and inputs, what
// Amazon Nova's parameters say, or the text or image of Amazon Titan, of which both
// together are one input, and told as the body that has them.
func (*Dialect) Inputs(call tokenizer.Call, body []byte, yield func(input []byte) bool) {
	if call.Operation != embeddings {
		return
	}
	var lists [3][]byte
	var one []byte
	ones := 0
	w := jsonscan.Walk(body)
	for key := range w.Members {
		switch string(key) {
		case "texts":
			lists[0] = w.Raw()
		case "images":
			lists[1] = w.Raw()
		case "inputs":
			lists[2] = w.Raw()
		case "inputText", "inputImage", "singleEmbeddingParams", "segmentedEmbeddingParams":
			one = w.Raw()
			ones++
		}
	}
	if w.End() != nil {
		return
	}
	if ones > 1 {
		one = body
	}
	if ones > 0 && !yield(one) {
		return
	}
	for _, list := range lists {
		if len(list) > 0 && !each(list, yield) {
			return
		}
	}
}

// each yields the elements of a list, and reports whether yield wants more.
func each(list []byte, yield func([]byte) bool) bool {
	w := jsonscan.Walk(list)
	if w.Kind() != '[' {
		return true
	}
	for range w.Elements {
		if !yield(w.Raw()) {
			return false
		}
	}
	return true
}
