package ledgertest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// judge keeps the n-th verdict on a subject.
func judge(t *testing.T, s ledger.Store, on ledger.Subject, n int) ledger.Change {
	t.Helper()
	at := Start.Add(time.Duration(n)*time.Minute + 999)
	who := fmt.Sprintf("person-%d", n%2)
	c, err := s.Judge(t.Context(), ledger.Verdict{Subject: on, Success: n%2 == 0, Reason: fmt.Sprintf("reason %d", n), At: at, By: who},
		ledger.Change{At: at, Actor: who, Role: "owner", Action: "outcome.set", Reason: fmt.Sprintf("reason %d", n)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func saidBy(n int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"success":%v,"reason":"reason %d","by":"person-%d"}`, n%2 == 0, n, n%2))
}

func verdicts(t *testing.T, s ledger.Store) {
	call, talk, other := ledger.Subject{Call: ID(1)}, ledger.Subject{Team: "a", Interaction: "chat-1"}, ledger.Subject{Team: "b", Interaction: "chat-1"}
	if v, found, err := s.Verdict(t.Context(), call); found || err != nil {
		t.Errorf("before any: %+v, %v, %v", v, found, err)
	}
	for n, on := range []ledger.Subject{call, talk, call, other} {
		judge(t, s, on, n)
	}
	for on, n := range map[ledger.Subject]int{call: 2, talk: 1, other: 3} {
		want := ledger.Verdict{
			Subject: on, Success: n%2 == 0, Reason: fmt.Sprintf("reason %d", n), At: Start.Add(time.Duration(n) * time.Minute), By: fmt.Sprintf("person-%d", n%2),
		}
		got, found, err := s.Verdict(t.Context(), on)
		if err != nil || !found || !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, %v, %v, want %+v", on, got, found, err, want)
		}
	}
	for _, none := range []ledger.Subject{{}, {Team: "a"}, {Call: ID(1), Interaction: "x"}, {Call: ID(1), Team: "a"}} {
		if _, err := s.Judge(t.Context(), ledger.Verdict{Subject: none}, ledger.Change{}); err == nil {
			t.Errorf("a verdict on %+v was kept", none)
		}
	}
	if _, found, err := s.Verdict(t.Context(), ledger.Subject{Call: ID(9)}); found || err != nil {
		t.Errorf("a call without: %v, %v", found, err)
	}
}

func audit(t *testing.T, s ledger.Store) {
	on := []ledger.Subject{{Call: ID(1)}, {Call: ID(1)}, {Team: "a", Interaction: "it's"}, {Call: ID(1)}}
	before := []json.RawMessage{nil, saidBy(0), nil, saidBy(1)}
	var want []ledger.Change
	for n := range on {
		got := judge(t, s, on[n], n)
		c := ledger.Change{
			Number: got.Number, At: Start.Add(time.Duration(n) * time.Minute), Actor: fmt.Sprintf("person-%d", n%2), Role: "owner", Action: "outcome.set",
			Subject: on[n].String(), Before: before[n], After: saidBy(n), Reason: fmt.Sprintf("reason %d", n),
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("change %d (-want +got):\n%s", n, diff)
		}
		if len(want) > 0 && want[0].Number >= got.Number {
			t.Errorf("change %d has number %d after %d", n, got.Number, want[0].Number)
		}
		want = append([]ledger.Change{c}, want...)
	}
	all := ledger.Review{From: Start, To: Start.Add(time.Hour), Limit: 10}
	for name, test := range map[string]struct {
		ask  func(*ledger.Review)
		want []ledger.Change
	}{
		"all":       {func(*ledger.Review) {}, want},
		"a page":    {func(r *ledger.Review) { r.Limit = 2 }, want[:2]},
		"the next":  {func(r *ledger.Review) { r.Limit, r.Below = 2, want[1].Number }, want[2:]},
		"a time":    {func(r *ledger.Review) { r.From, r.To = want[2].At, want[0].At }, want[1:3]},
		"an actor":  {func(r *ledger.Review) { r.Actor = "person-1" }, []ledger.Change{want[0], want[2]}},
		"an action": {func(r *ledger.Review) { r.Action = "outcome.set" }, want},
		"another":   {func(r *ledger.Review) { r.Action = "outcome" }, nil},
	} {
		r := all
		test.ask(&r)
		got, err := s.Audit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	all.Limit = 0
	if _, err := s.Audit(t.Context(), all); err == nil {
		t.Error("no limit: no error")
	}
}

// verdictsBeside: verdicts and records are written at once, and each verdict finds
// the one before it.
func verdictsBeside(t *testing.T, s ledger.Store) {
	const each = 15
	var all sync.WaitGroup
	for g := range 3 {
		all.Go(func() {
			for n := range each {
				v := ledger.Verdict{Subject: ledger.Subject{Call: ID(1)}, Reason: fmt.Sprint(g, n), At: Start, By: "x"}
				if _, err := s.Judge(t.Context(), v, ledger.Change{At: Start}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range each {
		write(t, s, ledger.Batch{Records: []policy.Record{Record(n)}})
	}
	all.Wait()
	changes, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(time.Hour), Limit: ledger.MaxPage})
	if err != nil || len(changes) != 3*each {
		t.Fatalf("%d changes, %v, want %d", len(changes), err, 3*each)
	}
	for i, c := range changes[:len(changes)-1] {
		if string(c.Before) != string(changes[i+1].After) {
			t.Errorf("change %d begins with %s after %s", c.Number, c.Before, changes[i+1].After)
		}
	}
	if changes[len(changes)-1].Before != nil {
		t.Errorf("the first begins with %s", changes[len(changes)-1].Before)
	}
}
