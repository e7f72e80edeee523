package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy/board"
	"github.com/farebox/farebox/policy/ledger"
)

func seats(id string) ledger.Charge {
	return ledger.Charge{ID: id, Amount: 9e9, For: map[string]string{"team": "support"}, Provider: "azure", At: noon.AddDate(0, 0, -1), Description: "seats", By: "ann", Booked: noon}
}

// books books at one replica, as its own ledger does.
func (r *replica) books(c ledger.Charge) (ledger.Charge, bool, error) {
	return r.Relay.Book(r.testing.Context(), c, ledger.Change{At: noon, Actor: "ann", Action: "charge.book"}, r.own.Book)
}

func (r *replica) has(want ...string) {
	r.testing.Helper()
	all, err := r.own.Charges(r.testing.Context(), ledger.ChargeSearch{To: noon.AddDate(1, 0, 0), Limit: 9})
	if err != nil {
		r.testing.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, c.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.testing.Errorf("the ledger of %s (-want +got):\n%s", r.o.Name, diff)
	}
}

// namesReplica wants an error that says which replica has an id.
func namesReplica(t *testing.T, what string, err error, name string, booked bool) {
	t.Helper()
	var other *ledger.Elsewhere
	if !errors.As(err, &other) || other.Replica != name || (other.Booked != nil) != booked {
		t.Errorf("%s: %v", what, err)
	}
}

func TestAChargeToldToTwoReplicasIsBookedOnce(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	first, fresh, err := a.books(seats("1"))
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	again := seats("1")
	again.By, again.Booked = "bob", noon.AddDate(0, 0, 1)
	for _, r := range []*replica{b, a} {
		got, fresh, err := r.books(again)
		if diff := cmp.Diff(first, got); fresh || err != nil || diff != "" {
			t.Errorf("told to %s again: %v, %v (-want +got):\n%s", r.o.Name, fresh, err, diff)
		}
	}
	other := seats("1")
	other.Amount++
	_, _, err = b.books(other)
	namesReplica(t, "another charge of the id", err, "a", true)
	if _, _, err = a.books(other); !errors.Is(err, ledger.ErrOtherCharge) {
		t.Errorf("another charge of the id, told to who has it: %v", err)
	}
	_, _, err = b.Relay.Charge(t.Context(), "1")
	namesReplica(t, "the charge to reverse", err, "a", true)
	if _, there, err := b.Relay.Charge(t.Context(), "none"); there || err != nil {
		t.Errorf("a charge that nobody has: %v, %v", there, err)
	}
	if got, there, err := a.Relay.Charge(t.Context(), "1"); !there || err != nil || !cmp.Equal(first, got) {
		t.Errorf("%+v, %v, %v", got, there, err)
	}
	a.has("1")
	b.has()
}

func TestOfAChargeToldToTwoAtOnceOneBooksIt(t *testing.T) {
	w := newWall()
	both := []*replica{w.replica(t, "a"), w.replica(t, "b")}
	var fresh atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			_, is, err := both[i%2].books(seats(fmt.Sprint(i / 8)))
			var other *ledger.Elsewhere
			if err != nil && !errors.As(err, &other) {
				t.Error(err)
			}
			if is {
				fresh.Add(1)
			}
		})
	}
	all.Wait()
	rows := 0
	for _, r := range both {
		found, err := r.own.Charges(t.Context(), ledger.ChargeSearch{To: noon.AddDate(1, 0, 0), Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		rows += len(found)
	}
	if fresh.Load() != 5 || rows != 5 {
		t.Errorf("5 charges were booked %d times, and are %d rows", fresh.Load(), rows)
	}
}

// Who was killed after it had claimed an id books it when it is told again, also
// under another name of its host, and nobody else does.
func TestAClaimWithoutAChargeIsOfItsLedgerAlone(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	if _, err := a.claim(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.books(seats("1"))
	namesReplica(t, "before it is booked", err, "a", false)
	_, _, err = b.Relay.Charge(t.Context(), "1")
	namesReplica(t, "the charge to reverse", err, "a", false)
	a = w.over(t, a.own, "moved")
	a.o.Part = "a"
	if _, fresh, err := a.books(seats("1")); !fresh || err != nil {
		t.Errorf("told again: %v, %v", fresh, err)
	}
	if got, fresh, err := b.books(seats("1")); fresh || err != nil || got.Number != 1 {
		t.Errorf("then told to the other: %+v, %v, %v", got, fresh, err)
	}
	b.has()
}

// What is refused is nobody's: it may be told to any replica when it can be booked.
func TestWhatIsNotBookedGivesUpItsId(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	for _, why := range []error{ledger.ErrNotYet, ledger.ErrUncounted, context.Canceled} {
		_, _, err := a.Relay.Book(t.Context(), seats("1"), ledger.Change{}, func(context.Context, ledger.Charge, ledger.Change) (c ledger.Charge, fresh bool, err error) {
			return c, false, why
		})
		if !errors.Is(err, why) {
			t.Errorf("%v, want %v", err, why)
		}
		w.by("") // a second later
	}
	if _, fresh, err := b.books(seats("1")); !fresh || err != nil {
		t.Errorf("told to another: %v, %v", fresh, err)
	}
}

func TestNothingNewIsBookedWhileTheBoardIsAway(t *testing.T) {
	w := newWall()
	a, b := w.replica(t, "a"), w.replica(t, "b")
	if _, _, err := a.books(seats("1")); err != nil {
		t.Fatal(err)
	}
	w.away.Store(true)
	if _, fresh, err := a.books(seats("1")); fresh || err != nil {
		t.Errorf("what is booked: %v, %v", fresh, err)
	}
	for _, r := range []*replica{a, b} {
		if _, _, err := r.books(seats("2")); !errors.Is(err, ledger.ErrUncounted) || !errors.Is(err, errAway) {
			t.Errorf("booked at %s: %v", r.o.Name, err)
		}
	}
	if _, _, err := b.Relay.Charge(t.Context(), "1"); !errors.Is(err, ledger.ErrUncounted) {
		t.Errorf("asked for: %v", err)
	}
	w.away.Store(false)
	w.Lose()
	if _, _, err := a.books(seats("1")); err != nil { // which claims it anew
		t.Fatal(err)
	}
	if _, fresh, err := b.books(seats("1")); fresh || err != nil {
		t.Errorf("after a loss: %v, %v", fresh, err)
	}
	a.has("1")
	b.has()
}

func TestAClaimThatCannotBeReadIsNobodys(t *testing.T) {
	w := newWall()
	a := w.replica(t, "a")
	for _, text := range []string{"{", "{}"} {
		if err := w.Post(t.Context(), charges("1"), board.Note{Name: "1", Text: []byte(text), Keep: board.MaxKeep}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.books(seats("1")); !errors.Is(err, ledger.ErrUncounted) {
			t.Errorf("%s: %v", text, err)
		}
	}
	a.has()
}
