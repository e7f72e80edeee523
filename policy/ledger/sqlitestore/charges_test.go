package sqlitestore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// Groups of charges are bounded, and what was frozen sees none that come later.
func TestBookedIsBoundedAndFrozen(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	book := func(n int) {
		c := ledger.Charge{ID: fmt.Sprint(n), Amount: 1, For: map[string]string{"team": fmt.Sprint(n)}, Description: "seat", Booked: ledgertest.Start}
		if _, _, err := s.Book(t.Context(), c, ledger.Change{At: c.Booked}); err != nil {
			t.Fatal(err)
		}
	}
	q := ledger.Query{From: ledgertest.Start, To: ledgertest.Start.Add(time.Hour), By: []string{"team"}}
	book(1)
	book(2)
	asOf, end, err := s.Freeze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	book(3)
	for of, want := range map[ledger.Spending]int{s: 3, asOf: 2} {
		if rows, err := of.Booked(t.Context(), q); err != nil || len(rows) != want {
			t.Errorf("%T has %+v, %v", of, rows, err)
		}
	}
	for most, want := range map[int]error{3: nil, 2: ledger.ErrTooManyRows} {
		s.SetMaxRows(most)
		if rows, err := s.Booked(t.Context(), q); !errors.Is(err, want) {
			t.Errorf("three groups of %d: %+v, %v", most, rows, err)
		}
	}
}
