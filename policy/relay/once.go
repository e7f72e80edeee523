package relay

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
)

// claim says whose ledger may book the charge of an id, and what it booked.
type claim struct {
	From   string         `json:"from"`             // the name of the replica
	Ledger string         `json:"ledger"`           // Options.Part
	Number int64          `json:"number,omitempty"` // of Charge
	Charge *ledger.Charge `json:"charge,omitempty"` // nil: it was not told that it is booked
}

// Booking keeps a charge in the ledger of a Relay, as ledger.Charges has it.
type Booking func(ctx context.Context, c ledger.Charge, by ledger.Change) (booked ledger.Charge, fresh bool, err error)

const released = time.Millisecond // how long what gives up a claim is kept

// Book has book keep a charge in the ledger of r, once among all that share the
// board: the first to be told has its id, for 400 days. What another has booked is
// returned as that has it; another charge of its id, and one that it may have booked
// and did not tell of, is a *ledger.Elsewhere. While the board is away nothing new is
// booked (ledger.ErrUncounted).
func (r *Relay) Book(ctx context.Context, c ledger.Charge, by ledger.Change, book Booking) (ledger.Charge, bool, error) {
	select { // one at a time, so that none gives up the claim of another
	case r.booking <- struct{}{}:
	case <-ctx.Done():
		return c, false, fmt.Errorf("book charge: %w", ctx.Err())
	}
	defer func() { <-r.booking }()
	_, there, err := r.o.Ledger.Charge(ctx, c.ID)
	if err != nil {
		return c, false, err
	}
	its, err := r.claim(ctx, c.ID)
	switch {
	case there: // it is answered as booked, whoever can be told
	case err != nil:
		return c, false, fmt.Errorf("%w: %w", ledger.ErrUncounted, err)
	case its.Ledger != r.o.Part && its.Charge != nil && c.Again(its.Charge):
		return *its.Charge, false, nil
	case its.Ledger != r.o.Part:
		return c, false, its.elsewhere(c.ID)
	}
	booked, fresh, err := book(ctx, c, by)
	if its.Ledger == r.o.Part && (!there || its.Charge == nil) {
		r.settle(context.WithoutCancel(ctx), c.ID)
	}
	return booked, fresh, err
}

// settle tells what the ledger of r has under an id that it claimed, or gives up the
// id. Where it cannot, others go on to send who asks them to this replica.
func (r *Relay) settle(ctx context.Context, id string) {
	row, there, err := r.o.Ledger.Charge(ctx, id)
	if err != nil {
		return
	}
	ours, keep := claim{From: r.o.Name, Ledger: r.o.Part}, released
	if there {
		ours.Number, ours.Charge, keep = row.Number, &row, board.MaxKeep
	}
	_ = r.put(ctx, id, &ours, keep, false) // it is counted
}

// Charge returns a charge of the ledger of r. One that another has the id of is a
// *ledger.Elsewhere; it is ledger.ErrUncounted where that cannot be known.
func (r *Relay) Charge(ctx context.Context, id string) (ledger.Charge, bool, error) {
	c, there, err := r.o.Ledger.Charge(ctx, id)
	if err != nil || there {
		return c, there, err
	}
	its, found, err := r.claimed(ctx, id)
	switch {
	case err != nil:
		return c, false, fmt.Errorf("%w: %w", ledger.ErrUncounted, err)
	case found && its.Ledger != r.o.Part:
		return c, false, its.elsewhere(id)
	}
	return c, false, nil
}

// claim claims an id for the ledger of r, and returns who has it then.
func (r *Relay) claim(ctx context.Context, id string) (its claim, err error) {
	ours := claim{From: r.o.Name, Ledger: r.o.Part}
	if err = r.put(ctx, id, &ours, board.MaxKeep, true); !errors.Is(err, board.ErrTaken) {
		return ours, err
	}
	its, found, err := r.claimed(ctx, id)
	if err == nil && !found {
		err = errors.New("another replica has just given up the id")
	}
	return its, err
}

// claimed finds who has an id.
func (r *Relay) claimed(ctx context.Context, id string) (its claim, found bool, err error) {
	reader := reader{topic: charges(id)}
	for {
		notes, next, err := r.since(ctx, &reader)
		if err != nil {
			r.metrics.failed.Inc()
			return its, false, err
		}
		for i := range notes {
			if notes[i].Name != id {
				continue
			}
			if its, err = readClaim(notes[i].Text); err != nil {
				r.refuse(ctx, &notes[i], err)
				return its, false, err
			}
			found = true
		}
		if reader.mark = next; len(notes) == 0 {
			return its, found, nil
		}
	}
}

func (r *Relay) put(ctx context.Context, id string, c *claim, keep time.Duration, once bool) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.Wait)
	defer cancel()
	err = r.o.Board.Post(ctx, charges(id), board.Note{Name: id, Text: text, Keep: keep, Once: once})
	if err != nil && !errors.Is(err, board.ErrTaken) {
		r.metrics.failed.Inc()
	}
	if errors.Is(err, board.ErrFull) {
		r.o.Logger.ErrorContext(ctx, "a charge cannot be booked under its id: the board of replicas is full", "id", id)
	}
	return err
}

func readClaim(text []byte) (c claim, err error) {
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	if c.From == "" || c.Ledger == "" {
		return c, ledger.ErrUnsound
	}
	if c.Charge != nil {
		c.Charge.Number = c.Number
	}
	return c, nil
}

func (c *claim) elsewhere(id string) error {
	return &ledger.Elsewhere{ID: id, Replica: c.From, Booked: c.Charge}
}

// charges is the topic of an id: one of 256, so that they have room for two million
// claims, and who looks for one reads few.
func charges(id string) string {
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("charges-%02x", sum[0])
}
