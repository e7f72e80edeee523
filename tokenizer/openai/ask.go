package openai

import (
	"bytes"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// What AskUsage writes.
const (
	askOption  = `"include_usage":true`
	askOptions = `{` + askOption + `}`
	askMember  = `"stream_options":` + askOptions
)

// AskUsage makes a streamed chat or legacy completion report its usage, by the
// member stream_options.include_usage. Responses report it anyway, embeddings are
// no streams. A body whose stream_options is neither an object nor null is left
// for the provider to refuse.
func (*Dialect) AskUsage(call tokenizer.Call, body []byte) []tokenizer.Edit {
	if !call.Stream || call.AsksUsage || call.Operation != chat && call.Operation != completions {
		return nil
	}
	if !bytes.Contains(body, []byte("stream_options")) && !bytes.Contains(body, []byte(`\u00`)) { // nor an escaped one
		return replace(bytes.IndexByte(body, '{')+1, 0, askMember+",") // "stream" is there
	}
	options, err := findLast(body, "stream_options")
	switch {
	case err != nil:
		return nil
	case options.value == nil:
		return replace(bytes.IndexByte(body, '{')+1, 0, askMember+",")
	case string(options.value) == "null":
		return replace(options.at, len(options.value), askOptions)
	case options.value[0] != '{':
		return nil
	}
	option, err := findLast(options.value, "include_usage")
	switch {
	case err != nil:
		return nil
	case option.value != nil:
		return replace(options.at+option.at, len(option.value), "true")
	case option.alone:
		return replace(options.at+1, 0, askOption)
	}
	return replace(options.at+1, 0, askOption+",")
}

// found is a member of an object, or that there is none of that name.
type found struct {
	value []byte // raw; nil: not there
	at    int    // where it begins in the object
	alone bool   // the object is empty
}

// findLast finds the last member of that name, which is the one that counts.
func findLast(object []byte, name string) (f found, err error) {
	w := jsonscan.Walk(object)
	f.alone = true
	for key := range w.Members {
		f.alone = false
		if string(key) == name {
			f.at = w.At()
			f.value = w.Raw()
		}
	}
	return f, w.End()
}

func replace(at, cut int, put string) []tokenizer.Edit {
	return []tokenizer.Edit{{At: at, Cut: cut, Put: []byte(put)}}
}

// NewHider makes the hider of one answer.
func (*Dialect) NewHider() tokenizer.Hider { return newHider() }

// RefusedAsk reports whether an error body names the option or its parent.
func (*Dialect) RefusedAsk(body []byte) bool {
	return bytes.Contains(body, []byte("stream_options")) || bytes.Contains(body, []byte("include_usage"))
}
