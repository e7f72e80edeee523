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
	empty := true
	var options jsonscan.Member // the last of that name, which is the one that counts
	err := jsonscan.Members(body, func(m jsonscan.Member) bool {
		empty = false
		if string(m.Key) == "stream_options" {
			options = m
		}
		return true
	})
	switch {
	case err != nil:
		return nil
	case options.Value == nil:
		return insert(bytes.IndexByte(body, '{')+1, askMember, empty)
	case string(options.Value) == "null":
		return replace(options.At, len(options.Value), askOptions)
	case options.Value[0] == '{':
		return askWithin(options)
	}
	return nil
}

// askWithin edits a stream_options object.
func askWithin(options jsonscan.Member) []tokenizer.Edit {
	empty := true
	var option jsonscan.Member
	err := jsonscan.Members(options.Value, func(m jsonscan.Member) bool {
		empty = false
		if string(m.Key) == "include_usage" {
			option = m
		}
		return true
	})
	switch {
	case err != nil:
		return nil
	case option.Value == nil:
		return insert(options.At+1, askOption, empty)
	}
	return replace(options.At+option.At, len(option.Value), "true")
}

// insert puts a first member into an object whose content starts at at.
func insert(at int, member string, empty bool) []tokenizer.Edit {
	if !empty {
		member += ","
	}
	return replace(at, 0, member)
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
