package extproc

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// patience is how long the official SDKs wait at most before they try again: what
// comes later they would try at once, and again.
const patience = time.Minute

func (st *stream) tooLarge() policy.Refusal {
	return policy.Refusal{
		Code: "request_too_large", Status: 413,
		Message: fmt.Sprintf("The request body is larger than the %d bytes that this gateway accepts.", st.rules.MaxRequestBody),
	}
}

func busy() policy.Refusal {
	return policy.Refusal{
		Code: "unavailable", Status: 503, Retry: time.Second,
		Message: "The gateway holds as many requests as it can. Try again shortly.",
	}
}

// refuse turns a call away by ourselves, and has that recorded.
func (st *stream) refuse(why policy.Refusal) {
	if st.request.ID == (policy.CallID{}) {
		if err := st.describe(tokenizer.Call{Dialect: st.way.dialect.Name(), Operation: st.way.operation, Choices: 1}); err != nil {
			st.degrade(noRandomness, err)
		}
	}
	st.srv.o.Decider.Refuse(st.ctx, &st.request, why)
	st.caller, st.request.Identity = caller{}, nil
	st.sayNo(why)
}

// turnAway refuses a call that was admitted as it would be changed, and cannot be:
// what was held for it is given back.
func (st *stream) turnAway(why policy.Refusal) {
	st.srv.o.Decider.Settle(st.ctx, st.ticket, policy.Outcome{End: tokenizer.Failed, Status: why.Status, At: st.now(), Reason: why.Code, TurnedAway: true})
	st.reply.Set = nil
	st.sayNo(why)
}

// sayNo answers in the error shape of the dialect that the caller speaks.
func (st *stream) sayNo(why policy.Refusal) {
	l := &wire.Local{Status: why.Status, Details: "farebox_" + why.Code}
	if r, ok := st.way.dialect.(tokenizer.Refuser); ok {
		l.Set = append(l.Set, wire.Pair{Name: "content-type", Value: "application/json"})
		l.Body = r.Refuse(why.Status, why.Code, why.Message)
	}
	if why.Retry > 0 {
		seconds := int64(math.Ceil(why.Retry.Seconds()))
		l.Set = append(l.Set, wire.Pair{Name: "retry-after", Value: strconv.FormatInt(seconds, 10)})
	}
	if why.Retry == 0 || why.Retry > patience {
		// Honoured by the OpenAI and Anthropic SDKs; others look at the status alone.
		l.Set = append(l.Set, wire.Pair{Name: "x-should-retry", Value: "false"})
		if r, ok := st.way.dialect.(tokenizer.StatusRefuser); ok {
			l.Status = r.RefusedStatus(why.Status, why.Code)
		}
	}
	if !why.Reset.IsZero() {
		l.Set = append(l.Set, wire.Pair{Name: "x-farebox-reset", Value: why.Reset.UTC().Format(time.RFC3339)})
	}
	st.reply.Drop, st.reply.Body, st.reply.Local = nil, nil, l
	st.srv.metrics.refused.WithLabelValues(why.Code).Inc()
	st.phase = passing
}

// earlyAnswer is a response that comes before we saw the request's body: Envoy's
// own. Its 413 is replaced, so that the caller reads it in its dialect.
func (st *stream) earlyAnswer(in *wire.Message) {
	if in.Header(":status") == "413" {
		st.refuse(st.tooLarge())
		return
	}
	st.reply.Mode = wire.SkipAnswer
	st.phase = passing
}
