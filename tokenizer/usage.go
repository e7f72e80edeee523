package tokenizer

import (
	"encoding/json"
	"fmt"
	"math/bits"
)

// Class is one meter: a disjoint cell of direction, modality, cache and kind, or
// a unit that is not a token. Its name is what JSON, metrics and price rows call
// a meter.
type Class uint8

// The token cells, then the units that are not tokens of a call. A provider's
// total of tokens is the sum of its cells. A dialect sets a unit only where the
// provider bills it.
const (
	Input Class = iota // text sent, neither cached nor of another modality
	InputAudio
	InputImage
	InputVideo
	InputDocument
	InputTool // input that a hosted tool added
	CacheRead
	CacheReadAudio
	CacheReadImage
	CacheReadVideo
	CacheReadDocument
	CacheWrite // time to live not said
	CacheWrite5m
	CacheWrite1h
	CacheWrite12h
	Output // text generated, without reasoning
	OutputAudio
	OutputImage
	OutputVideo
	Reasoning

	Requests        // calls, where a call itself has a price, or the queries of one call
	WebSearch       // searches that a hosted tool made
	FileSearch      // look-ups in hosted files
	Maps            // look-ups in maps
	CodeExecSeconds // of a hosted container
	RerankUnits     // searches of a reranker, as the provider counts them
	Pages           // of documents read
	Images          // made; size and quality are conditions of the price
	AudioSeconds    // of sound heard or made
	VideoSeconds    // of video seen or made
	Characters      // of text read aloud, translated or embedded
	CacheTokenHours // a token kept in a cache for an hour
	TrainedTokens   // of a fine-tuning job, all epochs
	HostingSeconds  // of a deployment that is paid by time
	GPUSeconds      // of a processor that a job took
	Classes         // how many there are
)

var classNames = [Classes]string{
	Input: "input", InputAudio: "input_audio", InputImage: "input_image", InputVideo: "input_video",
	InputDocument: "input_document", InputTool: "input_tool",
	CacheRead: "cache_read", CacheReadAudio: "cache_read_audio", CacheReadImage: "cache_read_image",
	CacheReadVideo: "cache_read_video", CacheReadDocument: "cache_read_document",
	CacheWrite: "cache_write", CacheWrite5m: "cache_write_5m", CacheWrite1h: "cache_write_1h", CacheWrite12h: "cache_write_12h",
	Output: "output", OutputAudio: "output_audio", OutputImage: "output_image", OutputVideo: "output_video", Reasoning: "reasoning",
	Requests: "requests", WebSearch: "web_search", FileSearch: "file_search", Maps: "maps", CodeExecSeconds: "code_exec_seconds",
	RerankUnits: "rerank_units", Pages: "pages", Images: "images", AudioSeconds: "audio_seconds", VideoSeconds: "video_seconds",
	Characters: "characters", CacheTokenHours: "cache_token_hours", TrainedTokens: "trained_tokens", HostingSeconds: "hosting_seconds",
	GPUSeconds: "gpu_seconds",
}

func (c Class) String() string {
	if c < Classes {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// IsToken reports whether c counts tokens of a call: the cells, no other unit.
func (c Class) IsToken() bool { return c <= Reasoning }

// IsInput reports whether c counts tokens that were sent.
func (c Class) IsInput() bool { return c < Output }

// IsOutput reports whether c counts tokens that were generated.
func (c Class) IsOutput() bool { return c >= Output && c <= Reasoning }

// ParseClass is the inverse of Class.String.
func ParseClass(name string) (Class, bool) {
	for c, n := range classNames {
		if n == name {
			return Class(c), true
		}
	}
	return 0, false
}

// MarshalText writes the name, so that JSON says meters by name.
func (c Class) MarshalText() ([]byte, error) {
	if c >= Classes {
		return nil, fmt.Errorf("write meter: %s has no name", c)
	}
	return []byte(classNames[c]), nil
}

// UnmarshalText reads the name.
func (c *Class) UnmarshalText(text []byte) error {
	read, ok := ParseClass(string(text))
	if !ok {
		return fmt.Errorf("read meter: %q is none", text)
	}
	*c = read
	return nil
}

// Source is how a quantity came to be known, from worst to best.
type Source uint8

// None: not known. Estimated: from bytes and experience. Counted: the text was
// counted exactly. Partial: a cut answer: reported so far and counted text.
// Reported: the provider said so.
const (
	None Source = iota
	Estimated
	Counted
	Partial
	Reported
)

var sourceNames = [...]string{None: "none", Estimated: "estimated", Counted: "counted", Partial: "partial", Reported: "reported"}

func (s Source) String() string { return sourceNames[s] }

// ParseSource is the inverse of Source.String.
func ParseSource(name string) (Source, bool) {
	for s, n := range sourceNames {
		if n == name {
			return Source(s), true
		}
	}
	return None, false
}

// MarshalText writes the name, so that JSON says sources by name.
func (s Source) MarshalText() ([]byte, error) {
	if int(s) >= len(sourceNames) {
		return nil, fmt.Errorf("write source: %d has no name", uint8(s))
	}
	return []byte(sourceNames[s]), nil
}

// UnmarshalText reads the name.
func (s *Source) UnmarshalText(text []byte) error {
	read, ok := ParseSource(string(text))
	if !ok {
		return fmt.Errorf("read source: %q is none", text)
	}
	*s = read
	return nil
}

// Usage is what one model consumed in one attempt. Its zero value knows nothing:
// a class that was not set is unknown, which is not zero. Quantities are tokens,
// or the unit that the class is named after.
type Usage struct {
	Model string // as answered; empty: as asked
	// Context is the input, in tokens, of the longest of the calls that are summed up
	// here: what each of them costs depends on its own length. 0: it is one call.
	Context int64

	known uint64
	n     [Classes]int64
	from  [Classes]Source

	waived [maxWaived]waiver
}

// waiver is a part of a class that the provider counts and does not bill.
type waiver struct {
	class Class
	n     int64
}

const maxWaived = 4 // classes of one Usage

// Set makes c known. A negative n is recorded as unknown: no provider means it.
func (u *Usage) Set(c Class, n int64, from Source) {
	if n < 0 {
		return
	}
	u.n[c], u.from[c], u.known = n, from, u.known|1<<c
}

// Waive says that n of what c counts are told by the provider and not billed. At
// most four classes of a Usage have such a part; what is not above 0 is none.
func (u *Usage) Waive(c Class, n int64) {
	for i := range u.waived {
		if w := &u.waived[i]; n > 0 && (w.n == 0 || w.class == c) {
			*w = waiver{c, n}
			return
		}
	}
}

// Waived is how many of what c counts are not billed.
func (u *Usage) Waived(c Class) int64 {
	for _, w := range u.waived {
		if w.class == c && w.n > 0 {
			return min(w.n, u.n[c])
		}
	}
	return 0
}

// Count returns the quantity of c and whether it is known.
func (u *Usage) Count(c Class) (n int64, known bool) { return u.n[c], u.known&(1<<c) != 0 }

// Source returns how c came to be known; None when it is not.
func (u *Usage) Source(c Class) Source { return u.from[c] }

// Known reports whether any class is.
func (u *Usage) Known() bool { return u.known != 0 }

// KnownOutput reports whether any output class is known.
func (u *Usage) KnownOutput() bool { return u.known&(1<<Requests-1)>>Output != 0 }

// KnownInput reports whether any input class is known.
func (u *Usage) KnownInput() bool { return u.known&(1<<Output-1) != 0 }

// All calls yield for each known class, in order.
func (u *Usage) All(yield func(Class, int64) bool) {
	for k := u.known; k != 0; k &= k - 1 {
		c := Class(bits.TrailingZeros64(k))
		if !yield(c, u.n[c]) {
			return
		}
	}
}

// Totals sums the known input and output tokens, and no other unit.
func (u *Usage) Totals() (input, output int64) {
	for c, n := range u.All {
		switch {
		case c.IsInput():
			input += n
		case c.IsOutput():
			output += n
		}
	}
	return input, output
}

// MarshalJSON writes the known classes only, by name.
func (u *Usage) MarshalJSON() ([]byte, error) {
	m := make(map[string]int64)
	for c, n := range u.All {
		m[c.String()] = n
	}
	return json.Marshal(m)
}
