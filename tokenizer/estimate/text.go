package estimate

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/bpe"
)

// Answer is an answer whose text is counted, and what its tokens depend on
// beside the text.
type Answer struct {
	Call     *tokenizer.Call    // what was asked; never nil
	Provider string             // who hosts the model; empty: not known
	Model    string             // as answered, else as asked
	Reading  *tokenizer.Reading // what was seen; never nil
	Whole    bool               // the answer came to its end
}

// Text counts the tokens of the text that was seen of an answer, and of what
// OpenAI's servers bill beside it (see ending): exactly (Counted) where the
// model's vocabulary is known and all of the text was kept, else guessed
// (Estimated) from what was kept and from bytes. Where more was generated than the
// text shows (see Answer.shows) the text is the least: that is a guess too. It is 0
// and None only where there was no text.
//
// It may take half a second for 256 KiB of hostile text: it is for the end of a
// call, never for each piece.
func (e *Estimator) Text(a Answer) (tokens int64, from tokenizer.Source) {
	r := a.Reading
	all := max(r.TextBytes, int64(len(r.Text)))
	if all == 0 {
		return 0, tokenizer.None
	}
	encoding, ok := bpe.Encoding(a.Model)
	if !ok || len(r.Text) == 0 {
		return tokensIn(all, e.bytesPerToken(modelKey{"", a.Model})), tokenizer.Estimated
	}
	kept := r.Text[:min(len(r.Text), tokenizer.TextKept)]
	n, err := bpe.Count(encoding, string(unescape(kept)))
	switch {
	case err != nil: // told by the source: it is estimated
		return tokensIn(all, e.bytesPerToken(modelKey{"", a.Model})), tokenizer.Estimated
	case int64(len(kept)) < all:
		perToken := float64(len(kept)) / float64(max(1, n))
		return tokensIn(all, perToken), tokenizer.Estimated
	}
	tokens, from = max(1, int64(n))+a.ending(encoding), tokenizer.Counted
	if !a.shows() {
		from = tokenizer.Estimated
	}
	return tokens, from
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
