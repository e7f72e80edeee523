// Package relay makes what people decide at one replica hold at all of them: raised
// limits, approvals, mutes, re-armed and acknowledged alerts.
//
// In comes a ledger of this replica and a board that all share, out goes a ledger
// whose changes are posted, and which has what others posted. It refuses to know who
// may decide, how calls follow, and where the board is.
//
// # How replicas agree
//
// A note has all that a ledger has of one thing. Who reads it keeps what both have
// together (ledger.Adopts), and posts that where the note lacks some of it. So all
// come to have the same, in whatever order they read and whoever was away; of two
// who decide at once each is right until they have read each other, and then the
// one that the rules of Meet name.
//
// Numbers must be the same everywhere, so that nobody grants another thing than they
// read: what is shared has the microsecond in which it was asked for as its number.
// What has a smaller one is from before the ledger was shared, and stays alone.
//
// # What may be lost
//
// A note that cannot be posted is not kept aside: the topic is read from its start
// then, and what the ledger has and the board has not is posted. So it is at a start,
// when the board has lost what it had, and every ten minutes, as a board may lose its
// last notes unnoticed.
//
// # What is booked once
//
// A charge stays in the ledger of who was told of it. Its id is claimed on the board
// before it is booked, and what was booked is told after, so that another replica that
// is told the same answers with it, and books nothing. A board that has lost its notes
// has lost the claims: an id is claimed anew when its own replica is told it again.
package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
)

const (
	hearEvery  = 2 * time.Second
	wholeEvery = 10 * time.Minute       // from one reading of all notes to the next
	hearWithin = time.Minute            // one round of Run
	claimFor   = 5 * time.Second        // how long who raises an alert is alone with it, and
	claimWait  = 100 * time.Millisecond // how often others look whether it is there
)

// firstShared is the lowest number of what is shared.
const firstShared = 1_000_000_000_000_000

// Changed says what the ledger has come to have.
type Changed struct{ Topups, Approvals, Rearmed bool }

// Options of New.
type Options struct {
	Board      board.Board           // required
	Ledger     ledger.Adopts         // required; the Relay does not close it
	Name       string                // required: what the audits of others call this replica
	Part       string                // what its ledger is known by, under whatever name; empty: Name
	Registerer prometheus.Registerer // required
	Logger     *slog.Logger          // nil discards
	Now        func() time.Time      // nil is time.Now
	// Wait is the board's time for one answer, and how long a reader waits to know what
	// others said; 0: DefaultWait.
	Wait time.Duration
}

// DefaultWait is what Options.Wait falls back to.
const DefaultWait = 500 * time.Millisecond

// Relay is safe for concurrent use.
type Relay struct {
	o       Options
	metrics *metrics
	last    atomic.Int64 // number that was given
	unsaid  atomic.Bool  // a note was not posted

	booking chan struct{} // holds one: who books a charge

	turn    chan struct{} // holds one: who may use what is below
	readers []*reader
	whole   time.Time // when all was begun to be read
	follow  func(ctx context.Context, c Changed) error
	pending Changed // what calls do not follow yet
}

// New makes a Relay, which reads nothing before Hear or Run.
func New(o Options) (*Relay, error) {
	if o.Board == nil || o.Ledger == nil || o.Name == "" || o.Registerer == nil {
		return nil, errors.New("relay decisions: no board, ledger, name or metrics registerer")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Part == "" {
		o.Part = o.Name
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	r := &Relay{o: o, booking: make(chan struct{}, 1), turn: make(chan struct{}, 1), readers: []*reader{{topic: decisions}, {topic: alerts}}}
	var err error
	r.metrics, err = newMetrics(o.Registerer)
	return r, err
}

// Follow has f called whenever the ledger has come to have something of others, until
// it succeeds. It is called before Hear and Run are.
func (r *Relay) Follow(f func(ctx context.Context, c Changed) error) { r.follow = f }

// Run hears every two seconds, until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	tick := time.NewTicker(hearEvery)
	defer tick.Stop()
	for failing := false; ; {
		round, cancel := context.WithTimeout(ctx, hearWithin)
		err := r.Hear(round)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			failing = err != nil
			if failing {
				r.o.Logger.WarnContext(ctx, "what people decide at other replicas cannot be heard, or not be told; it will be tried again", "err", err)
			} else {
				r.o.Logger.InfoContext(ctx, "what people decide is told to and heard from other replicas again")
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Hear has the ledger adopt what others have posted, posts what they lack, and has
// calls follow.
func (r *Relay) Hear(ctx context.Context) error { return r.hear(ctx, true) }

// hear does what Hear does; with again it reads all anew where it is time to.
func (r *Relay) hear(ctx context.Context, again bool) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("hear what others decided: %w", ctx.Err())
	}
	defer func() { <-r.turn }()
	if now := r.o.Now(); again && (r.unsaid.Swap(false) || now.Sub(r.whole) >= wholeEvery) {
		r.whole = now
		for _, from := range r.readers {
			from.mark = board.Mark{}
		}
	}
	var err error
	for _, from := range r.readers {
		err = errors.Join(err, r.read(ctx, from))
	}
	if r.pending != (Changed{}) && r.follow != nil {
		followed := r.follow(ctx, r.pending)
		if followed == nil {
			r.pending = Changed{}
		}
		err = errors.Join(err, followed)
	}
	if err != nil {
		r.metrics.failed.Inc()
	}
	return err
}

// ask hears for a moment, for who wants to know what others have said by now.
func (r *Relay) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Wait)
	defer cancel()
	_ = r.hear(ctx, false) // it is counted, and Run says so
}

// first lets one of those go ahead who raise the same alert at the same time. The
// others wait until it is there, or who went ahead must have failed.
func (r *Relay) first(ctx context.Context, a *ledger.Alert) {
	if r.ask(ctx); r.there(ctx, a) {
		return
	}
	claim := board.Note{Name: claimOf(a.Key), Keep: claimFor, Once: true}
	posting, cancel := context.WithTimeout(ctx, r.o.Wait)
	defer cancel()
	if !errors.Is(r.o.Board.Post(posting, raising, claim), board.ErrTaken) {
		return // where the board is away, better twice than never
	}
	for until := time.After(claimFor); ; {
		select {
		case <-time.After(claimWait):
			if r.ask(ctx); r.there(ctx, a) {
				return
			}
		case <-until:
			return
		case <-ctx.Done():
			return
		}
	}
}

// claimOf is the name of the claim of who raises an alert of a key.
func claimOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// there reports whether the ledger has an alert of the key of a.
func (r *Relay) there(ctx context.Context, a *ledger.Alert) bool {
	all, err := r.o.Ledger.Alerts(ctx, ledger.AlertSearch{Kind: a.Kind, Rule: a.Rule, Of: a.Of, Limit: ledger.MaxPage})
	return err == nil && slices.ContainsFunc(all, func(b ledger.Alert) bool { return b.Key == a.Key && !b.Rearmed })
}

// number is one that no other replica gives.
func (r *Relay) number() int64 {
	for {
		last := r.last.Load()
		if next := max(r.o.Now().UnixMicro(), last+1); r.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// tell posts what the ledger has come to have, even where ctx ends. What cannot be
// posted is with the next Hear.
func (r *Relay) tell(ctx context.Context, p *paper) {
	if err := r.post(context.WithoutCancel(ctx), p.topic(), p.note(r.o.Name, r.o.Now())); err != nil {
		r.unsaid.Store(true)
		r.metrics.failed.Inc()
	}
}

func (r *Relay) post(ctx context.Context, topic string, notes ...board.Note) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.Wait)
	defer cancel()
	err := r.o.Board.Post(ctx, topic, notes...)
	if errors.Is(err, board.ErrFull) { // trying again would not help
		r.metrics.refused.Add(float64(len(notes)))
		r.o.Logger.ErrorContext(ctx, "other replicas are not told of a decision: their board is full", "topic", topic)
		return nil
	}
	if err == nil {
		r.metrics.posted.Add(float64(len(notes)))
	}
	return err
}
