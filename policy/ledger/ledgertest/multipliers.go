package ledgertest

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

func wantMultipliers(t *testing.T, s ledger.Store, q ledger.Query, want ...ledger.Multipliers) {
	t.Helper()
	if q.To.IsZero() {
		q.From, q.To = Start, Start.Add(100*time.Hour)
	}
	got, err := s.Multipliers(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%+v (-want +got):\n%s", q, diff)
	}
}

// sent is the n-th record of a team, which was charged 100 for its input and 11 for
// its output, in micro-USD.
func sent(n int, team string, shares tokenizer.Shares) policy.Record {
	r := Record(n)
	r.Owner, r.Shares, r.Inputs, r.Repeated = policy.Owner{{Name: "team", Value: team, Rule: "r"}}, shares, 0, 0
	r.Lines = []policy.Line{Line(tokenizer.Input, 1000, money.Amount{Micro: 100}), Line(tokenizer.Output, 10, money.Amount{Micro: 11})}
	return r
}

func micros(n int64) money.Amount { return money.Amount{Micro: n} }

func multipliers(t *testing.T, s ledger.Store) {
	wantMultipliers(t, s, ledger.Query{By: []string{"team"}})
	most := tokenizer.Shares{System: 80, Last: 20}
	failed, cut, again, other := sent(1, "a", most), sent(2, "a", most), sent(3, "a", tokenizer.Shares{History: 3, Tools: 1, Media: 50}), sent(4, "b", most)
	failed.Outcome, failed.Lines = policy.Failed, nil
	cut.Outcome, cut.Purpose = policy.CutOff, policy.Retry
	again.Purpose = policy.Retry
	other.Inputs, other.Repeated = 4, 1
	other.Lines = append(other.Lines, policy.Line{Class: tokenizer.CacheRead, Quantity: 5, State: policy.Unpriced})
	write(t, s, ledger.Batch{Records: []policy.Record{failed, cut, again, other}})
	a := ledger.Multipliers{
		Keys: []string{"a"}, Calls: 3, Charged: micros(222), Retries: 2, Retried: micros(222), Failures: 2, Failed: micros(111),
		Bytes: tokenizer.Shares{System: 160, History: 3, Last: 40, Tools: 1, Media: 50},
		Input: ledger.InputCost{System: micros(80), History: micros(75), Last: micros(20), Tools: micros(25)},
	}
	b := ledger.Multipliers{
		Keys: []string{"b"}, Calls: 1, Unpriced: 1, Charged: micros(111), Bytes: most, Input: ledger.InputCost{System: micros(80), Last: micros(20)},
		Embedded: 4, Repeated: 1, RepeatedInput: micros(25),
	}
	wantMultipliers(t, s, ledger.Query{By: []string{"team"}}, a, b)
	wantMultipliers(t, s, ledger.Query{By: []string{"team"}, Where: []ledger.Match{{Name: "team", Value: "b"}}}, b)
	wantMultipliers(t, s, ledger.Query{From: failed.Completed, To: cut.Completed, By: []string{"team"}},
		ledger.Multipliers{Keys: []string{"a"}, Calls: 1, Failures: 1, Bytes: most})
	for _, by := range []string{"", "1team", `te"am`} {
		if _, err := s.Multipliers(t.Context(), ledger.Query{By: []string{by}}); err == nil {
			t.Errorf("grouping by %q: no error", by)
		}
	}
}

// exactMultipliers: sums of shares no smaller than a pico-USD, and beyond all bounds.
func exactMultipliers(t *testing.T, s ledger.Store) {
	r := sent(1, "a", tokenizer.Shares{System: 1, History: 1, Last: 1})
	r.Lines, r.Inputs, r.Repeated = []policy.Line{Line(tokenizer.Input, 1, money.Amount{Micro: 10, Pico: 1})}, 3, 2
	next := sent(2, "a", r.Shares)
	next.Lines = []policy.Line{Line(tokenizer.InputImage, 1, money.Amount{Pico: 999_999}), Line(tokenizer.CacheReadAudio, 1, money.Amount{Pico: 2}), Line(tokenizer.InputTool, 1, micros(1))}
	write(t, s, ledger.Batch{Records: []policy.Record{r, next}})
	third := money.Amount{Micro: 3, Pico: 333_333}
	wantMultipliers(t, s, ledger.Query{}, ledger.Multipliers{
		Calls: 2, Charged: money.Amount{Micro: 12, Pico: 2}, Bytes: tokenizer.Shares{System: 2, History: 2, Last: 2},
		Input:    ledger.InputCost{System: third, History: third, Last: money.Amount{Micro: 3, Pico: 333_335}, Tools: micros(1), Media: money.Amount{Micro: 1, Pico: 1}},
		Embedded: 3, Repeated: 2, RepeatedInput: money.Amount{Micro: 6, Pico: 666_667},
	})
	big := [2]policy.Record{sent(3, "b", tokenizer.Shares{System: math.MaxInt64}), sent(4, "b", tokenizer.Shares{System: math.MaxInt64})}
	for i := range big {
		big[i].Lines, big[i].Purpose = []policy.Line{Line(tokenizer.Input, 1, money.Most())}, policy.Retry
	}
	write(t, s, ledger.Batch{Records: big[:]})
	wantMultipliers(t, s, ledger.Query{Where: []ledger.Match{{Name: "team", Value: "b"}}}, ledger.Multipliers{
		Calls: 2, Charged: money.Most(), Retries: 2, Retried: money.Most(), Bytes: tokenizer.Shares{System: math.MaxInt64}, Input: ledger.InputCost{System: money.Most()},
	})
}

// correctedMultipliers: a correction changes what its call cost as a retry, as a
// failure, as input and as repeats, and counts none of them again.
func correctedMultipliers(t *testing.T, s ledger.Store) {
	first := sent(1, "a", tokenizer.Shares{System: 3, Last: 1})
	first.Purpose, first.Outcome, first.Inputs, first.Repeated = policy.Retry, policy.CutOff, 2, 1
	down := first
	down.Revision, down.Purpose = 1, policy.Correction
	down.Lines = []policy.Line{Line(tokenizer.Input, 0, micros(-40)), Line(tokenizer.Output, 0, micros(9))}
	user := sent(2, "a", first.Shares)
	up := user
	up.Revision, up.Purpose, up.Lines = 1, policy.Correction, []policy.Line{Line(tokenizer.Input, 0, micros(4))}
	write(t, s, ledger.Batch{Records: []policy.Record{first, down, user}})
	write(t, s, ledger.Batch{Records: []policy.Record{up}})
	wantMultipliers(t, s, ledger.Query{By: []string{"team"}}, ledger.Multipliers{
		Keys: []string{"a"}, Calls: 2, Charged: micros(195), Retries: 1, Retried: micros(80), Failures: 1, Failed: micros(80),
		Bytes: tokenizer.Shares{System: 6, Last: 2}, Input: ledger.InputCost{System: micros(45 + 78), Last: micros(15 + 26)},
		Embedded: 2, Repeated: 1, RepeatedInput: micros(30),
	})
}

func plainMultipliers(t *testing.T, s ledger.Store) {
	records := Varied(13, 400)
	for i := range records {
		n := int64(i)
		records[i].Shares = tokenizer.Shares{System: n % 7, History: n % 5, Last: n % 3, Tools: n % 2, Media: n % 4}
		records[i].Inputs, records[i].Repeated = i%6, i%6/2
		if i%9 == 0 {
			records[i].Outcome = policy.Failed
		}
		if i%4 == 1 { // of the record before
			fix := records[i-1]
			fix.Revision, fix.Purpose = 1, policy.Correction
			fix.Lines = []policy.Line{Line(tokenizer.Input, 0, money.Amount{Micro: -n, Pico: n})}
			records[i] = fix
		}
	}
	plain := &Memory{}
	for _, store := range []ledger.Store{plain, s} {
		write(t, store, ledger.Batch{Records: records})
	}
	for _, by := range [][]string{nil, {"team"}, {"cost.centre-1", "team"}, {"model", "day"}, {"purpose"}, {"nobody"}, {"outcome", "source", "operation", "dialect", "hour"}} {
		q := ledger.Query{By: by, From: Start, To: Start.Add(40 * time.Hour)}
		want, err := plain.Multipliers(t.Context(), q)
		if err != nil || len(want) == 0 {
			t.Fatalf("%+v: %v, %v", q, want, err)
		}
		wantMultipliers(t, s, q, want...)
	}
}
