package extproc

import (
	"strconv"
	"sync"
	"time"

	"github.com/farebox/farebox/extproc/wire"
	"github.com/farebox/farebox/policy"
)

// With two filters, one exchange admits a call and others, one for each try that
// Envoy makes upstream, see the answers. They are gRPC streams of their own, of
// which any may be heard first.

// afterwards is how long after the end of an admitted call one of its tries may
// first be heard of.
const afterwards = 3 * time.Second

// tries are the calls that were admitted and whose answers others see. It is safe
// for concurrent use.
type tries struct {
	mu    sync.Mutex // guards the map; held for a look-up or a change
	calls map[string]*tried
}

// tried is one such call.
type tried struct {
	way     way
	request policy.Request
	ticket  policy.Ticket

	mu      sync.Mutex // guards what follows
	open    int        // tries that are being seen
	seen    int        // tries that have been
	settled chan struct{}
}

func (t *tries) add(st *stream) *tried {
	call := &tried{way: st.way, request: st.request, ticket: st.ticket, settled: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[st.ticket.ID.String()] = call
	return call
}

func (t *tries) find(id string) *tried {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls[id]
}

func (t *tries) drop(call *tried) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.calls, call.ticket.ID.String())
}

// begin notes a try.
func (c *tried) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
}

// end notes that a try was settled.
func (c *tried) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.seen++
	select {
	case c.settled <- struct{}{}:
	default:
	}
}

// over reports whether every try that began was settled, and there was one.
func (c *tried) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open == 0 && c.seen > 0
}

// unseen reports whether no try is known.
func (c *tried) unseen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open == 0 && c.seen == 0
}

// see makes st one try of a call that another exchange admitted.
func (st *stream) see(in *wire.Message) {
	st.try = st.srv.tries.find(in.Call())
	if st.try == nil { // another filter's, or let go
		st.phase = passing
		return
	}
	st.try.begin()
	st.way, st.request, st.ticket = st.try.way, st.try.request, st.try.ticket
	st.attempt, _ = strconv.Atoi(in.Attribute("upstream.request_attempt_count")) // absent: 0, the whole exchange
	st.phase = awaitResponseHeaders
}

// endTry says, once, that this try was settled.
func (st *stream) endTry() {
	if st.try != nil {
		st.try.end()
		st.try = nil
	}
}

// lookAway leaves the answer of an admitted call to those who see its tries.
func (st *stream) lookAway() {
	st.reply.Call = st.ticket.ID.String()
	st.admitted = st.srv.tries.add(st)
	st.phase = passing
}

// await waits at the end of an admitted call for what its tries were, and settles
// it where nobody saw one: as when another filter answered in the provider's place.
func (st *stream) await() {
	call := st.admitted
	if call == nil {
		return
	}
	time.AfterFunc(afterwards, func() { st.srv.tries.drop(call) }) // the last try may be heard later than this end
	late := time.NewTimer(afterwards)
	defer late.Stop()
	for !call.over() {
		select {
		case <-call.settled:
			continue
		case <-late.C:
		case <-st.srv.closing:
		}
		break
	}
	if call.unseen() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.settleUntried()
	}
}

// mute is the Conn of an exchange to which Envoy expects no answers.
type mute struct{ wire.Conn }

// Send does nothing.
func (mute) Send(*wire.Reply) error { return nil }
