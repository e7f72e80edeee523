package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/attribution"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/tokenizer"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

type shop struct {
	*engine.Engine
	book  *book
	store *ledgertest.Memory
	clock *clock
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{store: &ledgertest.Memory{}, clock: &clock{noon}}
	s.Engine, s.book, _ = newEngine(t, func(o *engine.Options, _ *attribution.Options) {
		o.Deferrals, o.Now = s.store, s.clock.now
	})
	return s
}

// begins makes a call of a team whose work goes on as id.
func (s *shop) begins(t *testing.T, n int, d tokenizer.Deferred) {
	t.Helper()
	r := policy.Request{
		ID: ledgertest.ID(n), Provider: "local", At: s.clock.at, Identity: headers{"x-team": "red", "x-project": "p"},
		Call: tokenizer.Call{Dialect: "openai", Operation: "responses", Model: "m1", Choices: 1, Shares: tokenizer.Shares{Last: 400}},
	}
	ticket, err := s.Admit(t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	s.Settle(t.Context(), ticket, policy.Outcome{End: tokenizer.Complete, Status: 200, At: s.clock.at, Reading: tokenizer.Reading{Model: "m1", ResponseID: d.ID, Deferred: d}})
}

// asks lets somebody else ask after id, who gets that reading.
func (s *shop) asks(t *testing.T, id string, status int, r tokenizer.Reading) {
	t.Helper()
	ask := policy.Request{ID: ledgertest.ID(99), Provider: "local", At: s.clock.at, Identity: headers{"x-team": "blue"}, Call: tokenizer.Call{Of: id, Choices: 1}}
	ticket, err := s.Admit(t.Context(), &ask)
	if err != nil || ticket.Refusal != nil {
		t.Fatalf("%v, %v", ticket.Refusal, err)
	}
	end := tokenizer.Complete
	if status >= 300 {
		end = tokenizer.Failed
	}
	s.Settle(t.Context(), ticket, policy.Outcome{End: end, Status: status, At: s.clock.at, Reading: r})
}

func used(in, out int64) tokenizer.Reading {
	u := tokenizer.Usage{Model: "m1"}
	u.Set(tokenizer.Input, in, tokenizer.Reported)
	u.Set(tokenizer.Output, out, tokenizer.Reported)
	return tokenizer.Reading{Model: "m1", Usage: []tokenizer.Usage{u}, Finish: "completed"}
}

// TestDeferredBelongsToWhoBegan: the first answer that tells the end settles the
// work to the owner of the call that began it; what comes later is not counted.
func TestDeferredBelongsToWhoBegan(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "resp_1"})
	if len(s.book.records) != 0 {
		t.Fatalf("%d records before the work ended", len(s.book.records))
	}
	s.asks(t, "resp_1", 200, tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "resp_1"}})
	s.asks(t, "resp_1", 500, tokenizer.Reading{Error: true})
	s.asks(t, "resp_other", 200, used(7, 7))
	if len(s.book.records) != 0 {
		t.Fatalf("settled by an answer that does not tell its end")
	}
	s.clock.at = noon.Add(time.Hour)
	s.asks(t, "resp_1", 200, used(1000, 100))
	s.asks(t, "resp_1", 200, used(1000, 100))
	if len(s.book.records) != 1 {
		t.Fatalf("%d records, want one", len(s.book.records))
	}
	r := s.book.last(t)
	if r.ID != ledgertest.ID(1) || r.Owner.Value("team") != "red" || r.ResponseID != "resp_1" || !r.Admitted.Equal(noon) || !r.Completed.Equal(s.clock.at) {
		t.Errorf("%+v", r)
	}
	if got := r.Lines[0].Charged.Add(r.Lines[1].Charged).String(); got != "0.003" {
		t.Errorf("charged %s", got)
	}
}

// TestDeferredAlias: the file of results tells the usage of a batch as well.
func TestDeferredAlias(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "batch_1"})
	s.asks(t, "batch_1", 200, tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "batch_1", Alias: "file-9"}})
	s.asks(t, "file-9", 200, used(10, 1))
	s.asks(t, "batch_1", 200, used(10, 1))
	if len(s.book.records) != 1 {
		t.Fatalf("%d records, want one", len(s.book.records))
	}
}

// TestResultsAreReadWhereTheyAreWaitedFor: a file is looked into only while work
// is known by its name, at its provider.
func TestResultsAreReadWhereTheyAreWaitedFor(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "batch_1"})
	unclaimed := func(provider, file string) bool {
		t.Helper()
		ask := policy.Request{ID: ledgertest.ID(98), Provider: provider, At: s.clock.at, Identity: headers{}, Call: tokenizer.Call{Of: file, Results: true, Choices: 1}}
		ticket, err := s.Admit(t.Context(), &ask)
		if err != nil || ticket.Refusal != nil {
			t.Fatalf("%v, %v", ticket.Refusal, err)
		}
		return ticket.Unclaimed
	}
	if !unclaimed("local", "file-9") {
		t.Error("a file that nobody waits for is read")
	}
	s.asks(t, "batch_1", 200, tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "batch_1", Alias: "file-9"}})
	if unclaimed("local", "file-9") || !unclaimed("elsewhere", "file-9") || !unclaimed("local", "file-8") {
		t.Error("the results of a batch are not told from other files")
	}
	s.asks(t, "file-9", 200, used(10, 1))
	if len(s.book.records) != 1 || !unclaimed("local", "file-9") {
		t.Errorf("%d records; results that are settled are read again", len(s.book.records))
	}
}

// TestAnswersThatTellNothingOfTheWork: it goes on until one tells.
func TestAnswersThatTellNothingOfTheWork(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "batch_1", Alias: "file-9"})
	ask := policy.Ticket{Request: policy.Request{ID: ledgertest.ID(99), Provider: "local", At: noon, Call: tokenizer.Call{Of: "file-9", Results: true}}}
	for name, o := range map[string]policy.Outcome{
		"cut":        {End: tokenizer.Cut, Status: 200, Reading: used(10, 1)},
		"a range":    {Status: 206, Reading: used(10, 1)},
		"not seen":   {Status: 200, Lost: true},
		"not read":   {Status: 200, Reading: tokenizer.Reading{Unreadable: 1}},
		"not there":  {End: tokenizer.Failed, Status: 404, Reading: tokenizer.Reading{Error: true}},
		"not ended":  {Status: 200, Reading: tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "file-9"}}},
		"redirected": {Status: 302},
	} {
		o.At = noon
		s.Settle(t.Context(), ask, o)
		if len(s.book.records) != 0 {
			t.Fatalf("%s: settled as %+v", name, s.book.last(t))
		}
	}
	s.asks(t, "batch_1", 200, tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "batch_1"}})
	s.asks(t, "file-9", 200, used(10, 1))
	if r := s.book.last(t); len(s.book.records) != 1 || r.ResponseID != "batch_1" || r.Owner.Value("team") != "red" {
		t.Errorf("%d records, %+v", len(s.book.records), r)
	}
}

// TestDeferredOverRestart: what goes on at the provider is not settled by a
// restart, but by the answer that comes after it.
func TestDeferredOverRestart(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "resp_1"})
	kept, err := s.store.Deferred(t.Context())
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d kept, %v", len(kept), err)
	}
	again := newShop(t)
	again.Recover(t.Context(), s.book.open, kept)
	if len(again.book.records) != 0 {
		t.Fatal("the restart settled it")
	}
	again.asks(t, "resp_1", 200, used(1000, 100))
	if r := again.book.last(t); r.Owner.Value("team") != "red" || r.Source != tokenizer.Reported {
		t.Errorf("%+v", r)
	}
}

// TestDeferredExpires: what nobody asks after is settled once, at an estimate.
func TestDeferredExpires(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "resp_1", Expires: noon.Add(time.Hour)})
	s.Sweep(t.Context())
	if len(s.book.records) != 0 {
		t.Fatal("settled too early")
	}
	s.clock.at = noon.Add(time.Hour)
	s.Sweep(t.Context())
	s.Sweep(context.WithoutCancel(t.Context()))
	s.asks(t, "resp_1", 200, used(1, 1))
	r := s.book.last(t)
	if len(s.book.records) != 1 || r.Outcome != policy.CutOff || r.Lines[0].Source != tokenizer.Estimated || r.Lines[0].Quantity == 0 {
		t.Errorf("%d records, %+v", len(s.book.records), r)
	}
}

// TestDeferredFailed: work that ended without usage costs nothing.
func TestDeferredFailed(t *testing.T) {
	s := newShop(t)
	s.begins(t, 1, tokenizer.Deferred{ID: "resp_1"})
	s.asks(t, "resp_1", 200, tokenizer.Reading{Error: true, Finish: "failed"})
	if r := s.book.last(t); r.Outcome != policy.Failed || len(r.Lines) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestStoredContent: a cached content is paid for when it is made, and for the
// time that it was kept, until it was deleted or expired.
func TestStoredContent(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		do    func(*testing.T, *shop)
		want  int64
	}{
		{"deleted", 30 * time.Minute, func(t *testing.T, s *shop) { s.asks(t, "cachedContents/1", 200, tokenizer.Reading{}) }, 5000},
		{"expired", 3 * time.Hour, func(t *testing.T, s *shop) { s.Sweep(t.Context()) }, 10_000},
		{"prolonged", 3 * time.Hour, func(t *testing.T, s *shop) {
			s.asks(t, "cachedContents/1", 200, tokenizer.Reading{Deferred: tokenizer.Deferred{ID: "cachedContents/1", Expires: noon.Add(2 * time.Hour)}})
			s.Sweep(t.Context())
		}, 20_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t)
			r := policy.Request{ID: ledgertest.ID(1), Provider: "local", At: noon, Identity: headers{"x-team": "red", "x-project": "p"}, Call: tokenizer.Call{Model: "m1", Choices: 1}}
			ticket, err := s.Admit(t.Context(), &r)
			if err != nil {
				t.Fatal(err)
			}
			made := used(10_000, 0)
			made.Deferred = tokenizer.Deferred{ID: "cachedContents/1", Expires: noon.Add(time.Hour), Stored: 10_000}
			s.Settle(t.Context(), ticket, policy.Outcome{End: tokenizer.Complete, Status: 200, At: noon, Reading: made})
			if len(s.book.records) != 1 {
				t.Fatalf("%d records of its making", len(s.book.records))
			}
			s.clock.at = noon.Add(c.after)
			c.do(t, s)
			last := s.book.last(t)
			if len(s.book.records) != 2 || last.ID != r.ID || last.Attempt != 1 || len(last.Lines) != 1 {
				t.Fatalf("%d records, %+v", len(s.book.records), last)
			}
			if l := last.Lines[0]; l.Class != tokenizer.CacheTokenHours || l.Quantity != c.want {
				t.Errorf("%v of %v, want %d", l.Quantity, l.Class, c.want)
			}
		})
	}
}

// TestWorksOfOneName: two accounts of a provider may have work of one name, and each is
// settled once, to its own call; the same work that is asked for again costs nothing
// again. None is left behind.
func TestWorksOfOneName(t *testing.T) {
	s := newShop(t)
	keyed := func(n int, key string, of string, o policy.Outcome) {
		t.Helper()
		r := policy.Request{
			ID: ledgertest.ID(n), Provider: "local", KeyHash: key, At: s.clock.at, Identity: headers{"x-team": "red"},
			Call: tokenizer.Call{Dialect: "openai", Operation: "responses", Model: "m1", Of: of, Choices: 1, Shares: tokenizer.Shares{Last: 400}},
		}
		ticket, err := s.Admit(t.Context(), &r)
		if err != nil {
			t.Fatal(err)
		}
		o.End, o.Status, o.At = tokenizer.Complete, 200, s.clock.at
		s.Settle(t.Context(), ticket, o)
	}
	begun := policy.Outcome{Reading: tokenizer.Reading{Model: "m1", Deferred: tokenizer.Deferred{ID: "job_1"}}}
	keyed(1, "k1", "", begun)
	keyed(2, "k2", "", begun)
	keyed(3, "k1", "", begun) // the work of call 1, asked for again
	if r := s.book.last(t); len(s.book.records) != 1 || r.ID != ledgertest.ID(3) || len(r.Lines) != 0 || !strings.Contains(r.Reason, ledgertest.ID(1).String()) {
		t.Errorf("the same work asked for again: %d records, %+v", len(s.book.records), r)
	}
	for i, want := range []struct {
		key string
		n   int
		out int64
	}{{"k2", 2, 20}, {"k3", 1, 10}} { // k3 is another key of whose is left
		keyed(10+i, want.key, "job_1", policy.Outcome{Reading: used(5, want.out)})
		r := s.book.last(t)
		if len(s.book.records) != 2+i || r.ID != ledgertest.ID(want.n) || r.Lines[1].Quantity != want.out {
			t.Errorf("asked with %s: %d records, %+v", want.key, len(s.book.records), r)
		}
	}
	keyed(20, "k1", "job_1", policy.Outcome{Reading: used(5, 10)})
	s.clock.at = s.clock.at.AddDate(1, 0, 0)
	s.Sweep(t.Context())
	if len(s.book.records) != 3 {
		t.Errorf("%d records at the end, want 3", len(s.book.records))
	}
}
