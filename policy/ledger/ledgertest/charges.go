package ledgertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/money"
)

// seats is a charge of a team that was booked at Start.
func seats(id, team string, nano int64) ledger.Charge {
	return ledger.Charge{
		ID: id, Amount: money.Nano(nano), For: map[string]string{"team": team, "cost.centre": `"7'`}, Provider: "azure", Model: "m",
		At: Start.AddDate(0, 0, -1), Description: "seats\x1b of November", By: "clerk", Booked: Start,
	}
}

func bookOf(c *ledger.Charge) ledger.Change {
	return ledger.Change{At: c.Booked, Actor: c.By, Role: "finance", Action: "charge.book", Reason: c.Description}
}

func book(t *testing.T, s ledger.Store, c ledger.Charge) ledger.Charge {
	t.Helper()
	got, fresh, err := s.Book(t.Context(), c, bookOf(&c))
	if err != nil || !fresh {
		t.Fatalf("book %+v: fresh %v, %v", c, fresh, err)
	}
	return got
}

func charges(t *testing.T, s ledger.Store) {
	c := seats("nov:7", "a", 120_000_000_001)
	local := c
	local.At, local.Booked = c.At.In(time.FixedZone("", 7200)).Add(999), c.Booked.Add(999)
	want := c
	want.Number = 1
	if d := cmp.Diff(want, book(t, s, local)); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	later := c
	later.By, later.Booked, later.At = "job", Start.Add(time.Hour), time.Time{}
	for _, again := range []ledger.Charge{c, local, later} {
		got, fresh, err := s.Book(t.Context(), again, bookOf(&again))
		if d := cmp.Diff(want, got); fresh || err != nil || d != "" {
			t.Errorf("booked again: fresh %v, %v (-want +got):\n%s", fresh, err, d)
		}
	}
	for what, change := range map[string]func(*ledger.Charge){
		"amount": func(c *ledger.Charge) { c.Amount++ }, "team": func(c *ledger.Charge) { c.For = map[string]string{"team": "b"} },
		"provider": func(c *ledger.Charge) { c.Provider = "" }, "model": func(c *ledger.Charge) { c.Model = "n" },
		"moment": func(c *ledger.Charge) { c.At = Start }, "description": func(c *ledger.Charge) { c.Description = "fee" },
	} {
		other := c
		change(&other)
		if got, fresh, err := s.Book(t.Context(), other, bookOf(&other)); fresh || !errors.Is(err, ledger.ErrOtherCharge) {
			t.Errorf("another %s under that id: %+v, fresh %v, %v", what, got, fresh, err)
		}
	}
	if got, found, err := s.Charge(t.Context(), c.ID); !found || err != nil || !cmp.Equal(got, want) {
		t.Errorf("found is %+v, %v, %v", got, found, err)
	}
	if _, found, err := s.Charge(t.Context(), "nov"); found || err != nil {
		t.Errorf("a charge of no id: %v, %v", found, err)
	}
	sometime := seats("now", "a", 1)
	sometime.At = time.Time{}
	if got := book(t, s, sometime); !got.At.Equal(Start) {
		t.Errorf("without a moment it counts at %v", got.At)
	}
	wrong := seats("w", "a", 0)
	if _, _, err := s.Book(t.Context(), wrong, bookOf(&wrong)); err == nil {
		t.Error("a charge of nothing: no error")
	}
	entries, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(time.Hour), Limit: 10})
	if err != nil || len(entries) != 2 {
		t.Fatalf("the audit has %d entries, %v", len(entries), err)
	}
	if e := entries[1]; e.Subject != "charge nov:7" || e.Before != nil || string(e.After) != string(want.Said()) || e.Actor != "clerk" {
		t.Errorf("%+v", e)
	}
}

func reversals(t *testing.T, s ledger.Store) {
	first, second := book(t, s, seats("1", "a", 7)), book(t, s, seats("2", "b", 8))
	back := ledger.Charge{ID: "1r", Of: "1", Description: "wrong team", By: "boss", Booked: Start.Add(time.Hour), Amount: 99, At: Start, Provider: "other"}
	got := book(t, s, back)
	want := first
	want.Number, want.ID, want.Of, want.Amount, want.Description, want.By, want.Booked = 3, "1r", "1", -7, "wrong team", "boss", back.Booked
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("reversed (-want +got):\n%s", d)
	}
	if again, fresh, err := s.Book(t.Context(), back, bookOf(&back)); fresh || err != nil || !cmp.Equal(again, want) {
		t.Errorf("reversed again under one id: %+v, fresh %v, %v", again, fresh, err)
	}
	for _, c := range []struct {
		id, of string
		want   error
	}{{"1rr", "1", ledger.ErrReversed}, {"1r2", "1r", ledger.ErrReversal}, {"9r", "9", ledger.ErrNoCharge}, {"2", "2", ledger.ErrOtherCharge}, {"1r", "2", ledger.ErrOtherCharge}} {
		next := back
		next.ID, next.Of = c.id, c.of
		if _, fresh, err := s.Book(t.Context(), next, bookOf(&next)); fresh || !errors.Is(err, c.want) {
			t.Errorf("%s reverses %s: fresh %v, %v, want %v", c.id, c.of, fresh, err, c.want)
		}
	}
	rows, err := s.Booked(t.Context(), ledger.Query{From: Start.AddDate(0, 0, -2), To: Start, By: []string{"team"}})
	if err != nil || len(rows) != 2 || rows[0].Charged != 0 || rows[1].Charged != int64(second.Amount) {
		t.Errorf("sums are %+v, %v", rows, err)
	}
	entries, err := s.Audit(t.Context(), ledger.Review{From: Start, To: Start.Add(2 * time.Hour), Limit: 10})
	if err != nil || len(entries) != 3 || string(entries[0].Before) != string(first.Said()) || string(entries[0].After) != string(want.Said()) {
		t.Errorf("the audit has %+v, %v", entries, err)
	}
}

func chargesListed(t *testing.T, s ledger.Store) {
	var all []ledger.Charge
	for i := range 5 {
		c := seats(fmt.Sprint("c", i+1), []string{"a", "b"}[i%2], int64(i+1))
		c.At = Start.Add(-time.Duration(i) * time.Hour)
		all = append(all, book(t, s, c))
	}
	for _, c := range []struct {
		ask  ledger.ChargeSearch
		want []int
	}{
		{ledger.ChargeSearch{Limit: 10}, []int{5, 4, 3, 2, 1}},
		{ledger.ChargeSearch{Limit: 2}, []int{5, 4}},
		{ledger.ChargeSearch{Limit: 2, Below: 4}, []int{3, 2}},
		{ledger.ChargeSearch{Limit: 9, Where: []ledger.Match{{Name: "team", Value: "a"}, {Name: "provider", Value: "azure"}, {Name: "model", Value: "m"}}}, []int{5, 3, 1}},
		{ledger.ChargeSearch{Limit: 9, Where: []ledger.Match{{Name: "cost.centre", Value: `"7'`}, {Name: "project", Value: ""}}, Below: 3}, []int{2, 1}},
		{ledger.ChargeSearch{Limit: 9, Where: []ledger.Match{{Name: "operation", Value: "chat"}}}, nil},
		{ledger.ChargeSearch{Limit: 9, From: Start.Add(-3 * time.Hour), To: Start}, []int{4, 3, 2}},
	} {
		if c.ask.To.IsZero() {
			c.ask.To = Start.Add(time.Hour)
		}
		var want []ledger.Charge
		for _, n := range c.want {
			want = append(want, all[n-1])
		}
		got, err := s.Charges(t.Context(), c.ask)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%+v: %v (-want +got):\n%s", c.ask, err, diff)
		}
	}
	for _, wrong := range []ledger.ChargeSearch{{}, {Limit: ledger.MaxPage + 1}, {Limit: 1, Where: []ledger.Match{{Name: `a"`}}}} {
		if _, err := s.Charges(t.Context(), wrong); err == nil {
			t.Errorf("%+v: no error", wrong)
		}
	}
}

// booked: windows count charges at their moments, to the nano-dollar, beyond what one
// of SQL's sums could hold.
func booked(t *testing.T, s ledger.Store) {
	plain := &Memory{}
	for i, c := range []ledger.Charge{seats("1", "a", 1), seats("2", "a", int64(ledger.MaxCharge)), seats("3", "b", 3), seats("4", "b", 4), seats("5", "b", 5)} {
		switch i {
		case 2:
			c.Model, c.At = "", Start.AddDate(0, 0, -2) // the first moment
		case 3:
			c.At = Start // which is after
		case 4:
			c.For = nil
		}
		book(t, s, c)
		book(t, plain, c)
	}
	for _, by := range [][]string{nil, {"team"}, {"team", "model_asked", "provider"}, {"operation"}} {
		q := ledger.Query{From: Start.AddDate(0, 0, -2), To: Start, By: by}
		got, err := s.Booked(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		want, err := plain.Booked(t.Context(), q)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("by %q: %v (-want +got):\n%s", by, err, d)
		}
		sum := int64(0)
		for _, row := range got {
			sum += row.Charged
			if row.Calls != 0 || row.Tokens != 0 || row.Contracted != row.Charged {
				t.Errorf("by %q: %+v", by, row)
			}
		}
		if sum != int64(ledger.MaxCharge)+1+3+5 {
			t.Errorf("by %q: the sum is %d", by, sum)
		}
	}
	if rows, err := s.Booked(t.Context(), ledger.Query{From: Start.Add(time.Hour), To: Start.Add(2 * time.Hour)}); err != nil || len(rows) != 0 {
		t.Errorf("nothing sums to %+v, %v", rows, err)
	}
	if _, err := s.Booked(t.Context(), ledger.Query{By: []string{strings.Repeat("a", 65)}}); err == nil {
		t.Error("a name that is none: no error")
	}
}
