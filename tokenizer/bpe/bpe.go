// Package bpe counts tokens exactly, on this machine, for the models whose
// vocabulary is public: OpenAI's.
//
// A model's name comes in and the name of its encoding goes out; a text comes in
// and the number of its tokens goes out. It refuses to know messages, prices, and
// any model whose vocabulary it would have to guess.
//
// This is not for the hot path: an encoding is loaded when first needed (up to
// half a second, about 37 MB for both) and counts 1 to 3 MB of text a second. All
// functions are safe for concurrent use.
package bpe

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// The encodings.
const (
	O200K  = "o200k_base"
	CL100K = "cl100k_base"
)

// MaxText bounds one Count, in bytes.
const MaxText = 1 << 20

// maxRun is the longest run of letters, of white space or of other signs that is
// merged as one, in bytes: merging takes the square of it. Longer runs are
// counted in parts, at most a token or two off for each.
const maxRun = 2 << 10

// families says which models use which encoding: a name that is the family's, or
// goes on after it with one of the signs in next. Source: the models that the
// public tiktoken library knows.
var families = []struct{ name, next, encoding string }{
	{"gpt-4o", "-:", O200K},
	{"chatgpt-4o", "-", O200K},
	{"gpt-4.1", "-:", O200K},
	{"gpt-4.5", "-", O200K},
	{"gpt-5", "-.:", O200K},
	{"gpt-oss", "-", O200K},
	{"o1", "-:", O200K},
	{"o3", "-:", O200K},
	{"o4", "-:", O200K},
	{"gpt-4", "-:", CL100K},
	{"gpt-3.5-turbo", "-:", CL100K},
	{"gpt-35-turbo", "-", CL100K}, // as Azure spells it
	{"text-embedding-3", "-", CL100K},
	{"text-embedding-ada-002", "-", CL100K},
}

// Encoding names the encoding of a model, whose name may have a prefix as in
// "openai/gpt-4o" or "ft:gpt-4o-mini:org::id". ok is false for a model whose
// encoding is not known.
func Encoding(model string) (name string, ok bool) {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	model = strings.TrimPrefix(model, "ft:")
	for _, f := range families {
		rest, found := strings.CutPrefix(model, f.name)
		if found && (rest == "" || strings.IndexByte(f.next, rest[0]) >= 0) {
			return f.encoding, true
		}
	}
	return "", false
}

// Count returns the number of tokens of a text of at most MaxText bytes. What
// looks like a special token ("<|endoftext|>") is counted as the text it is.
func Count(encoding, text string) (tokens int, err error) {
	if len(text) > MaxText {
		return 0, fmt.Errorf("count tokens: text of %d bytes is longer than %d", len(text), MaxText)
	}
	load, ok := vocabularies[encoding]
	if !ok {
		return 0, fmt.Errorf("count tokens: unknown encoding %.32q", encoding)
	}
	vocabulary, err := load()
	if err != nil {
		return 0, fmt.Errorf("load encoding %s: %w", encoding, err)
	}
	defer func() {
		if p := recover(); p != nil {
			tokens, err = 0, fmt.Errorf("count tokens: %w", gaveUp(p))
		}
	}()
	for text != "" {
		n := mergeable(text)
		tokens += len(vocabulary.EncodeOrdinary(text[:n]))
		text = text[n:]
	}
	return tokens, nil
}

// gaveUp tells of a panic without repeating what it says, which might be text.
func gaveUp(p any) error {
	if bug, ok := p.(runtime.Error); ok {
		return fmt.Errorf("library gave up: %w", bug)
	}
	return errors.New("library gave up")
}

// vocabularies loads each encoding once, when it is first needed. What is loaded
// never changes.
var vocabularies = map[string]func() (*tiktoken.Tiktoken, error){
	O200K: sync.OnceValues(func() (*tiktoken.Tiktoken, error) {
		return load(O200K, `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`+
			`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`+
			`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`)
	}),
	CL100K: sync.OnceValues(func() (*tiktoken.Tiktoken, error) {
		return load(CL100K, `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`)
	}),
}

// load builds an encoding from the ranks that the loader carries. It goes past
// the library's own registry, which is a global that would have to be set.
func load(name, pattern string) (vocabulary *tiktoken.Tiktoken, err error) {
	defer func() {
		if p := recover(); p != nil {
			vocabulary, err = nil, gaveUp(p)
		}
	}()
	ranks, err := loader.NewOfflineLoader().LoadTiktokenBpe(name + ".tiktoken")
	if err != nil {
		return nil, err
	}
	core, err := tiktoken.NewCoreBPE(ranks, nil, pattern)
	if err != nil {
		return nil, err
	}
	return tiktoken.NewTiktoken(core, &tiktoken.Encoding{Name: name, PatStr: pattern, MergeableRanks: ranks}, nil), nil
}

// mergeable is how many leading bytes of text, at least one, hold no run longer
// than maxRun.
func mergeable(text string) int {
	var last kind
	began := 0
	for i, r := range text {
		k := kindOf(r)
		if k != last {
			last, began = k, i
		} else if i+utf8.RuneLen(r)-began > maxRun {
			return i
		}
	}
	return len(text)
}

// kind is what a run is made of.
type kind uint8

const (
	none kind = iota
	letters
	digits
	spaces
	signs
)

func kindOf(r rune) kind {
	switch {
	case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
		return letters
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return letters
	case unicode.IsNumber(r):
		return digits
	case unicode.IsSpace(r):
		return spaces
	}
	return signs
}
