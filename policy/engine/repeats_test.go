package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/tokenizer"
)

// embed settles one call that embeds inputs, and returns its record.
func (s *shop) embed(t *testing.T, n int, team, model string, end tokenizer.End, inputs ...uint64) policy.Record {
	t.Helper()
	ticket := policy.Ticket{
		Request: policy.Request{ID: ledgertest.ID(n), At: s.clock.at, Provider: "local", Inputs: inputs, Call: tokenizer.Call{Model: model, Operation: "embeddings"}},
		Owner:   policy.Owner{{Name: "team", Value: team}},
	}
	s.Settle(t.Context(), ticket, policy.Outcome{End: end, Status: 200, At: s.clock.at})
	return s.book.last(t)
}

func TestInputsThatWereEmbeddedBeforeAreCounted(t *testing.T) {
	s := newShop(t)
	for n, c := range []struct {
		name, team, model string
		end               tokenizer.End
		inputs            []uint64
		after             time.Duration
		want, repeated    int
	}{
		{"what embeds nothing", "red", "m", tokenizer.Complete, nil, 0, 0, 0},
		{"for the first time", "red", "m", tokenizer.Complete, []uint64{1, 2}, 0, 2, 0},
		{"one of them again", "red", "m", tokenizer.Complete, []uint64{2, 3}, time.Hour, 2, 1},
		{"twice in one call", "red", "m", tokenizer.Complete, []uint64{4, 4, 4}, 0, 3, 2},
		{"another model", "red", "n", tokenizer.Complete, []uint64{1, 2}, 0, 2, 0},
		{"another team", "blue", "m", tokenizer.Complete, []uint64{1, 2}, 0, 2, 0},
		{"what failed", "red", "m", tokenizer.Failed, []uint64{7, 7}, 0, 0, 0},
		{"after it failed", "red", "m", tokenizer.Cut, []uint64{7}, 0, 1, 0},
		{"after it was cut", "red", "m", tokenizer.Complete, []uint64{7}, 0, 1, 1},
		{"a day after the first, an hour less after the second", "red", "m", tokenizer.Complete, []uint64{1, 2}, 23*time.Hour + 1, 2, 1},
		{"a day after that", "red", "m", tokenizer.Complete, []uint64{1}, 24 * time.Hour, 1, 1},
		{"more than a day after that", "red", "m", tokenizer.Complete, []uint64{1}, 24*time.Hour + 1, 1, 0},
	} {
		s.clock.at = s.clock.at.Add(c.after)
		if r := s.embed(t, n, c.team, c.model, c.end, c.inputs...); r.Inputs != c.want || r.Repeated != c.repeated {
			t.Errorf("%s: %d of %d, want %d of %d", c.name, r.Repeated, r.Inputs, c.repeated, c.want)
		}
	}
}

// TestInputsAreBounded: of a call, and of all calls; the newest stay.
func TestInputsAreBounded(t *testing.T) {
	s := newShop(t)
	inputs := make([]uint64, 3*policy.MaxInputs)
	if r := s.embed(t, 1, "red", "m", tokenizer.Complete, inputs...); r.Inputs != policy.MaxInputs || r.Repeated != policy.MaxInputs-1 {
		t.Errorf("the same %d times: %d of %d", len(inputs), r.Repeated, r.Inputs)
	}
	next, last := uint64(1), []uint64(nil)
	for n := range 800 { // a million and a half
		last = make([]uint64, policy.MaxInputs)
		for i := range last {
			last[i], next = next, next+1
		}
		s.clock.at = s.clock.at.Add(time.Second)
		if r := s.embed(t, n, "red", "m", tokenizer.Complete, last...); r.Repeated != 0 {
			t.Fatalf("%d of what is new were embedded before", r.Repeated)
		}
	}
	if r := s.embed(t, 900, "red", "m", tokenizer.Complete, last...); r.Repeated != policy.MaxInputs {
		t.Errorf("%d of the last %d are remembered", r.Repeated, policy.MaxInputs)
	}
	first := make([]uint64, policy.MaxInputs)
	for i := range first {
		first[i] = uint64(i) + 1
	}
	if r := s.embed(t, 901, "red", "m", tokenizer.Complete, first...); r.Repeated > policy.MaxInputs/4 {
		t.Errorf("%d of the first are remembered: more than there is room for", r.Repeated)
	}
}

func TestInputsOfManyCallsAtOnce(t *testing.T) {
	s := newShop(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ticket := policy.Ticket{Request: policy.Request{ID: ledgertest.ID(1), At: s.clock.at, Inputs: []uint64{1, 2, 3}}}
			for range 100 {
				s.Settle(t.Context(), ticket, policy.Outcome{At: s.clock.at})
			}
		})
	}
	all.Wait()
	if r := s.embed(t, 2, "", "", tokenizer.Complete, 1, 9); r.Inputs != 2 {
		t.Errorf("%d inputs", r.Inputs)
	}
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	repeated := 0
	for _, r := range s.book.records {
		repeated += r.Repeated
	}
	if repeated < 8*100*3-3 {
		t.Errorf("%d repeats of three inputs in 800 calls", repeated)
	}
}
