package main

import (
	"context"
	"fmt"
	"log"
	"time"
)

// sample is one slice of one variant.
type sample struct {
	scenario *scenario
	variant  string
	round    int
	calls    int
	spent    spent
	tally    tally
}

// spent is what a slice cost the processes of a stand.
type spent struct {
	processor, envoy time.Duration // CPU
	redis            time.Duration // CPU
	processorMemory  int64         // bytes resident at its end
	envoyMemory      int64
	messages         int64 // that Envoy sent to the processor
}

// plan is what to measure.
type plan struct {
	scenarios []*scenario
	stands    []*stand
	rounds    int
	calls     int // per slice; 0 is each scenario's own number
}

func (p plan) callsOf(s *scenario) int {
	if p.calls > 0 {
		return p.calls
	}
	return s.calls
}

// measure takes turns: in each round every scenario goes through every stand,
// one slice after the other, and each round begins with another stand. So what
// the machine does beside this run falls on all of them.
func measure(ctx context.Context, p plan, progress *log.Logger) ([]sample, error) {
	for _, s := range p.scenarios {
		for _, st := range p.stands {
			if !st.takes(s) {
				continue
			}
			if _, err := st.caller.slice(ctx, s, max(p.callsOf(s)/4, atOnce)); err != nil {
				return nil, fmt.Errorf("warm up %s: %w", st.variant, err)
			}
		}
	}
	var all []sample
	for round := range p.rounds {
		for _, s := range p.scenarios {
			for i := range p.stands {
				st := p.stands[(round+i)%len(p.stands)]
				if !st.takes(s) {
					continue
				}
				one, err := st.measure(ctx, s, p.callsOf(s))
				if err != nil {
					return nil, fmt.Errorf("measure %s: %w", st.variant, err)
				}
				one.round = round
				all = append(all, one)
				progress.Printf("round %d/%d  %-12s %-8s %5d calls in %5.2fs  processor %7.1f µs  envoy %7.1f µs a call",
					round+1, p.rounds, s.name, st.variant, one.calls, one.tally.wall.Seconds(),
					perCall(one.spent.processor, one.calls), perCall(one.spent.envoy, one.calls))
			}
		}
	}
	return all, nil
}

// measure makes one slice of calls and reads the accounts around it.
func (st *stand) measure(ctx context.Context, s *scenario, calls int) (sample, error) {
	// What is done after the last answer, such as a ledger's commit, is the
	// slice's work too.
	const settle = 50 * time.Millisecond
	sent, err := st.messages(ctx)
	if err != nil {
		return sample{}, err
	}
	before, err := st.account()
	if err != nil {
		return sample{}, err
	}
	t, err := st.caller.slice(ctx, s, calls)
	if err != nil {
		return sample{}, err
	}
	time.Sleep(settle)
	after, err := st.account()
	if err != nil {
		return sample{}, err
	}
	if after.messages, err = st.messages(ctx); err != nil {
		return sample{}, err
	}
	after.processor -= before.processor
	after.envoy -= before.envoy
	after.redis -= before.redis
	after.messages -= sent
	return sample{scenario: s, variant: st.variant, calls: calls, spent: after, tally: t}, nil
}

// perCall returns microseconds.
func perCall(d time.Duration, calls int) float64 {
	return float64(d) / float64(time.Microsecond) / float64(max(calls, 1))
}
