package bedrock

import (
	"strconv"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// counts are the tokens that Bedrock itself counts of an InvokeModel answer: in
// its headers, or in the metrics of a stream's last event. The input excludes
// what was read from or written to the cache.
type counts struct{ input, output, cacheRead, cacheWrite cells.Part }

// fill sets the sides, input and output, of which u knows nothing.
func (c counts) fill(u *tokenizer.Usage, from tokenizer.Source) {
	if !u.KnownInput() {
		cells.Set(u, from, c.input.As(tokenizer.Input), c.cacheRead.As(tokenizer.CacheRead), c.cacheWrite.As(tokenizer.CacheWrite))
	}
	if !u.KnownOutput() {
		cells.Set(u, from, c.output.As(tokenizer.Output))
	}
}

// said is what the headers of an answer say.
type said struct {
	status        int
	requestID     string
	tier, latency string
	counts        counts
}

func listen(a tokenizer.Answer) said {
	return said{
		status:    a.Status,
		requestID: word(a.Head, "x-amzn-requestid"),
		tier:      word(a.Head, tierHeader),
		latency:   word(a.Head, latencyHeader),
		counts: counts{
			input:      count(a.Head, "x-amzn-bedrock-input-token-count"),
			output:     count(a.Head, "x-amzn-bedrock-output-token-count"),
			cacheRead:  count(a.Head, "x-amzn-bedrock-cache-read-input-token-count"),
			cacheWrite: count(a.Head, "x-amzn-bedrock-cache-write-input-token-count"),
		},
	}
}

// word is a copy of a header of reasonable length; else empty.
func word(h tokenizer.Head, name string) string {
	if v := h.Header(name); len(v) <= jsonscan.MaxWord {
		return strings.Clone(v)
	}
	return ""
}

// count is the number in a header, if it is a believable one.
func count(h tokenizer.Head, name string) cells.Part {
	n, err := strconv.ParseInt(h.Header(name), 10, 64)
	if err != nil || n < 0 || n > cells.MaxCount {
		return cells.Part{}
	}
	return cells.Part{Count: n, Known: true}
}
