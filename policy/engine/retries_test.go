package engine_test

import (
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/tokenizer"
)

// TestTheSameCallAfterAFailureIsARetry: by its body and owner, where the client
// does not count its retries.
func TestTheSameCallAfterAFailureIsARetry(t *testing.T) {
	s := newShop(t)
	n := 0
	call := func(team string, body uint64, said int, end tokenizer.End) policy.Record {
		n++
		r := policy.Request{
			ID: ledgertest.ID(n), Provider: "local", At: s.clock.at, Identity: headers{"x-team": team, "x-project": "p"},
			Call: tokenizer.Call{Model: "m1", Choices: 1}, BodyHash: body, Retry: said,
		}
		ticket, err := s.Admit(t.Context(), &r)
		if err != nil {
			t.Fatal(err)
		}
		s.Settle(t.Context(), ticket, policy.Outcome{End: end, Status: 200, At: s.clock.at})
		return s.book.last(t)
	}
	for _, c := range []struct {
		name, team string
		body       uint64
		said       int
		end        tokenizer.End
		after      time.Duration
		want       string
	}{
		{"first, fails", "red", 1, 0, tokenizer.Failed, 0, policy.User},
		{"another body", "red", 2, 0, tokenizer.Complete, 0, policy.User},
		{"another team", "blue", 1, 0, tokenizer.Complete, 0, policy.User},
		{"again, cut", "red", 1, 0, tokenizer.Cut, time.Minute, policy.Retry},
		{"again, works", "red", 1, 0, tokenizer.Complete, time.Minute, policy.Retry},
		{"after it worked", "red", 1, 0, tokenizer.Failed, 0, policy.User},
		{"much later", "red", 1, 0, tokenizer.Complete, 11 * time.Minute, policy.User},
		{"said by the client", "red", 3, 1, tokenizer.Complete, 0, policy.Retry},
		{"without a body", "red", 0, 0, tokenizer.Failed, 0, policy.User},
		{"without a body again", "red", 0, 0, tokenizer.Failed, 0, policy.User},
	} {
		s.clock.at = s.clock.at.Add(c.after)
		if r := call(c.team, c.body, c.said, c.end); r.Purpose != c.want {
			t.Errorf("%s: %s, want %s", c.name, r.Purpose, c.want)
		}
	}
}

// TestFailuresAreBounded: a flood of failures takes no more than its room.
func TestFailuresAreBounded(t *testing.T) {
	s := newShop(t)
	for n := range 40_000 {
		ticket := policy.Ticket{Request: policy.Request{ID: ledgertest.ID(n), At: noon, BodyHash: uint64(n) + 1}}
		s.Settle(t.Context(), ticket, policy.Outcome{End: tokenizer.Failed, At: noon})
	}
	if kept := s.Remembered(); kept == 0 || kept > 1<<14 {
		t.Errorf("%d failures are remembered", kept)
	}
}
