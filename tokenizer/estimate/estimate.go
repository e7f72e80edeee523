// Package estimate guesses tokens where nobody has reported them: of a request
// before it is admitted, of an answer before it is given or when it was cut.
//
// Calls, reported usage and text that was seen come in; numbers of tokens go out,
// and whether they were counted or guessed. It learns from what providers report
// and refuses to know prices, owners and the words of a prompt. Its guesses are
// floats inside: none of them is money.
package estimate

import (
	"math"
	"math/bits"
	"strings"
	"sync"

	"github.com/farebox/farebox/tokenizer"
)

const (
	// maxModels bounds what is remembered: bytes per token for so many models.
	// Beyond it a model that is new takes the place of any other.
	maxModels = 1000
	// maxOutputs bounds how many pairs of model and operation are remembered.
	maxOutputs = 4 * maxModels
	// maxOwned bounds how many of these are remembered for owners apart.
	maxOwned = 16 * maxModels
	// maxName is the longest model name worth remembering, in bytes.
	maxName = 256

	// overhead is what a call costs beyond its text: the frame of its messages.
	overhead = 8
	// mediaBytes is how many bytes of a picture, sound or document make a token,
	// and mediaLeast the least that one makes: rough, as it depends on pixels and
	// seconds that bytes do not show.
	mediaBytes, mediaLeast = 512, 100
	// DefaultOutput is the guess for an answer of which nothing is known, in
	// tokens.
	DefaultOutput = 1000
)

// Estimator learns and guesses. It is safe for concurrent use; its locks are held
// only for a look-up or arithmetic.
type Estimator struct {
	mu      sync.RWMutex // guards which entries there are, not what is in them
	ratios  map[modelKey]*ratio
	outputs map[outputKey]*sketch
	owned   map[ownedKey]*sketch // the same by owner
}

// ownedKey is the answers that one owner gets.
type ownedKey struct {
	outputKey
	owner string
}

// modelKey names a model behind a dialect; without a dialect, behind any.
type modelKey struct{ dialect, model string }

type outputKey struct{ dialect, model, operation string }

// New makes an Estimator that has learned nothing.
func New() *Estimator {
	return &Estimator{ // the whole room at once, so that no map grows under the lock
		ratios:  make(map[modelKey]*ratio, 2*maxModels),
		outputs: make(map[outputKey]*sketch, maxOutputs),
		owned:   make(map[ownedKey]*sketch, maxOwned),
	}
}

// Input guesses the input tokens of a call from the bytes of its text and media.
// It is 0 only for a call without either.
func (e *Estimator) Input(c tokenizer.Call) int64 {
	var tokens int64
	if text := c.Shares.Text(); text > 0 {
		tokens = tokensIn(text, e.bytesPerToken(modelKey{c.Dialect, c.Model})) + overhead
	}
	if c.Shares.Media > 0 {
		tokens += max(mediaLeast, c.Shares.Media/mediaBytes)
	}
	return tokens
}

// InputMost guesses the input tokens of a call on the high side: what 99 of 100
// calls of its model stay below, by how far the guesses before were from what was
// reported. Of a model of which little is known it is twice the guess.
func (e *Estimator) InputMost(c tokenizer.Call) int64 {
	guess := e.Input(c)
	e.mu.RLock()
	r := e.ratios[modelKey{c.Dialect, c.Model}]
	e.mu.RUnlock()
	const unknown = 2 * guessedRight
	most := int64(unknown)
	if r != nil {
		most = max(guessedRight, r.missed.upper(100, unknown))
	}
	if guess > math.MaxInt64/most {
		return math.MaxInt64
	}
	return (guess*most + guessedRight - 1) / guessedRight
}

// Output guesses, on the high side, the output tokens of all choices of a call:
// what nine in ten and more of such answers stay below, never more than the
// caller allows. It is 0 for what generates no text, as embeddings, and for what is
// counted by its queries.
func (e *Estimator) Output(c tokenizer.Call) int64 { return e.outputBelow(c, 20) }

// OutputMost is Output with more on the high side: what 99 of 100 of such answers
// stay below. Of fewer than a hundred seen it is the longest.
func (e *Estimator) OutputMost(c tokenizer.Call) int64 { return e.outputBelow(c, 100) }

// OutputMostOf is OutputMost of the answers that owner gets, once enough of them
// were seen: one team asks a model for words, another for reports.
func (e *Estimator) OutputMostOf(owner string, c tokenizer.Call) int64 {
	e.mu.RLock()
	s := e.owned[ownedKey{outputKeyOf(c), owner}]
	e.mu.RUnlock()
	if owner == "" || s == nil || !s.known() {
		return e.OutputMost(c)
	}
	return most(c, s, 100)
}

// outputBelow is what all but one in so many of such answers stay below.
func (e *Estimator) outputBelow(c tokenizer.Call, oneIn uint16) int64 {
	e.mu.RLock()
	s := e.outputs[outputKeyOf(c)]
	e.mu.RUnlock()
	return most(c, s, oneIn)
}

func outputKeyOf(c tokenizer.Call) outputKey { return outputKey{c.Dialect, c.Model, c.Operation} }

// most is what all choices of a call may generate together.
func most(c tokenizer.Call, s *sketch, oneIn uint16) int64 {
	if c.Queries > 0 || !generates(c) {
		return 0
	}
	each := int64(DefaultOutput)
	if s != nil {
		each = s.upper(oneIn, DefaultOutput)
	}
	if c.MaxOutput > 0 {
		each = min(each, c.MaxOutput)
	}
	return times(each, int64(max(1, c.Choices)))
}

// generates reports whether an operation makes text, in any dialect's word for it.
// What embeddings, rerankers, pictures, sound, videos, labels, pages and cached
// contents are billed by is no output that could be guessed from text. Of a batch
// the texts are known only where its requests stand in the call itself.
func generates(c tokenizer.Call) bool {
	if isBatch(c.Operation) {
		return c.Operation == "batch" && c.Shares.Text() > 0
	}
	for _, word := range [...]string{"mbed", "rerank", "image", "video", "speech", "moderation", "classif", "ocr", "cached_content"} {
		if strings.Contains(c.Operation, word) {
			return false
		}
	}
	return true
}

// isBatch reports whether an operation makes, or asks after, many calls at once.
func isBatch(operation string) bool { return strings.HasPrefix(operation, "batch") }

// times multiplies and stops at the end of int64.
func times(a, b int64) int64 {
	if hi, lo := bits.Mul64(uint64(a), uint64(b)); hi == 0 && lo <= math.MaxInt64 {
		return int64(lo)
	}
	return math.MaxInt64
}

// Learn takes in what a provider reported for a call. Usage that holds anything
// but reported quantities teaches nothing, nor does the input of a call with
// media, whose tokens bytes do not tell, nor a batch, whose sums tell of no single
// call.
func (e *Estimator) Learn(c tokenizer.Call, u *tokenizer.Usage) { e.LearnOf("", c, u) }

// LearnOf is Learn of a call whose owner is known.
func (e *Estimator) LearnOf(owner string, c tokenizer.Call, u *tokenizer.Usage) {
	if c.Model == "" || len(c.Model) > maxName || isBatch(c.Operation) || !allReported(u) {
		return
	}
	input, output := u.Totals()
	if tool, known := u.Count(tokenizer.InputTool); known {
		input -= tool // text that the caller did not send
	}
	if text := c.Shares.Text(); text > 0 && input > 0 && c.Shares.Media == 0 {
		tokens := float64(max(1, input-overhead))
		e.ratio(modelKey{c.Dialect, c.Model}).learn(float64(text), tokens)
		e.ratio(modelKey{"", c.Model}).learn(float64(text), tokens)
	}
	if u.KnownOutput() && generates(c) {
		choices := int64(max(1, c.Choices))
		each := output / choices
		if output%choices > 0 {
			each++
		}
		e.output(outputKeyOf(c)).learn(each)
		if owner != "" && len(owner) <= maxName {
			entry(&e.mu, e.owned, ownedKey{outputKeyOf(c), owner}, maxOwned).learn(each)
		}
	}
}

func allReported(u *tokenizer.Usage) bool {
	for c := range u.All {
		if u.Source(c) != tokenizer.Reported {
			return false
		}
	}
	return u.Known()
}

// bytesPerToken is what was learned of a model, else the default.
func (e *Estimator) bytesPerToken(k modelKey) float64 {
	e.mu.RLock()
	r := e.ratios[k]
	e.mu.RUnlock()
	if r == nil {
		return defaultRatio
	}
	return r.value()
}

func (e *Estimator) ratio(k modelKey) *ratio { return entry(&e.mu, e.ratios, k, 2*maxModels) }

func (e *Estimator) output(k outputKey) *sketch { return entry(&e.mu, e.outputs, k, maxOutputs) }

// entry returns m's entry for k, and makes it if there is none: in place of any
// other when m has most entries.
func entry[K comparable, V any](mu *sync.RWMutex, m map[K]*V, k K, most int) *V {
	mu.RLock()
	v := m[k]
	mu.RUnlock()
	if v != nil {
		return v
	}
	fresh := new(V)
	mu.Lock()
	defer mu.Unlock()
	if v := m[k]; v != nil {
		return v
	}
	if len(m) >= most {
		for other := range m {
			delete(m, other)
			break
		}
	}
	m[k] = fresh
	return fresh
}
