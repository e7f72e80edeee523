package extproc

import (
	"cmp"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// requestHeaders lets go of everything that is not a metered call, and turns
// away what is too large before Envoy has buffered it.
func (st *stream) requestHeaders(in *wire.Message) {
	method := in.Header(":method")
	st.path = pathOf(in.Header(":path"))
	var metered bool
	st.way, metered = st.rules.router.find(in, method, st.path)
	switch {
	case !metered, unbuffered(in):
		st.letGo(in, method)
		return
	case st.paidBefore(in):
		return
	case in.End, in.Header("content-length") == "0":
		st.askAfter(in, method)
		return
	}
	st.phase = awaitRequestBody
	size := contentLength(in)
	switch {
	case size > st.rules.MaxRequestBody:
		st.refuse(st.tooLarge())
	case st.srv.inflight.Load()+max(size, 0) > st.rules.InflightBytes || st.srv.streams.Load() > st.rules.MaxStreams:
		st.refuse(busy())
	default:
		st.drop(in, st.rules.Drop...)
		st.askPlain(in)
	}
}

// paidBefore lets a call go that a Farebox before us has admitted and will settle.
// A stamp that does not verify is no stamp: it is counted, and taken off.
func (st *stream) paidBefore(in *wire.Message) bool {
	stamp := in.Header(stampName)
	if stamp == "" {
		return false
	}
	st.reply.Drop = append(st.reply.Drop, stampName)
	if !stamps(st.rules.StampKeys).verify(stamp, st.now()) {
		st.degrade(falseStamp, nil)
		return false
	}
	st.srv.metrics.observed.Inc()
	st.drop(in, st.rules.Drop...)
	st.reply.Mode = wire.LetGo
	st.phase = over
	return true
}

// letGo tells Envoy that this exchange does not concern us. What goes to a known
// LLM host and is not metered is counted, so that nothing is free unseen, and
// refused where the rules say so; that host is not told who pays there either.
func (st *stream) letGo(in *wire.Message, method string) {
	if st.way.known {
		if operation := st.unmetered(in, method); operation != "" {
			st.srv.metrics.unmetered.WithLabelValues(operation).Inc()
			if st.rules.RefuseUnmetered {
				st.way.operation = operation
				st.refuse(unmeteredRefusal())
				return
			}
		}
		st.drop(in, st.rules.Drop...)
	}
	st.reply.Mode = wire.LetGo
	st.phase = over
}

// askPlain asks for an answer that is not compressed, the cheapest to read, if it is
// read at all.
func (st *stream) askPlain(in *wire.Message) {
	if l, may := st.way.dialect.(tokenizer.Listener); may && !l.Listens() {
		return
	}
	st.drop(in, "accept-encoding")
}

// askAfter admits a request without a body, if it asks after earlier work: what
// its answer tells belongs to that; or if it is counted by its queries. Any other
// request without a body is no call.
func (st *stream) askAfter(in *wire.Message, method string) {
	call, err := st.way.dialect.Read(st.way.operation, st.path, in, nil)
	if err != nil || call.Of == "" && call.Queries == 0 {
		st.letGo(in, method)
		return
	}
	if err := st.describe(call); err != nil {
		st.degrade(noRandomness, err)
	}
	st.drop(in, st.rules.Drop...)
	dropped := len(st.reply.Drop)
	st.askPlain(in)
	st.admit(call, nil)
	if st.phase == over { // nobody reads its answer
		st.reply.Drop = st.reply.Drop[:dropped]
	}
}

// unbuffered reports what carries no body of a call: upgrades (buffering one hangs
// it) and gRPC.
func unbuffered(in *wire.Message) bool {
	return in.Header("upgrade") != "" || strings.HasPrefix(in.Header("content-type"), "application/grpc")
}

func contentLength(in *wire.Message) int64 {
	n, err := strconv.ParseInt(in.Header("content-length"), 10, 64)
	if err != nil {
		return -1 // chunked, or nothing that can be relied on
	}
	return n
}

// requestBody reads the call, has it admitted and makes the edits.
func (st *stream) requestBody(in *wire.Message) {
	if len(in.Body) == 0 {
		st.phase = passing
		return
	}
	st.caller.body = in.Body
	call, err := st.way.dialect.Read(st.way.operation, st.path, &st.head, in.Body)
	if err := st.describe(call); err != nil {
		st.degrade(noRandomness, err)
	}
	st.request.BodyHash = maphash.Bytes(st.srv.seed, in.Body)
	st.request.Inputs = st.inputs(call, in.Body)
	if st.rules.Weigh {
		st.request.Content = tokenizer.ContentOf(in.Body)
	}
	switch {
	case int64(len(in.Body)) > st.rules.MaxRequestBody:
		st.refuse(st.tooLarge())
		return
	case !st.acquire(int64(len(in.Body))):
		st.refuse(busy())
		return
	}
	if err != nil {
		st.request.Malformed = true
		st.degrade(malformedRequest, err)
	}
	st.admit(call, in.Body)
}

// describe fills in the request from its headers, which are needed no longer
// once it is admitted.
func (st *stream) describe(call tokenizer.Call) error {
	h := &st.head
	st.caller.head, st.caller.path = h, st.path
	st.caller.parts, _ = st.way.dialect.(tokenizer.Parter) // nil: its paths have none
	id, err := st.srv.o.NewID()
	st.request = policy.Request{
		ID: id, Call: call, Provider: st.way.provider, Account: cmp.Or(st.way.account, call.Account),
		Deployment: st.way.deployment, Region: cmp.Or(call.Region, st.way.region), Tier: st.way.tier, Host: hostOf(h.Header(":authority")), Identity: &st.caller,
		RequestID: searchable(h.Header("x-request-id")), TraceID: traceID(h.Header("traceparent")), At: st.now(),
	}
	// Sent by the Stainless-made SDKs of OpenAI and Anthropic.
	if n, err := strconv.Atoi(h.Header("x-stainless-retry-count")); err == nil {
		st.request.Retry = n
	}
	if st.srv.o.HashKey != nil {
		if key := apiKey(h); key != "" {
			st.request.KeyHash = st.srv.o.HashKey(key)
		}
	}
	return err
}

// inputs are hashes of the first of what a call embeds.
func (st *stream) inputs(call tokenizer.Call, body []byte) (hashes []uint64) {
	embedder, can := st.way.dialect.(tokenizer.Embedder)
	if !can {
		return nil
	}
	embedder.Inputs(call, body, func(input []byte) bool {
		hashes = append(hashes, maphash.Bytes(st.srv.seed, input))
		return len(hashes) < policy.MaxInputs
	})
	return hashes
}

// caller is who makes a call, as far as attribution can see: the first message,
// and the body once that has come.
type caller struct {
	head  *wire.Message
	body  []byte
	path  string
	parts tokenizer.Parter // nil: the path has no parts with names
}

func (c *caller) Header(name string) string    { return c.head.Header(name) }
func (c *caller) Attribute(name string) string { return c.head.Attribute(name) }
func (c *caller) Body(path string) string      { return tokenizer.Field(c.body, path) }
func (c *caller) Claim(provider, name string) (value string, one bool) {
	return c.head.Claim(provider, name)
}
func (c *caller) Part(name string) string {
	if c.parts == nil {
		return ""
	}
	return c.parts.Part(c.path, name)
}

var _ policy.Identity = (*caller)(nil)

func apiKey(h *wire.Message) string {
	if bearer, ok := strings.CutPrefix(h.Header("authorization"), "Bearer "); ok {
		return bearer
	}
	for _, name := range []string{"api-key", "x-api-key", "x-goog-api-key"} {
		if key := h.Header(name); key != "" {
			return key
		}
	}
	return ""
}

func (st *stream) admit(call tokenizer.Call, body []byte) {
	_, st.request.Signed = signature(&st.head)
	st.request.Changes = st.changes(call, body)
	start := time.Now()
	ticket, err := st.srv.o.Decider.Admit(st.ctx, &st.request)
	st.srv.metrics.admit.Observe(time.Since(start).Seconds())
	sized, path := st.head.Header("content-length") != "", st.head.Header(":path")
	st.head, st.caller, st.request.Identity = wire.Message{}, caller{}, nil
	if err != nil { // admission does not fail by itself yet: nothing it needs is remote
		st.degrade(admissionFailed, err)
		st.phase = passing
		return
	}
	if ticket.Refusal != nil {
		st.sayNo(*ticket.Refusal)
		return
	}
	if ticket.Unclaimed { // a file of anything
		st.reply.Mode = wire.LetGo
		st.phase = over
		return
	}
	st.ticket = ticket
	edits, done := st.change(body, path)
	if !done.Has(ticket.Must) && ticket.Otherwise != nil {
		st.turnAway(*ticket.Otherwise)
		return
	}
	st.phase = awaitResponseHeaders
	if !st.rules.Metering.expects(st.shape) {
		st.degrade(meteringMismatch, nil)
	}
	if st.rules.Stamp && len(st.rules.StampKeys) > 0 {
		st.reply.Set = append(st.reply.Set, wire.Pair{Name: stampName, Value: stamps(st.rules.StampKeys).sign(ticket.ID, st.now())})
	}
	if st.shape == wire.Decide {
		st.lookAway()
	} else {
		edits = append(edits, st.askUsage(body)...)
	}
	st.edit(body, edits, sized)
}
