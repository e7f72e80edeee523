package cells

import (
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
	"github.com/tidwall/gjson"
)

func TestFirst(t *testing.T) {
	g := gjson.Parse(`{"a":null,"b":-1,"c":"7","d":2e12,"e":0,"f":{"g":12},"h":1.9}`)
	for _, c := range []struct {
		members []string
		want    Part
	}{
		{[]string{"a", "b", "c", "d", "x"}, Part{}},
		{[]string{"a", "e", "f.g"}, Part{Known: true}},
		{[]string{"f.g", "e"}, Part{Count: 12, Known: true}},
		{[]string{"h"}, Part{Count: 1, Known: true}},
	} {
		if got := First(g, c.members...); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.members, got, c.want)
		}
	}
}

// TestSplit: whatever the parts say, the classes sum to the total.
func TestSplit(t *testing.T) {
	for _, parts := range [][]int64{{}, {0}, {3, 4}, {10}, {11}, {6, 6, 6}} {
		var u tokenizer.Usage
		var list []Part
		for i, n := range parts {
			list = append(list, Part{Class: tokenizer.InputAudio + tokenizer.Class(i), Count: n, Known: true})
		}
		list = append(list, Part{Class: tokenizer.CacheRead, Count: 9})
		Split(&u, tokenizer.Reported, Part{Class: tokenizer.Input, Count: 10, Known: true}, list...)
		if in, out := u.Totals(); in != 10 || out != 0 {
			t.Errorf("%v: %d in, %d out", parts, in, out)
		}
		if _, known := u.Count(tokenizer.CacheRead); known {
			t.Errorf("%v: an unknown part became known", parts)
		}
	}
	var u tokenizer.Usage
	Split(&u, tokenizer.Reported, Part{Class: tokenizer.Input}, Part{Class: tokenizer.CacheRead, Count: 3, Known: true})
	if u.Known() {
		t.Error("parts of an unknown total became known")
	}
}

func TestSumAndSet(t *testing.T) {
	a, b := Part{Count: 3, Known: true}, Part{Count: 4}
	if got := Sum(a, b); got.Count != 3 || !got.Known {
		t.Errorf("%+v", got)
	}
	if Sum(b).Known || Sum().Known {
		t.Error("a sum of unknowns is known")
	}
	var u tokenizer.Usage
	Set(&u, tokenizer.Reported, a.As(tokenizer.Output), b.As(tokenizer.Input))
	if n, known := u.Count(tokenizer.Output); n != 3 || !known || u.KnownInput() {
		t.Errorf("%d, %v", n, known)
	}
}

func TestCost(t *testing.T) {
	for usage, want := range map[string]string{
		`{"cost":0.00123}`: "0.00123",
		`{"cost":1.4e-05}`: "1.4e-05",
		`{"cost":0}`:       "0",
		`{"cost":"0.1"}`:   "",
		`{"cost":null}`:    "",
		`{}`:               "",
		`{"cost":0.` + strings.Repeat("1", 40) + `}`:           "",
		`{"cost":{"request_cost":0.005,"total_cost":0.00502}}`: "0.00502",
		`{"cost":{"total_cost":0.5,"currency":"USD"}}`:         "0.5",
		`{"cost":{"total_cost":0.5,"currency":"EUR"}}`:         "",
		`{"cost":{"request_cost":0.005}}`:                      "",
		`{"cost_in_usd_ticks":37756000}`:                       "0.0037756",
		`{"cost_in_usd_ticks":200000000}`:                      "0.02",
		`{"cost_in_usd_ticks":1}`:                              "0.0000000001",
		`{"cost_in_usd_ticks":30000000000}`:                    "3",
		`{"cost_in_usd_ticks":0}`:                              "0",
		`{"cost_in_usd_ticks":-5}`:                             "",
		`{"cost":0.5,"cost_in_usd_ticks":1}`:                   "0.5",
	} {
		if got := Cost(gjson.Parse(usage)); got != want {
			t.Errorf("Cost(%s) = %q, want %q", usage, got, want)
		}
	}
}
