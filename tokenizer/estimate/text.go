package estimate

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/bpe"
)

// Text counts the tokens of the text that was seen of an answer: exactly
// (Counted) where the model's vocabulary is known and all of the text was kept,
// else guessed (Estimated) from what was kept and from bytes. Of a model that
// thinks unseen, the text is the least that was generated: that is a guess too. It
// is 0 and None only where there was no text. model is as answered, else as asked.
//
// It may take half a second for 256 KiB of hostile text: it is for the end of a
// call, never for each piece.
func (e *Estimator) Text(model string, r *tokenizer.Reading) (tokens int64, from tokenizer.Source) {
	all := max(r.TextBytes, int64(len(r.Text)))
	if all == 0 {
		return 0, tokenizer.None
	}
	if encoding, ok := bpe.Encoding(model); ok && len(r.Text) > 0 {
		kept := r.Text[:min(len(r.Text), tokenizer.TextKept)]
		n, err := bpe.Count(encoding, string(unescape(kept)))
		switch {
		case err != nil: // told by the source: it is estimated below
		case int64(len(kept)) < all:
			perToken := float64(len(kept)) / float64(max(1, n))
			return tokensIn(all, perToken), tokenizer.Estimated
		case thinks(model):
			return max(1, int64(n)), tokenizer.Estimated
		default:
			return max(1, int64(n)), tokenizer.Counted
		}
	}
	return tokensIn(all, e.bytesPerToken(modelKey{"", model})), tokenizer.Estimated
}

// thinkers are families of public vocabulary whose output is more than what is
// shown of it: thoughts, and the frame of the channels they are kept apart in.
var thinkers = [...]string{"o1", "o3", "o4", "gpt-5", "gpt-oss"}

// thinks reports whether a model, whose name may have a prefix, is of such a
// family.
func thinks(model string) bool {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	model = strings.TrimPrefix(model, "ft:")
	return slices.ContainsFunc(thinkers[:], func(family string) bool { return strings.HasPrefix(model, family) })
}

// unescape undoes the escapes of JSON string content, of which the last may have
// been cut. What is no escape stays as it is.
func unescape(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); {
		if in[i] != '\\' || i+1 == len(in) {
			out = append(out, in[i])
			i++
			continue
		}
		if in[i+1] == 'u' {
			r, n := unescapeRune(in[i:])
			out = utf8.AppendRune(out, r)
			i += n
			continue
		}
		out = append(out, plainOf(in[i+1]))
		i += 2
	}
	return out
}

// plainOf is what a backslash and c stand for.
func plainOf(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c // a quote, a backslash, a slash
}

// unescapeRune reads \uXXXX, or two of them that are a pair, and says how many
// bytes that took: all that is left where the escape was cut.
func unescapeRune(in []byte) (r rune, n int) {
	const one = len(`\u0000`)
	r, ok := hex4(in)
	if !ok {
		return utf8.RuneError, min(len(in), one)
	}
	if !utf16.IsSurrogate(r) {
		return r, one
	}
	if low, ok := hex4(in[one:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 2 * one
		}
	}
	return utf8.RuneError, one
}

func hex4(in []byte) (rune, bool) {
	if len(in) < 6 || in[0] != '\\' || in[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(in[2:6]), 16, 16)
	return rune(n), err == nil
}
