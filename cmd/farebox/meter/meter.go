// Package meter counts and prices captured answers, without a server: the same
// path that calls through Envoy take, fed from memory.
//
// A Capture comes in: a body, what was asked for and the answer's headers. A Count
// goes out: the record that the ledger would have, and what of it is known rather
// than guessed. The package listens nowhere and writes nothing, and it keeps and
// repeats nothing of a body.
//
// A Meter serves one Capture at a time and is not safe for concurrent use.
package meter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/cmd/farebox/serve"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Count is what became of a Capture.
type Count struct {
	// Record is what the ledger would have, without the lines that were guessed:
	// nothing is known of the request behind a captured answer. It is empty when no
	// dialect meters such calls.
	Record  policy.Record
	Metered bool // a dialect meters such calls

	Usage  tokenizer.Usage  // what is known, of all models together
	Source tokenizer.Source // the weakest of what is known; None when nothing is

	Priced bool         // every meter is known and has a price
	Cost   money.Amount // charged; all of it when Priced

	// Deferred is the provider's id of work that goes on after this answer, and Of
	// that of the earlier work that was asked after; empty: none.
	Deferred, Of string

	Why string // why less than everything is known; empty: nothing is missing
}

// Meter counts captures, one after another.
type Meter struct {
	server *extproc.Server
	desk   *desk
}

// New makes a Meter that reads and prices as c says. now is when the calls are
// taken to be made, for prices that changed; zero is the time of each Read.
func New(c *config.Config, now time.Time) (*Meter, error) {
	m := &Meter{desk: &desk{}}
	clock := time.Now
	if !now.IsZero() {
		clock = func() time.Time { return now }
	}
	var err error
	m.server, err = serve.Offline(c, serve.Aside{Journal: m.desk, Before: m.desk.before, Now: clock})
	if err != nil {
		return nil, fmt.Errorf("make meter: %w", err)
	}
	return m, nil
}

// Read counts one capture. An error says that the capture is not one.
func (m *Meter) Read(ctx context.Context, c *Capture) (Count, error) {
	x, err := c.exchange()
	if err != nil {
		return Count{}, err
	}
	body := x.pieces
	if err := m.play(ctx, x); err != nil {
		return Count{}, err
	}
	if len(body) > 1 && len(bytes.TrimSpace(bytes.Join(m.desk.rest, nil))) > 0 {
		// A call is over at the end of its answer, in whichever piece that is. What
		// has more in it was put together by a recorder: it is read in one piece, so
		// that the count does not hang on the cuts.
		x.again(bytes.Join(body, nil))
		if err := m.play(ctx, x); err != nil {
			return Count{}, err
		}
	}
	if m.desk.refused != "" {
		return Count{}, errors.New("meter: the call would be refused: " + m.desk.refused)
	}
	if m.desk.record == nil {
		return Count{Why: x.unmetered()}, nil
	}
	return m.desk.count(), nil
}

// play has one exchange served.
func (m *Meter) play(ctx context.Context, x *exchange) error {
	*m.desk = desk{next: m.desk.next, playing: x}
	if err := m.server.Process(ctx, x); err != nil {
		return fmt.Errorf("meter: %w", err)
	}
	return nil
}

// Close ends what Read left waiting.
func (m *Meter) Close() error {
	if err := m.server.Close(context.Background()); err != nil { // no exchange is open: it does not wait
		return fmt.Errorf("close meter: %w", err)
	}
	return nil
}

// desk stands between server and engine, and is the journal: what passes of one
// exchange lies on it.
type desk struct {
	next    extproc.Decider
	playing *exchange

	usage   []tokenizer.Usage // as the answer told it
	outcome policy.Outcome
	rest    [][]byte // of the body, not yet seen when the call was settled
	of      string
	record  *policy.Record
	refused string
}

var (
	_ extproc.Decider = (*desk)(nil)
	_ serve.Journal   = (*desk)(nil)
)

func (d *desk) before(next extproc.Decider) extproc.Decider {
	d.next = next
	return d
}

// Admit passes the call on.
func (d *desk) Admit(ctx context.Context, r *policy.Request) (policy.Ticket, error) {
	t, err := d.next.Admit(ctx, r)
	if t.Refusal != nil {
		d.refused = t.Refusal.Code
	}
	return t, err
}

// Refuse notes a call that was turned away.
func (d *desk) Refuse(_ context.Context, _ *policy.Request, why policy.Refusal) { d.refused = why.Code }

// Settle has the call settled by what this one answer tells, also where its work
// began, or goes on, elsewhere.
func (d *desk) Settle(ctx context.Context, t policy.Ticket, o policy.Outcome) policy.Receipt {
	d.of, t.Call.Of = t.Call.Of, ""
	d.rest = d.playing.pieces
	d.usage = append(d.usage[:0], o.Reading.Usage...)
	d.outcome = o
	d.outcome.Reading.Text = nil
	o.Reading.Deferred = tokenizer.Deferred{}
	return d.next.Settle(ctx, t, o)
}

// Open does nothing: an opening is for a restart.
func (d *desk) Open(policy.Opening) {}

// Record keeps the record of the exchange.
func (d *desk) Record(_ context.Context, r policy.Record) error {
	d.record = &r
	return nil
}

// Flush has nothing to wait for.
func (d *desk) Flush(context.Context) error { return nil }
