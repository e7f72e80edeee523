package price

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

// TestClashesAreToldInOrder: each row is told with the first that it clashes
// with, however they are found.
func TestClashesAreToldInOrder(t *testing.T) {
	rows := []Row{
		priced("a", "p", "m"), priced("b", "p", "n*"), priced("c", "p", "n*"), priced("d", "p", "M"), priced("e", "p", "*n"), priced("f", "q", "m"),
		priced("g", "p", "m"),
	}
	_, err := New(rows)
	want := "c b, d a, e b, g a"
	for range 20 { // names are kept in a map
		if got := clashesIn(err); got != want {
			t.Fatalf("New = %v: %s, want %s", err, got, want)
		}
		_, err = New(rows)
	}
	for range 2 * maxClashes {
		rows = append(rows, priced("row "+strconv.Itoa(len(rows)), "p", "m"))
	}
	if _, err = New(rows); strings.Count(clashesIn(err), ",") != maxClashes-1 {
		t.Errorf("New = %v, want %d clashes", err, maxClashes)
	}
}

// clashesIn lists the pairs that an error of New names.
func clashesIn(err error) string {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return ""
	}
	var pairs []string
	for _, e := range many.Unwrap() {
		var clash *ClashError
		if !errors.As(e, &clash) {
			return e.Error()
		}
		pairs = append(pairs, clash.ID+" "+clash.Other)
	}
	return strings.Join(pairs, ", ")
}
