package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
)

// Bounds of what a ledger posts where a board has not got it, the newest first.
const (
	maxOffered = 4000 // of each kind, and
	maxMutings = 1000
	postAtOnce = 100 // notes
	maxMuting  = 400 * 24 * time.Hour
)

// reader is how far a topic was read.
type reader struct {
	topic string
	mark  board.Mark
	seen  map[string]bool // names since the start; nil: what they lacked is posted
}

// read adopts what is new on a topic. Where it was read from the start, it posts what
// is not there.
func (r *Relay) read(ctx context.Context, from *reader) error {
	for {
		notes, next, err := r.since(ctx, from)
		if err != nil {
			return err
		}
		if next.Epoch != from.mark.Epoch {
			from.seen = map[string]bool{}
		}
		for i := range notes {
			if err := r.take(ctx, from.topic, &notes[i]); err != nil {
				return err
			}
			if from.seen != nil {
				from.seen[notes[i].Name] = true
			}
		}
		if from.mark = next; len(notes) == 0 {
			break
		}
	}
	if from.seen == nil {
		return nil
	}
	if err := r.offer(ctx, from); err != nil {
		return fmt.Errorf("post what others may not have: %w", err)
	}
	from.seen = nil
	return nil
}

func (r *Relay) since(ctx context.Context, from *reader) ([]board.Note, board.Mark, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Wait)
	defer cancel()
	return r.o.Board.Since(ctx, from.topic, from.mark)
}

// take adopts what a note says. One that cannot be adopted is left where it is; an
// error says that it may be another time.
func (r *Relay) take(ctx context.Context, topic string, note *board.Note) error {
	p, err := readPaper(note.Text)
	if err == nil && (p.name() != note.Name || p.topic() != topic) {
		err = ledger.ErrUnsound
	}
	if err != nil {
		r.refuse(ctx, note, err)
		return nil
	}
	has, changed, err := r.adopt(ctx, p)
	for _, why := range []error{ledger.ErrOther, ledger.ErrUnsound, ledger.ErrOwnTopup, ledger.ErrOwnApproval} {
		if errors.Is(err, why) {
			r.refuse(ctx, note, err)
			return nil
		}
	}
	if err != nil {
		return err
	}
	if changed {
		r.metrics.adopted.Inc()
		r.pending.Topups = r.pending.Topups || p.Topup != nil
		r.pending.Approvals = r.pending.Approvals || p.Approval != nil
		r.pending.Rearmed = r.pending.Rearmed || p.Rearm != nil || p.Alert != nil && p.Alert.Rearmed
	}
	if !p.lacks(has) {
		return nil
	}
	return r.post(ctx, topic, has.note(r.o.Name, r.o.Now()))
}

func (r *Relay) refuse(ctx context.Context, note *board.Note, why error) {
	r.metrics.refused.Inc()
	r.o.Logger.ErrorContext(ctx, "a decision that another replica posted is not taken over", "note", note.Name, "err", why)
}

// adopt returns what the ledger has then, and whether it changed.
func (r *Relay) adopt(ctx context.Context, p *paper) (has *paper, changed bool, err error) {
	c := p.change(r.o.Now())
	switch {
	case p.Topup != nil:
		met, changed, err := r.o.Ledger.AdoptTopup(ctx, *p.Topup, c)
		return ofTopup(&met), changed, err
	case p.Approval != nil:
		met, changed, err := r.o.Ledger.AdoptApproval(ctx, *p.Approval, c)
		return ofApproval(&met), changed, err
	case p.Alert != nil:
		met, changed, err := r.o.Ledger.AdoptAlert(ctx, *p.Alert, c)
		return ofAlert(&met), changed, err
	case p.Mute != nil:
		met, changed, err := r.o.Ledger.AdoptMute(ctx, *p.Mute, c)
		return ofMute(&met), changed, err
	}
	n, err := r.o.Ledger.AdoptRearm(ctx, *p.Rearm, c)
	return p, n > 0, err
}

// offer posts what the ledger has and a topic has not.
func (r *Relay) offer(ctx context.Context, from *reader) error {
	all, err := r.has(ctx, from.topic)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(p *paper) bool { return from.seen[p.name()] })
	for part := range slices.Chunk(all, postAtOnce) {
		notes := make([]board.Note, len(part))
		for i, p := range part {
			notes[i] = p.note(r.o.Name, r.o.Now())
		}
		if err := r.post(ctx, from.topic, notes...); err != nil {
			return err
		}
	}
	return nil
}

// has is what the ledger has for a topic, that is of use.
func (r *Relay) has(ctx context.Context, topic string) ([]*paper, error) {
	if topic == alerts {
		return r.raised(ctx)
	}
	topups, err := r.o.Ledger.Topups(ctx, r.o.Now())
	if err != nil {
		return nil, err
	}
	var all []*paper
	for i := range slices.Backward(topups) {
		if topups[i].Number >= firstShared && len(all) < maxOffered {
			all = append(all, ofTopup(&topups[i]))
		}
	}
	approvals, err := r.approvals(ctx)
	if err != nil {
		return nil, err
	}
	mutings, err := r.o.Ledger.Mutings(ctx, r.o.Now().Add(-maxMuting))
	if err != nil {
		return nil, err
	}
	all = append(all, approvals...)
	mutings = mutings[max(0, len(mutings)-maxMutings):]
	for i := range mutings {
		all = append(all, ofMute(&mutings[i]))
	}
	return all, nil
}

func (r *Relay) approvals(ctx context.Context) (all []*paper, err error) {
	ask := ledger.Petition{Limit: ledger.MaxPage}
	for read := 0; read < maxOffered; {
		page, err := r.o.Ledger.Approvals(ctx, ask)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Number >= firstShared && page[i].Until.After(r.o.Now()) {
				all = append(all, ofApproval(&page[i]))
			}
			ask.Below = page[i].Number
		}
		if read += len(page); len(page) < ask.Limit {
			break
		}
	}
	return all, nil
}

func (r *Relay) raised(ctx context.Context) (all []*paper, err error) {
	now := r.o.Now()
	ask := ledger.AlertSearch{From: now.Add(-keepAlert), To: now.Add(time.Hour), Limit: ledger.MaxPage}
	for read := 0; read < maxOffered; {
		page, err := r.o.Ledger.Alerts(ctx, ask)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Number >= firstShared {
				all = append(all, ofAlert(&page[i]))
			}
			ask.Below = page[i].Number
		}
		if read += len(page); len(page) < ask.Limit {
			break
		}
	}
	return all, nil
}
