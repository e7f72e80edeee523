package gemini

import (
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

var _ tokenizer.Embedder = (*Dialect)(nil)

// Inputs yields what an embeddings call embeds: its content, the content of each
// of its requests, or each of its instances.
func (*Dialect) Inputs(call tokenizer.Call, body []byte, yield func(input []byte) bool) {
	if call.Operation != embeddings {
		return
	}
	var one, requests, instances []byte
	w := jsonscan.Walk(body)
	for key := range w.Members {
		switch string(key) {
		case "content":
			one = w.Raw()
		case "requests":
			requests = w.Raw()
		case "instances":
			instances = w.Raw()
		}
	}
	if w.End() != nil || len(one) > 0 && !yield(one) {
		return
	}
	if len(requests) > 0 && !each(requests, contentOf, yield) {
		return
	}
	if len(instances) > 0 {
		each(instances, (*jsonscan.Walker).Raw, yield)
	}
}

// each yields what pick finds in each element of a list, and reports whether
// yield wants more.
func each(list []byte, pick func(*jsonscan.Walker) []byte, yield func([]byte) bool) bool {
	w := jsonscan.Walk(list)
	if w.Kind() != '[' {
		return true
	}
	for range w.Elements {
		if input := pick(w); len(input) > 0 && !yield(input) {
			return false
		}
	}
	return true
}

// contentOf passes a request and returns its content; nil if it has none.
func contentOf(w *jsonscan.Walker) (raw []byte) {
	for key := range w.Members {
		if string(key) == "content" {
			raw = w.Raw()
		}
	}
	return raw
}
