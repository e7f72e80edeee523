package estimate

import (
	"math"
	"math/bits"
	"sync"
)

const (
	// defaultRatio is bytes per token of English and of most code.
	defaultRatio = 4.0
	// No tokenizer does worse or better than these over a whole prompt.
	leastRatio, mostRatio = 0.5, 16.0
	// memory is how many calls are remembered: of the calls after these each one
	// counts as one of so many. A vocabulary does not change, only what is written
	// with it.
	memory = 64
	// prior is how many tokens of the default ratio are believed at first, and
	// priorCalls how many calls they weigh as much as.
	prior, priorCalls = 200.0, 16
)

// ratio is the bytes per token of one model: two moving averages rather than one
// of quotients, so that a call counts by its size.
type ratio struct {
	mu            sync.Mutex // guards what follows
	bytes, tokens float64
	calls         float64 // up to memory
	missed        sketch  // what calls took, in thousandths of what was guessed
}

// guessedRight is a call that took what was guessed, in thousandths.
const guessedRight = 1000

func (r *ratio) learn(bytes, tokens float64) {
	r.missed.learn(int64((tokens + overhead) / (bytes/r.value() + overhead) * guessedRight))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tokens == 0 {
		r.bytes, r.tokens, r.calls = prior*defaultRatio, prior, priorCalls
	}
	r.calls = min(r.calls+1, memory)
	r.bytes += (bytes - r.bytes) / r.calls
	r.tokens += (tokens - r.tokens) / r.calls
}

func (r *ratio) value() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tokens == 0 {
		return defaultRatio
	}
	return min(mostRatio, max(leastRatio, r.bytes/r.tokens))
}

// tokensIn is how many tokens so many bytes make, rounded up: at least 1.
func tokensIn(bytes int64, perToken float64) int64 {
	return max(1, int64(math.Ceil(float64(bytes)/perToken)))
}

const (
	octaves    = 26 // up to 64 million tokens
	perOctave  = 4
	enough     = 20   // answers before the sketch is believed by itself
	forgetting = 1024 // answers after which old ones count half
)

// sketch counts how long answers were, in buckets of a quarter of an octave.
type sketch struct {
	mu     sync.Mutex // guards what follows
	seen   uint16
	counts [octaves * perOctave]uint16
}

func (s *sketch) learn(tokens int64) {
	b := bucket(tokens)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen >= forgetting {
		s.seen = 0
		for i := range s.counts {
			s.counts[i] /= 2
			s.seen += s.counts[i]
		}
	}
	s.counts[b]++
	s.seen++
}

// known reports whether enough was seen to believe it.
func (s *sketch) known() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen >= enough
}

// upper is a bound that all but one in so many stay below. Of few it is the
// largest, and not less than otherwise; of none it is that.
func (s *sketch) upper(oneIn uint16, otherwise int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.seen / oneIn // so many may be larger
	few := s.seen < enough
	if few {
		over = 0
	}
	for b := len(s.counts) - 1; b >= 0; b-- {
		switch {
		case s.counts[b] <= over:
			over -= s.counts[b]
		case few:
			return max(otherwise, bound(b))
		default:
			return bound(b)
		}
	}
	return otherwise
}

// bucket is where so many tokens are counted: by the leading bit and the two
// after it.
func bucket(tokens int64) int {
	n := uint64(max(1, tokens))
	octave := bits.Len64(n) - 1
	if octave >= octaves {
		return octaves*perOctave - 1
	}
	return octave*perOctave + int(n<<2>>octave&3)
}

// bound is the largest number of tokens that a bucket counts.
func bound(bucket int) int64 {
	octave, part := bucket/perOctave, int64(bucket%perOctave)
	return max(1, ((5+part)<<octave-1)>>2)
}
