package money

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseRate(t *testing.T) {
	for _, c := range []struct {
		text string
		want Rate
		err  string // part of the error; empty: none
	}{
		{"2.50", 2_500_000, ""},
		{"0", 0, ""},
		{"0.000001", 1, ""},
		{"1000000", MaxRate, ""},
		{"1000000.000001", 0, "above"},
		{"99999999999999999999", 0, "too large"},
		{"", 0, "no number"},
		{"-1", 0, "sign"},
		{"+1", 0, "sign"},
		{"1e3", 0, "exponent"},
		{"1E3", 0, "exponent"},
		{"0.0000001", 0, "decimals"},
		{".5", 0, "both sides"},
		{"5.", 0, "both sides"},
		{"1.2.3", 0, "digits"},
		{"$5", 0, "digits"},
		{" 5", 0, "digits"},
		{"1,5", 0, "digits"},
		{"٣", 0, "digits"},
		{strings.Repeat("1", 100), 0, "too long"},
	} {
		got, err := ParseRate(c.text)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("ParseRate(%q) = %d, %v, want %d, %q", c.text, got, err, c.want, c.err)
		}
	}
}

func TestRatePrints(t *testing.T) {
	for rate, want := range map[Rate]string{
		0: "0", 1: "0.000001", 2_500_000: "2.5", 15_000_000: "15", 75_000: "0.075", -1_500_000: "-1.5", MaxRate: "1000000",
		-1 << 63: "-9223372036854.775808",
	} {
		if got := rate.String(); got != want {
			t.Errorf("Rate(%d).String() = %q, want %q", int64(rate), got, want)
		}
	}
}

func TestParseAmount(t *testing.T) {
	for _, c := range []struct {
		text string
		want Amount
		err  string
	}{
		{"0", Amount{}, ""},
		{"-0", Amount{}, ""},
		{"1", Amount{Micro: 1e6}, ""},
		{"0.000000000001", Amount{Pico: 1}, ""},
		{"-0.000000000001", Amount{Micro: -1, Pico: 999_999}, ""},
		{"9223372036854.775807", Most(), ""},
		{"-9223372036854.775807", Most().Neg(), ""},
		{"9223372036854.775807000001", Amount{}, "beyond"},
		{"9223372036854.775808", Amount{}, "beyond"},
		{"9223372036855", Amount{}, "beyond"},
		{"0.0000000000001", Amount{}, "decimals"},
		{"--1", Amount{}, "sign"},
		{"+1", Amount{}, "sign"},
		{"1e-3", Amount{}, "exponent"},
		{"-", Amount{}, "no number"},
		{"NaN", Amount{}, "digits"},
	} {
		got, err := ParseAmount(c.text)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("ParseAmount(%q) = %v, %v, want %v, %q", c.text, got, err, c.want, c.err)
		}
	}
}

func TestAmountRoundTrips(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		a := anyAmount(r)
		text := a.String()
		if back, err := ParseAmount(text); err != nil || back != a {
			t.Fatalf("ParseAmount(%q) = %v, %v", text, back, err)
		}
		exact, ok := new(big.Rat).SetString(text)
		if want := new(big.Rat).SetFrac(pico(a), big.NewInt(1e12)); !ok || exact.Cmp(want) != 0 {
			t.Fatalf("%d micro %d pico prints %q", a.Micro, a.Pico, text)
		}
		if strings.Contains(text, ".") && strings.HasSuffix(text, "0") {
			t.Fatalf("%q has trailing zeros", text)
		}
	}
}

func TestJSON(t *testing.T) {
	type line struct {
		Cost Amount            `json:"cost"`
		Rate Rate              `json:"rate"`
		By   map[string]Amount `json:"by"`
	}
	in := line{Cost: Amount{Micro: -1, Pico: 1}, Rate: 75_000, By: map[string]Amount{"a": {Micro: 1e6}}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"cost":"-0.000000999999","rate":"0.075","by":{"a":"1"}}`; string(text) != want {
		t.Errorf("Marshal = %s, want %s", text, want)
	}
	var out line
	if err := json.Unmarshal(text, &out); err != nil || out.Cost != in.Cost || out.Rate != in.Rate || out.By["a"] != in.By["a"] {
		t.Errorf("Unmarshal = %+v, %v", out, err)
	}
	for _, bad := range []string{`{"cost":1}`, `{"cost":null}`, `{"cost":"1e3"}`, `{"rate":"-1"}`, `{"rate":2.5}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("Unmarshal(%s) gave no error", bad)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"2.50", "0.000001", "1000000", "-1", "1e3", ".", "00.10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if got := new(big.Rat).SetFrac64(int64(r), microPerUSD); !ok || got.Cmp(want) != 0 || r < 0 || r > MaxRate {
			t.Fatalf("ParseRate(%q) = %d", s, r)
		}
		if back, err := ParseRate(r.String()); err != nil || back != r {
			t.Fatalf("ParseRate(%q) = %d, %v, want %d", r.String(), back, err, r)
		}
	})
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"0", "-12.000000000001", "9223372036854.775807", "-", "1e3", "0.1234567890123"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAmount(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if got := new(big.Rat).SetFrac(pico(a), big.NewInt(1e12)); !ok || got.Cmp(want) != 0 {
			t.Fatalf("ParseAmount(%q) = %v", s, a)
		}
		if back, err := ParseAmount(a.String()); err != nil || back != a {
			t.Fatalf("ParseAmount(%q) = %v, %v, want %v", a.String(), back, err, a)
		}
	})
}
