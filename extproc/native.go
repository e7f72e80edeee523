package extproc

import (
	"strconv"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/cells"
)

// Metering is who counts the tokens of answers, as the operator has decided. What
// Envoy's configuration says of a route is what happens; this is what is expected.
type Metering uint8

// EitherCounts: Envoy on some routes, Farebox on others. FareboxCounts and
// EnvoyCounts: the one of them, everywhere.
const (
	EitherCounts Metering = iota
	FareboxCounts
	EnvoyCounts
)

// expects reports whether exchanges of such a shape are as decided.
func (m Metering) expects(s wire.Shape) bool {
	return m == EitherCounts || (m == EnvoyCounts) == (s == wire.Native)
}

// nativeAnswer settles a call whose answer Envoy counted by itself: no byte of it
// comes here, only the trailers that Envoy makes for us, which carry the cost to
// the caller.
func (st *stream) nativeAnswer(in *wire.Message) {
	g := &st.gauge
	g.status, _ = strconv.Atoi(in.Attribute("response.code")) // absent: not known
	g.tries, _ = strconv.Atoi(in.Attribute("upstream.request_attempt_count"))
	end := tokenizer.Complete
	if g.status != 0 {
		end = endOf(g.status)
	}
	counted, told := in.Usage()
	if told {
		g.read = native(&counted)
	}
	if !told || counted.Failed {
		g.unread = end == tokenizer.Complete // then it is settled at an estimate
		if g.unread {
			st.degrade(nativeUntold, nil)
		}
	}
	receipt := st.settle(end, "")
	if end == tokenizer.Complete {
		st.costHeaders(receipt)
	}
}

// native is what Envoy counted, in disjoint classes. It does not tell writes of
// five minutes and of one hour apart, nor sound or pictures from text.
func native(u *wire.Usage) (r tokenizer.Reading) {
	r.Model = u.Model
	if u.Failed {
		return r
	}
	from := tokenizer.Reported
	if u.Partial {
		from = tokenizer.Partial
	}
	usage := tokenizer.Usage{Model: u.Model}
	cells.Split(&usage, from, part(tokenizer.Input, u.Input),
		part(tokenizer.CacheRead, u.Cached), part(tokenizer.CacheWrite, u.CacheWrite), part(tokenizer.InputTool, u.Tool))
	cells.Split(&usage, from, part(tokenizer.Output, u.Output), part(tokenizer.Reasoning, u.Reasoning))
	if usage.Known() {
		r.Usage = []tokenizer.Usage{usage}
	}
	return r
}

func part(c tokenizer.Class, n int64) cells.Part {
	return cells.Part{Class: c, Count: n, Known: n >= 0}
}
