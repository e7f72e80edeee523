package alert

import (
	"context"
	"slices"
	"time"

	"github.com/farebox/farebox/policy/ledger"
)

const (
	maxUntold  = 500              // alerts that are read at once
	maxDigest  = 50               // alerts of one message
	tellWithin = 30 * time.Second // a receiver's time for one message
	noteWithin = 10 * time.Second // the ledger's time for what became of it
)

// sender tells one receiver. What is to be told is in the ledger; a sender knows
// only that there may be something.
type sender struct {
	desk   *Desk
	to     Receiver
	digest time.Duration
	giveUp time.Duration

	wake   chan struct{} // holds one
	cancel context.CancelFunc
	done   chan struct{}
}

func startSender(d *Desk, to Receiver, r *Rules) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{desk: d, to: to, digest: r.Digest, giveUp: r.GiveUp, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	if s.giveUp == 0 {
		s.giveUp = DefaultGiveUp
	}
	s.nudge() // for what an earlier run left
	go s.run(ctx)
	return s
}

func (s *sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (s *sender) run(ctx context.Context) {
	defer close(s.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		if s.digest > 0 && !sleep(ctx, s.digest) {
			return
		}
		for pause := firstPause; !s.tellAll(ctx); pause = min(2*pause, lastPause) {
			if !sleep(ctx, pause) {
				return
			}
		}
	}
}

// tellAll tells what is to be told, and reports whether nothing is left.
func (s *sender) tellAll(ctx context.Context) bool {
	all, err := s.desk.store.Untold(ctx, s.to.Name, maxUntold)
	if err != nil {
		s.desk.log.WarnContext(ctx, "alerts to be told not read, will be tried again", "receiver", s.to.Name, "err", err)
		return false
	}
	done := len(all) < maxUntold
	for _, n := range s.notices(ctx, all) {
		done = s.tell(ctx, n) && done
	}
	return done
}

// notices puts alerts for the same address together, and gives up the old ones.
func (s *sender) notices(ctx context.Context, all []ledger.Alert) (notices []Notice) {
	now := s.desk.now()
	var addresses []string
	of := map[string][]ledger.Alert{}
	for _, a := range all {
		for _, d := range a.Deliveries {
			if d.Receiver != s.to.Name || d.State != ledger.AlertNew {
				continue
			}
			if now.Sub(a.At) > s.giveUp {
				s.note(ctx, Notice{[]ledger.Alert{a}, d.To}, ledger.AlertFailed, "given up: it could not be told within alerts.give_up; "+d.Error)
				continue
			}
			if !slices.Contains(addresses, d.To) {
				addresses = append(addresses, d.To)
			}
			of[d.To] = append(of[d.To], a)
		}
	}
	for _, to := range addresses {
		for part := range slices.Chunk(of[to], maxDigest) {
			notices = append(notices, noticeOf(part, to))
		}
	}
	return notices
}

// tell tells of a notice, and reports whether that need not be tried again. Where
// a message of several alerts is not taken, each is told by itself.
func (s *sender) tell(ctx context.Context, n Notice) (done bool) {
	within, cancel := context.WithTimeout(ctx, tellWithin)
	err := s.to.Notifier.Notify(within, n)
	cancel()
	switch {
	case err == nil:
		return s.note(ctx, n, ledger.AlertSent, "")
	case ctx.Err() != nil:
		return false // stopped: the next run tells
	case IsFinal(err) && len(n.Alerts) > 1:
		done = true
		for _, a := range n.Alerts {
			done = s.tell(ctx, noticeOf([]ledger.Alert{a}, n.To)) && done
		}
		return done
	case IsFinal(err):
		s.desk.log.ErrorContext(ctx, "receiver does not take alert", "receiver", s.to.Name, "err", err)
		return s.note(ctx, n, ledger.AlertFailed, err.Error())
	}
	s.desk.log.WarnContext(ctx, "receiver not told, will be tried again", "receiver", s.to.Name, "alerts", len(n.Alerts), "err", err)
	s.note(ctx, n, ledger.AlertNew, err.Error())
	return false
}

// maxError bounds what the ledger keeps of an error, in bytes.
const maxError = 512

// note writes down what became of alerts. What was told and could not be written
// down is told again.
func (s *sender) note(ctx context.Context, n Notice, state, why string) bool {
	numbers := make([]int64, len(n.Alerts))
	for i := range n.Alerts {
		numbers[i] = n.Alerts[i].Number
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	s.desk.metrics.told(s.to.Name, state, len(numbers))
	d := ledger.Delivery{Receiver: s.to.Name, To: n.To, State: state, At: s.desk.now(), Error: why[:min(len(why), maxError)]}
	if err := s.desk.store.Tell(ctx, numbers, d); err != nil {
		s.desk.log.ErrorContext(ctx, "what became of alerts not kept: they may be told again", "receiver", s.to.Name, "err", err)
		return false
	}
	return true
}

// disown ends what is to be told to receivers that there are no more.
func (d *Desk) disown(have []Receiver) {
	ctx, cancel := context.WithTimeout(context.Background(), noteWithin)
	defer cancel()
	all, err := d.store.Untold(ctx, "", maxUntold)
	if err != nil {
		d.log.WarnContext(ctx, "alerts of receivers that are gone not read", "err", err)
		return
	}
	for _, a := range all {
		for _, to := range a.Deliveries {
			if to.State != ledger.AlertNew || slices.ContainsFunc(have, func(r Receiver) bool { return r.Name == to.Receiver }) {
				continue
			}
			gone := ledger.Delivery{Receiver: to.Receiver, To: to.To, State: ledger.AlertFailed, At: d.now(), Error: "the receiver is not configured any more"}
			if err := d.store.Tell(ctx, []int64{a.Number}, gone); err != nil {
				d.log.WarnContext(ctx, "alert of a receiver that is gone not ended", "err", err)
				return
			}
		}
	}
}
