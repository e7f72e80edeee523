package tokenizer_test

import (
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// A class is a token sent, a token generated, or another unit: never two, and
// its name leads back to it.
func TestClassesDivide(t *testing.T) {
	names := make(map[string]bool)
	tokens := 0
	for c := range tokenizer.Classes {
		if c.IsToken() != (c.IsInput() || c.IsOutput()) || c.IsInput() && c.IsOutput() {
			t.Errorf("%v: token %v, input %v, output %v", c, c.IsToken(), c.IsInput(), c.IsOutput())
		}
		if c.IsToken() {
			tokens++
		}
		back, ok := tokenizer.ParseClass(c.String())
		if !ok || back != c || names[c.String()] || c.String() == "" {
			t.Errorf("ParseClass(%q) = %v, %v", c.String(), back, ok)
		}
		names[c.String()] = true
	}
	if tokens != 20 || tokenizer.Classes > 64 {
		t.Errorf("%d token classes of %d, want 20 of at most 64", tokens, tokenizer.Classes)
	}
	if !tokenizer.Reasoning.IsOutput() || tokenizer.Requests.IsToken() || tokenizer.TrainedTokens.IsToken() {
		t.Error("reasoning is output; requests and tokens of a training are not tokens of a call")
	}
}

// Only tokens are totalled, and a unit alone does not make output known.
func TestTotalsAreOfTokens(t *testing.T) {
	var u tokenizer.Usage
	u.Set(tokenizer.HostingSeconds, 3600, tokenizer.Reported)
	u.Set(tokenizer.WebSearch, 7, tokenizer.Reported)
	if in, out := u.Totals(); in != 0 || out != 0 || u.KnownOutput() || u.KnownInput() || !u.Known() {
		t.Errorf("units alone: %d in, %d out, known output %v, input %v, any %v", in, out, u.KnownOutput(), u.KnownInput(), u.Known())
	}
	u.Set(tokenizer.CacheRead, 10, tokenizer.Reported)
	u.Set(tokenizer.Reasoning, 5, tokenizer.Reported)
	if in, out := u.Totals(); in != 10 || out != 5 || !u.KnownOutput() || !u.KnownInput() {
		t.Errorf("Totals() = %d, %d, want 10, 5", in, out)
	}
	var seen []tokenizer.Class
	for c, n := range u.All {
		if want, known := u.Count(c); n != want || !known {
			t.Errorf("All gave %v %d, Count %d, %v", c, n, want, known)
		}
		seen = append(seen, c)
	}
	if len(seen) != 4 || seen[3] != tokenizer.HostingSeconds {
		t.Errorf("All gave %v", seen)
	}
	if n := testing.AllocsPerRun(100, func() {
		var u tokenizer.Usage
		u.Set(tokenizer.HostingSeconds, 1, tokenizer.Reported)
		u.Totals()
	}); n != 0 {
		t.Errorf("a usage allocates %v times", n)
	}
}

// TestWaived: a part that is not billed is a part: no more than there is, of the
// classes that have one.
func TestWaived(t *testing.T) {
	var u tokenizer.Usage
	u.Set(tokenizer.Input, 507, tokenizer.Reported)
	u.Set(tokenizer.Output, 10, tokenizer.Reported)
	u.Waive(tokenizer.Input, 600)
	u.Waive(tokenizer.Input, 495)
	u.Waive(tokenizer.Output, 0)
	u.Waive(tokenizer.CacheRead, 7)
	if u.Waived(tokenizer.Input) != 495 || u.Waived(tokenizer.Output) != 0 || u.Waived(tokenizer.CacheRead) != 0 || u.Waived(tokenizer.Reasoning) != 0 {
		t.Errorf("%d, %d, %d", u.Waived(tokenizer.Input), u.Waived(tokenizer.Output), u.Waived(tokenizer.CacheRead))
	}
	u.Waive(tokenizer.Input, 600)
	if u.Waived(tokenizer.Input) != 507 {
		t.Errorf("%d of 507 are waived", u.Waived(tokenizer.Input))
	}
	if in, out := u.Totals(); in != 507 || out != 10 {
		t.Errorf("totals are %d and %d", in, out)
	}
}
