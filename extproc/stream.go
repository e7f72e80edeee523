package extproc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// phase is what a stream waits for.
type phase uint8

const (
	awaitRequestHeaders phase = iota
	awaitRequestBody
	awaitResponseHeaders
	answering // the answer's body comes by
	trailing  // the call is settled; the rest of its answer comes by
	stopping  // the call is settled; what it is told last waits for the end of an event
	stopped   // Envoy is told to cut the answer off
	passing   // nothing more concerns us: every message is answered with "go on"
	over      // nothing more is to be read: the gRPC stream is closed
)

// stream is one HTTP exchange. Its loop holds mu while it works on a message and
// lets it go while it waits for one, so that Close can end a quiet stream.
type stream struct {
	srv   *Server
	rules *Rules          // as they were when it began
	ctx   context.Context //nolint:containedctx // a stream is one call: its context is part of it

	mu    sync.Mutex // guards all below
	phase phase
	head  wire.Message // the first message: request headers, kept until the call is admitted
	msg   wire.Message
	reply wire.Reply

	way     way
	path    string
	caller  caller
	request policy.Request
	ticket  policy.Ticket
	held    int64 // bytes taken from the in-flight limit
	asked   bool  // this call was made to report usage

	shape    wire.Shape
	admitted *tried // Decide: what others see of this call
	try      *tried // Observe: the call that this is a try of
	attempt  int    // its number

	gauge gauge
	halt  halt
}

// Process serves one exchange on c. It returns nil when Envoy shall go on without
// us or has ended the exchange, an error when it cannot be served.
func (s *Server) Process(ctx context.Context, c wire.Conn) error {
	if err := s.enter(); err != nil {
		return err
	}
	j := job{stream: &stream{srv: s, rules: s.rules.Load(), ctx: ctx}, conn: c, ended: make(chan error, 1)}
	if j.stream.shape = wire.ShapeOf(ctx); j.stream.shape == wire.Observe {
		j.conn = mute{c}
	}
	select {
	case s.jobs <- j:
	default:
		go s.work(j)
	}
	select {
	case err := <-j.ended:
		return err
	case <-s.closing:
	}
	if j.stream.leave() {
		return nil
	}
	return <-j.ended
}

// job is one exchange for a worker.
type job struct {
	stream *stream
	conn   wire.Conn
	ended  chan error // holds one
}

// keptWorkers bounds the goroutines that wait for the next exchange. One that has
// served has a stack of the right size; a new one grows it anew for every call.
const keptWorkers = 64

// work serves j and then others, as long as there is room among those that wait.
func (s *Server) work(j job) {
	for {
		err := j.stream.run(j.conn)
		s.streams.Add(-1)
		s.done.Done()
		j.ended <- err
		if s.idle.Add(1) > keptWorkers {
			s.idle.Add(-1)
			return
		}
		select {
		case j = <-s.jobs:
			s.idle.Add(-1)
		case <-s.closing:
			return
		}
	}
}

// run answers messages until the exchange is over. Whatever ends it, a call that
// was admitted is settled.
func (st *stream) run(c wire.Conn) (err error) {
	defer st.end()
	for in := &st.head; ; in = &st.msg {
		if err := c.Recv(in); err != nil {
			return nil // Envoy's end of a stream looks the same whether the call succeeded or not
		}
		last, err := st.answer(c, in)
		if err != nil || last {
			return err
		}
	}
}

// answer replies to one message and reports whether it was the last.
func (st *stream) answer(c wire.Conn, in *wire.Message) (last bool, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.phase == over {
		return true, nil
	}
	st.reply.Reset(in.Kind)
	st.step(in)
	if err := c.Send(&st.reply); err != nil {
		return true, fmt.Errorf("reply to %v: %w", in.Kind, err)
	}
	st.releaseBody(in)
	return st.phase == over || st.closing() && st.quiet(), nil
}

// step is the state machine: one method per message that means something in the
// phase, "go on" for every other.
func (st *stream) step(in *wire.Message) {
	first := st.phase == awaitRequestHeaders && in.Kind == wire.RequestHeaders && in == &st.head
	switch {
	case first && st.shape == wire.Observe:
		st.see(in)
	case first:
		st.requestHeaders(in)
	case st.phase == awaitRequestBody && in.Kind == wire.RequestBody:
		st.requestBody(in)
	case st.phase == awaitRequestBody && in.Kind == wire.ResponseHeaders:
		st.earlyAnswer(in)
	case st.phase == awaitResponseHeaders && in.Kind == wire.ResponseHeaders:
		st.responseHeaders(in)
	case st.shape == wire.Native && st.phase == awaitResponseHeaders && in.Kind == wire.ResponseTrailers:
		st.nativeAnswer(in)
	case st.phase == answering && in.Kind == wire.ResponseBody:
		st.responseBody(in)
	case st.phase == answering && in.Kind == wire.ResponseTrailers:
		st.settle(endOf(st.gauge.status), "")
	case st.phase == stopping && in.Kind == wire.ResponseBody:
		st.measure(in)
		st.sayLast(in)
	case st.phase == stopped:
		st.reply.Local = st.halt.local // it should not have come
	case st.phase == trailing && in.Kind == wire.ResponseBody:
		st.measure(in)
	case in.Kind == wire.Unknown:
		st.degrade(unknownMessage, nil)
	}
}

// end runs when the loop has: a call still open was cut.
func (st *stream) end() {
	st.await()
	st.mu.Lock()
	defer st.mu.Unlock()
	st.cut("the exchange ended before the answer did")
	st.endTry()
	st.release()
	st.gauge.free()
	st.phase = over
}

// leave ends a stream that Close wants gone, if it is between two messages and
// owes the caller no bytes. A stream that owes some goes on to its next message.
func (st *stream) leave() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.quiet() {
		return false
	}
	st.cut("farebox was stopped")
	st.release()
	st.phase = over
	return true
}

func (st *stream) closing() bool {
	select {
	case <-st.srv.closing:
		return true
	default:
		return false
	}
}

// quiet reports whether the caller lacks nothing that we hold.
func (st *stream) quiet() bool { return !st.gauge.owes }

func (st *stream) cut(because string) {
	if st.phase == awaitResponseHeaders || st.phase == answering {
		st.gauge.unread = st.gauge.unread || st.shape == wire.Native // whatever was answered, nobody saw it
		if st.gauge.status != 0 && endOf(st.gauge.status) == tokenizer.Failed {
			st.gauge.read = st.gauge.close(tokenizer.Cut)
			st.settle(tokenizer.Failed, because) // an error of the provider, whole or not
			return
		}
		st.settle(tokenizer.Cut, because)
	}
}

// settle closes the meter and has the call settled, once.
func (st *stream) settle(end tokenizer.End, because string) policy.Receipt {
	st.phase = passing
	o := policy.Outcome{Attempt: st.attempt, End: end, Status: st.gauge.status, Tries: st.gauge.tries, AccountTold: st.gauge.account, Region: st.gauge.region, FirstToken: st.gauge.first, At: st.now(), Reason: because, Lost: st.gauge.unread}
	o.Reading = st.gauge.close(end)
	if o.Reading.Unreadable > 0 {
		st.degradeBy(unreadableEvent, o.Reading.Unreadable, nil)
	}
	if o.Reading.Error && end == tokenizer.Complete {
		o.End = tokenizer.Failed
	}
	receipt := st.srv.o.Decider.Settle(st.ctx, st.ticket, o)
	st.endTry()
	if receipt.Degraded != "" {
		st.degrade(reason(receipt.Degraded), nil)
	}
	return receipt
}

// settleUntried settles a call of which no try was seen.
func (st *stream) settleUntried() {
	st.srv.o.Decider.Settle(st.ctx, st.ticket, policy.Outcome{End: tokenizer.Failed, At: st.now(), Reason: "no try of it was seen upstream"})
}

// acquire takes n bytes of the in-flight limit, or none.
func (st *stream) acquire(n int64) bool {
	if st.srv.inflight.Add(n) > st.rules.InflightBytes {
		st.srv.inflight.Add(-n)
		return false
	}
	st.held += n
	return true
}

func (st *stream) release() {
	st.srv.inflight.Add(-st.held)
	st.held = 0
}

// releaseBody gives back what a body took once its reply is sent.
func (st *stream) releaseBody(in *wire.Message) {
	if in.Kind == wire.RequestBody || in.Kind == wire.ResponseBody {
		in.Body = nil
		st.release()
	}
}

func (st *stream) now() time.Time { return st.srv.o.Now() }
