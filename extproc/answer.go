package extproc

import (
	"strconv"
	"strings"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// responseHeaders chooses how the answer is measured: the last message whose
// reply may change the mode. It buffers only JSON of known and small size, for
// Envoy answers at random when a body overruns its buffer.
func (st *stream) responseHeaders(in *wire.Message) {
	status, err := strconv.Atoi(in.Header(":status"))
	if err != nil {
		status = 0
	}
	st.gauge.status = status
	st.gauge.tries, _ = strconv.Atoi(in.Attribute("upstream.request_attempt_count")) // absent: not known
	st.gauge.account, st.gauge.region = account(in), searchable(in.Header("x-ms-region"))
	st.tellChanges()
	form := st.request.Call.Form(in.Header("content-type"))
	st.gauge.form = form
	st.gauge.open(st.way.dialect, st.request.Call, tokenizer.Answer{Status: status, Form: form, Head: in})
	switch _, early := st.gauge.meter.(tokenizer.Early); {
	case early:
		st.unfed(in)
		return
	case in.End:
		if st.request.Call.Of == "" { // an empty answer does not say that work is over
			st.gauge.meter = nil
		}
		st.settle(endOf(status), "")
		return
	}
	if form == tokenizer.Opaque || st.gauge.meter == nil {
		st.unread(status)
		return
	}
	st.phase = answering
	if err := st.gauge.decode(in.Header("content-encoding")); err != nil {
		st.degrade(unknownEncoding, err)
		st.gauge.unread = true
		st.reply.Mode = wire.SkipAnswer
		st.settle(endOf(status), "")
		return
	}
	st.chooseMode(contentLength(in), form)
}

// tellChanges says, in headers of the answer, how the call did not go as it was
// asked.
func (st *stream) tellChanges() {
	if model := st.ticket.Model; model != "" {
		st.reply.Set = append(st.reply.Set, wire.Pair{Name: "x-farebox-model", Value: model})
	}
	if most := st.ticket.MaxOutput; most > 0 {
		st.reply.Set = append(st.reply.Set, wire.Pair{Name: "x-farebox-max-output", Value: strconv.FormatInt(most, 10)})
	}
}

func (st *stream) chooseMode(size int64, form tokenizer.Form) {
	refusal := st.asked && st.gauge.status == 400
	st.gauge.body = refusal // looked at once it is whole
	if st.asked && form == tokenizer.SSE {
		st.gauge.hider = st.way.dialect.(tokenizer.UsageAsker).NewHider() //nolint:errcheck,forcetypeassert // asked says that it is one
		if st.gauge.inflater != nil {
			// What is hidden cannot be cut out of compressed bytes: the caller gets them plain.
			st.gauge.plain = true
			st.reply.Drop = append(st.reply.Drop, "content-encoding")
		}
	}
	if form == tokenizer.JSON && size > 0 && size <= st.rules.BufferJSON && st.acquire(size) {
		st.reply.Mode = wire.BufferAnswer
		st.gauge.whole = true
		return
	}
	st.reply.Mode = wire.StreamAnswer
	st.reply.Drop = append(st.reply.Drop, "content-length") // Envoy keeps it here, and then any change of length is a 500
}

// unread settles an answer whose body nobody reads: sound or a picture, whose
// cost the request and the headers tell; an error page; or a success that is not
// an LLM's.
func (st *stream) unread(status int) {
	st.reply.Mode = wire.SkipAnswer
	if endOf(status) == tokenizer.Complete && st.gauge.meter == nil {
		st.degrade(unknownContent, nil)
		st.gauge.unread = true
	}
	st.settle(endOf(status), "")
}

// unfed settles an answer of which its head tells all, and lets its body go: the
// cost is known in time to be a header, whatever the body.
func (st *stream) unfed(in *wire.Message) {
	if !in.End {
		st.reply.Mode = wire.SkipAnswer
	}
	end := endOf(st.gauge.status)
	receipt := st.settle(end, "")
	if end == tokenizer.Complete {
		st.costHeaders(receipt)
	}
}

// account is the provider's account behind an answer, where its headers name it:
// OpenAI tells organization and project, Azure its region.
// https://platform.openai.com/docs/api-reference/debugging-requests
func account(in *wire.Message) string {
	var parts []string
	for _, h := range [...]wire.Pair{{Name: "openai-organization", Value: "organization"}, {Name: "openai-project", Value: "project"}, {Name: "x-ms-region", Value: "region"}} {
		if v := in.Header(h.Name); v != "" {
			parts = append(parts, h.Value+"="+searchable(v))
		}
	}
	return strings.Join(parts, " ")
}

func endOf(status int) tokenizer.End {
	if status >= 200 && status < 300 {
		return tokenizer.Complete
	}
	return tokenizer.Failed
}

// responseBody measures one piece. The piece that completes the call is answered
// after the record is committed, so that what a caller saw end is in the ledger.
func (st *stream) responseBody(in *wire.Message) {
	g := &st.gauge
	if g.first.IsZero() {
		g.first = st.now()
	}
	if !st.measure(in) && !in.End {
		if st.outgrown() {
			st.stop(in)
		}
		return
	}
	if g.body {
		st.noticeRefusedAsk()
	}
	receipt := st.settle(endOf(g.status), "")
	if g.whole && endOf(g.status) == tokenizer.Complete {
		st.costHeaders(receipt)
	}
	if !in.End {
		st.phase = trailing
	}
}

// measure runs one piece through the gauge.
func (st *stream) measure(in *wire.Message) (complete bool) {
	complete, err := st.gauge.take(in, &st.reply)
	if err != nil {
		st.degrade(brokenEncoding, err)
	}
	return complete
}

// outgrown has more held for an answer that needs it, and reports whether it is to
// end here instead.
func (st *stream) outgrown() bool {
	reach := st.ticket.Hold.Reach
	if reach == 0 || st.gauge.hearer == nil || st.gauge.hearer.Heard() < reach {
		return false
	}
	e, can := st.srv.o.Decider.(Extender)
	if !can {
		st.ticket.Hold.Reach = 0
		return false
	}
	st.halt.why = e.Extend(st.ctx, &st.ticket, st.mayStop())
	return st.halt.why != nil
}

// noticeRefusedAsk remembers an upstream that does not take the option we added.
func (st *stream) noticeRefusedAsk() {
	asker, ok := st.way.dialect.(tokenizer.UsageAsker)
	if ok && asker.RefusedAsk(st.gauge.errorBody) {
		st.srv.refusals.add(st.upstream(), st.now())
		st.degrade(usageRefused, nil)
	}
}

func (st *stream) costHeaders(r policy.Receipt) {
	st.reply.Set = append(st.reply.Set,
		wire.Pair{Name: "x-farebox-tokens-in", Value: strconv.FormatInt(r.Input, 10)},
		wire.Pair{Name: "x-farebox-tokens-out", Value: strconv.FormatInt(r.Output, 10)})
	if r.Priced {
		st.reply.Set = append(st.reply.Set, wire.Pair{Name: "x-farebox-cost-usd", Value: r.Cost.String()})
	}
}
