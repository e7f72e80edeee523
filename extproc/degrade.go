package extproc

import (
	"sync/atomic"
	"time"

	"github.com/farebox/farebox/policy"
)

// reason is why a call went on without full information. The list is closed: it
// is the label of farebox_degraded_total, and docs/metrics.md tells each.
type reason string

const (
	malformedRequest reason = "malformed_request" // the body is not JSON: forwarded untouched, metered by its answer
	unreadableEvent  reason = "unreadable_event"  // an event or body of the answer could not be read
	unknownEncoding  reason = "unknown_encoding"  // the answer's content-encoding is not one we read
	brokenEncoding   reason = "broken_encoding"   // the answer did not inflate, or to more than the limit
	unknownContent   reason = "unknown_content"   // a successful answer is of a kind that its dialect does not read
	usageRefused     reason = "usage_refused"     // the provider refused to be asked for usage; it is not asked again for a while
	unknownMessage   reason = "unknown_message"   // Envoy sent a kind of message that we do not know
	nativeUntold     reason = "native_untold"     // Envoy counted the answer and told no usage: settled at an estimate
	meteringMismatch reason = "metering_mismatch" // Envoy meters this route in another way than the configuration here says
	falseStamp       reason = "false_stamp"       // a request said that another Farebox had admitted it, and no key here confirms it
	unchangedRequest reason = "unchanged_request" // a cap, a hint or another model could not be written in the request
	admissionFailed  reason = "admission_failed"  // the call passed unmetered, for want of a decision
	noRandomness     reason = "no_call_id"        // no call id could be minted
	commitWait       reason = policy.CommitWait
	ledgerRefused    reason = policy.LedgerRefused
)

var reasons = []reason{
	malformedRequest, unreadableEvent, unknownEncoding, brokenEncoding, unknownContent, usageRefused, unknownMessage, nativeUntold, meteringMismatch, falseStamp, unchangedRequest, admissionFailed, noRandomness,
	commitWait, ledgerRefused,
}

// degrade is the only place where a call goes on for want of something that we
// needed to know. err may be nil; it never holds anything of a body. Every one is
// counted; each reason is logged at most once in degradeEvery, so that a caller
// cannot fill the log.
func (st *stream) degrade(why reason, err error) { st.degradeBy(why, 1, err) }

const degradeEvery = time.Second

func (st *stream) degradeBy(why reason, n int, err error) {
	st.srv.metrics.degraded.WithLabelValues(string(why)).Add(float64(n))
	if !st.srv.said[why].due(st.now()) {
		return
	}
	st.srv.o.Logger.WarnContext(st.ctx, "went on without full information",
		"reason", string(why), "call", st.request.ID.String(), "provider", st.way.provider, "err", err)
}

// pacer lets one through in each degradeEvery.
type pacer struct{ last atomic.Int64 }

func (p *pacer) due(now time.Time) bool {
	last, at := p.last.Load(), now.UnixNano()
	return at-last >= int64(degradeEvery) && p.last.CompareAndSwap(last, at)
}

func newPacers() map[reason]*pacer {
	m := make(map[reason]*pacer, len(reasons))
	for _, why := range reasons {
		m[why] = &pacer{}
	}
	return m
}
