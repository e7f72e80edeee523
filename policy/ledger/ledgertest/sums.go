package ledgertest

import (
	"math"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

func halfOpen(t *testing.T, s ledger.Store) {
	write(t, s, ledger.Batch{Records: []policy.Record{Record(0), Record(10)}})
	at := func(n int) time.Time { return Record(n).Completed }
	tests := []struct {
		name     string
		from, to time.Time
		calls    int64
	}{
		{"from is in, to is not", at(0), at(10), 1},
		{"just after to", at(0), at(10).Add(1), 2},
		{"just after from", at(0).Add(1), at(10).Add(time.Microsecond), 1},
		{"another zone", at(0).In(time.FixedZone("", -7200)), at(10).In(time.FixedZone("", 7200)), 1},
		{"nothing", at(1), at(10), 0},
		{"all time", time.Time{}, time.Unix(1<<33, 0), 2},
	}
	for _, test := range tests {
		var calls int64
		for _, row := range usageIn(t, s, ledger.Query{From: test.from, To: test.to}) {
			calls += row.Calls
		}
		if calls != test.calls {
			t.Errorf("%s: %d calls, want %d", test.name, calls, test.calls)
		}
	}
}

func exactSums(t *testing.T, s ledger.Store) {
	dear := money.Amount{Micro: 1_234_567_890_123_456, Pico: 999_999} // 1.2 billion USD
	var want ledger.Row
	records := make([]policy.Record, 700)
	for i := range records {
		records[i] = Record(i)
		records[i].Lines = []policy.Line{Line(tokenizer.Output, 1<<40, dear)}
		l := records[i].Lines[0]
		want.List, want.Contracted, want.Charged = want.List.Add(l.List), want.Contracted.Add(l.Contracted), want.Charged.Add(l.Charged)
	}
	write(t, s, ledger.Batch{Records: records})
	want.Calls, want.Tokens = 700, Tokens(map[tokenizer.Class]int64{tokenizer.Output: 700 << 40})
	if sum := want.Charged.String(); sum != "864197523086.4198999993" {
		t.Fatalf("the sum to compare with is %s", sum)
	}
	wantRows(t, usage(t, s), want)
}

func boundedSums(t *testing.T, s ledger.Store) {
	records := []policy.Record{Record(1), Record(2), Record(3)}
	for i := range records {
		records[i].Lines = []policy.Line{Line(tokenizer.Input, math.MaxInt64, money.Most())}
	}
	write(t, s, ledger.Batch{Records: records})
	wantRows(t, usage(t, s), ledger.Row{
		Calls: 3, Tokens: Tokens(map[tokenizer.Class]int64{tokenizer.Input: math.MaxInt64}),
		List: money.Most(), Contracted: money.Most(), Charged: money.Most(),
	})
}

func unknown(t *testing.T, s ledger.Store) {
	zero, none := Record(1), Record(2)
	zero.Lines = []policy.Line{{Class: tokenizer.Reasoning, Source: tokenizer.Reported, State: policy.Free}}
	none.Lines = nil
	unpriced := Record(3)
	unpriced.Lines = []policy.Line{
		{Class: tokenizer.Input, Quantity: 5, State: policy.Unpriced}, {Class: tokenizer.Output, Quantity: 6, State: policy.Unpriced},
	}
	write(t, s, ledger.Batch{Records: []policy.Record{zero, none, unpriced}})
	wantRecords(t, s, "req-1", zero)
	wantRecords(t, s, "req-2", none)
	wantRows(t, usage(t, s, "team"), ledger.Row{
		Keys: []string{"support"}, Calls: 3, Unpriced: 1,
		Tokens: Tokens(map[tokenizer.Class]int64{tokenizer.Input: 5, tokenizer.Output: 6}),
	})
}

func nothing(t *testing.T, s ledger.Store) {
	wantRows(t, usage(t, s))
	wantRows(t, usage(t, s, "team", "day"))
	wantOpen(t, s)
	write(t, s, ledger.Batch{})
	wantRows(t, usage(t, s))
}

func plainSums(t *testing.T, s ledger.Store) {
	records := Varied(7, 400)
	plain := &Memory{}
	for _, store := range []ledger.Store{plain, s} {
		write(t, store, ledger.Batch{Records: records[:150]})
		write(t, store, ledger.Batch{Records: records[100:]})
	}
	groupings := [][]string{
		nil, {"team"}, {"cost.centre-1"}, {"cost.centre-1", "team"}, {"team", "model", "day"}, {"nobody"}, {"team", "team"},
		{"hour"}, {"outcome", "source", "purpose", "operation", "dialect", "provider"},
	}
	for _, name := range ledger.Dimensions {
		groupings = append(groupings, []string{name})
	}
	for _, by := range groupings {
		wantRows(t, usage(t, s, by...), usage(t, plain, by...)...)
	}
	for _, r := range records[:20] {
		wantRecords(t, s, r.RequestID, r)
	}
}
