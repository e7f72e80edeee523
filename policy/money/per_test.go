package money_test

import (
	"math"
	"testing"

	"github.com/farebox/farebox/policy/money"
)

func TestPerRoundsOnceHalfAway(t *testing.T) {
	tests := []struct {
		amount string
		n      int64
		want   string
	}{
		{"0", 3, "0"},
		{"1", 1, "1"},
		{"1", 3, "0.333333333"},
		{"2", 3, "0.666666667"},
		{"0.000000001", 2, "0.000000001"}, // a half
		{"0.000000000999", 2, "0"},
		{"0.000000003", 2, "0.000000002"},
		{"0.000000001499", 1, "0.000000001"},
		{"0.0000000015", 1, "0.000000002"},
		{"9223372036854.775807", 1_000_000, "9223372.036854776"},
		{"9223372036854.775807", 1, "9223372036.854775807"}, // stops
		{"9223372036854.775807", math.MaxInt64, "0.000001"},
		{"5", 0, "5"},
		{"5", -7, "5"},
	}
	for _, test := range tests {
		a, err := money.ParseAmount(test.amount)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Per(test.n).String(); got != test.want {
			t.Errorf("%s for %d: %s, want %s", test.amount, test.n, got, test.want)
		}
		if got, want := a.Neg().Per(test.n), -a.Per(test.n); got != want {
			t.Errorf("-%s for %d: %s, want %s", test.amount, test.n, got, want)
		}
	}
}
