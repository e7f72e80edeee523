package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

func wantInteractions(t *testing.T, s ledger.Store, q ledger.Query, want ...ledger.Interactions) {
	t.Helper()
	if q.To.IsZero() {
		q.From, q.To = Start, Start.Add(100*time.Hour)
	}
	got, err := s.Interactions(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%+v (-want +got):\n%s", q, diff)
	}
}

// part is the n-th record, as a part of an interaction of a team.
func part(n int, team, name string, success bool) policy.Record {
	r := Record(n)
	r.Owner = policy.Owner{{Name: "team", Value: team, Rule: "header x-team"}}
	r.Interaction, r.Success = name, success
	return r
}

// took is what so many of the sample's records took.
func took(i ledger.Interactions) ledger.Interactions {
	i.Input, i.Output = 11*i.Calls, 7*i.Calls
	for range i.Calls {
		i.Charged = i.Charged.Add(money.Amount{Micro: 82})
	}
	return i
}

func interactions(t *testing.T, s ledger.Store) {
	failed, again, served := part(1, "a", "chat-1", false), part(2, "a", "chat-1", false), part(3, "a", "chat-1", true)
	again.Purpose, failed.Lines = policy.Retry, nil
	unpriced := part(4, "a", "chat-2", false)
	unpriced.Lines = append(unpriced.Lines,
		policy.Line{Class: tokenizer.CacheRead, Quantity: 5, State: policy.Unpriced}, policy.Line{Class: tokenizer.Reasoning, Quantity: 6, State: policy.Unpriced},
		policy.Line{Class: tokenizer.Requests, Quantity: 9, State: policy.Unpriced})
	alone := part(5, "a", "", true)
	write(t, s, ledger.Batch{Records: []policy.Record{served, unpriced, failed, again, alone, part(6, "b", "chat-1", true)}})
	a := took(ledger.Interactions{Keys: []string{"a"}, Interactions: 2, Successful: 1, Calls: 3})
	a.Calls, a.Unpriced, a.Input, a.Output = 4, 1, a.Input+5, a.Output+6
	b := took(ledger.Interactions{Keys: []string{"b"}, Interactions: 1, Successful: 1, Calls: 1})
	wantInteractions(t, s, ledger.Query{By: []string{"team"}}, a, b)
	wantInteractions(t, s, ledger.Query{By: []string{"team"}, Where: []ledger.Match{{Name: "team", Value: "b"}}}, b)
	wantInteractions(t, s, ledger.Query{By: []string{"team"}, Where: []ledger.Match{{Name: "team", Value: "c"}}})
	wantInteractions(t, s, ledger.Query{By: []string{"purpose"}, Where: []ledger.Match{{Name: "purpose", Value: policy.Retry}}})
	for _, by := range []string{"", "1team", `te"am`} {
		if _, err := s.Interactions(t.Context(), ledger.Query{By: []string{by}}); err == nil {
			t.Errorf("grouping by %q: no error", by)
		}
	}
}

func lastCall(t *testing.T, s ledger.Store) {
	first, second := part(10, "a", "chat-1", true), part(20, "a", "chat-1", false)
	first.Model, second.Model = "small", "large"
	again := second // a later attempt, at the same time
	again.Attempt, again.Success = 2, true
	write(t, s, ledger.Batch{Records: []policy.Record{second, first}})
	failed := took(ledger.Interactions{Keys: []string{"large"}, Interactions: 1, Calls: 2})
	at := func(n int) time.Time { return Record(n).Completed }
	by := []string{"model"}
	wantInteractions(t, s, ledger.Query{From: at(0), To: at(20), By: by}) // it goes on afterwards
	wantInteractions(t, s, ledger.Query{From: at(20), To: at(21), By: by}, failed)
	wantInteractions(t, s, ledger.Query{From: at(21), To: at(30), By: by})
	write(t, s, ledger.Batch{Records: []policy.Record{again}})
	wantInteractions(t, s, ledger.Query{From: at(20), To: at(21), By: by},
		took(ledger.Interactions{Keys: []string{"large"}, Interactions: 1, Successful: 1, Calls: 3}))
}

func overrides(t *testing.T, s ledger.Store) {
	write(t, s, ledger.Batch{Records: []policy.Record{part(1, "a", "chat-1", false), part(2, "a", "chat-1", false)}})
	talk := ledger.Subject{Team: "a", Interaction: "chat-1"}
	for _, step := range []struct {
		on   ledger.Subject
		n    int // an even verdict is a success
		want int64
	}{
		{ledger.Subject{Team: "b", Interaction: "chat-1"}, 90, 0},
		{ledger.Subject{Call: ID(1)}, 92, 0}, // not the last call
		{ledger.Subject{Call: ID(2)}, 2, 1},
		{talk, 3, 0},
		{ledger.Subject{Call: ID(2)}, 4, 1},
		{talk, 5, 0},
		{talk, 6, 1},
		{ledger.Subject{Call: ID(2)}, 1, 1}, // said earlier than what was said of the whole
	} {
		judge(t, s, step.on, step.n)
		wantInteractions(t, s, ledger.Query{}, took(ledger.Interactions{Interactions: 1, Successful: step.want, Calls: 2}))
	}
}

func plainInteractions(t *testing.T, s ledger.Store) {
	records := Varied(11, 400)
	plain := &Memory{}
	for _, store := range []ledger.Store{plain, s} {
		write(t, store, ledger.Batch{Records: records[150:]})
		write(t, store, ledger.Batch{Records: records[:200]})
		for n := range 40 {
			judge(t, store, ledger.Subject{Call: records[n].ID}, n)
			judge(t, store, ledger.Subject{Team: records[n].Owner.Value("team"), Interaction: fmt.Sprintf("chat-%d", n)}, (n*7)%40)
		}
	}
	queries := []ledger.Query{{Where: []ledger.Match{{Name: "team", Value: "support"}, {Name: "model", Value: "small"}}, By: []string{"provider"}}}
	for _, by := range [][]string{nil, {"team"}, {"cost.centre-1", "team"}, {"model", "day"}, {"nobody"}, {"outcome", "source", "purpose", "operation", "dialect", "hour"}} {
		for hours := range 3 {
			queries = append(queries, ledger.Query{By: by, From: Start.Add(time.Duration(7*hours) * time.Hour), To: Start.Add(time.Duration(20+15*hours) * time.Hour)})
		}
	}
	for _, q := range queries {
		if q.To.IsZero() {
			q.From, q.To = Start, Start.Add(100*time.Hour)
		}
		want, err := plain.Interactions(t.Context(), q)
		if err != nil || len(want) == 0 {
			t.Fatalf("%+v: %v, %v", q, want, err)
		}
		wantInteractions(t, s, q, want...)
	}
}
