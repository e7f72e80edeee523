package redisstore

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/budgettest"
)

// An account that was lost under its holds is none the worse when they end.
func TestAccountLostUnderItsHolds(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	a := budget.Account{Rule: "r", Unit: budget.Charged, Limit: 100}
	reserveOne(t, s, 1, 60, a)
	at.command("DEL", s.account(&a))
	if _, found, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{7}, nil); err != nil || !found {
		t.Fatal(found, err)
	}
	if got := state(t, s, a); got.Spent != 7 || got.Held != 0 {
		t.Errorf("%+v, want 7 spent", got)
	}
}

// A moving window takes no more room the more is spent in it, and a rate no more
// debt than an account can have.
func TestAccountsAreBounded(t *testing.T) {
	at := startServer(t)
	h := harness(t, at.address)
	s := h.Store.(*Store)
	moving := budget.Account{Rule: "roll", Unit: budget.Charged, Limit: 1e9, Rolling: 60 * time.Minute}
	for range 200 {
		for range 3 {
			if _, err := s.Spend(t.Context(), budgettest.Spending(s.Now(), budget.Amounts{1}, moving), nil); err != nil {
				t.Fatal(err)
			}
		}
		h.Advance(time.Minute)
	}
	if got, _ := strconv.Atoi(at.command("STRLEN", s.account(&moving))[1:]); got > 8+16*(partsOf+1) || got < 16*partsOf {
		t.Errorf("a moving window takes %d bytes", got)
	}
	rate := budget.Account{Rule: "rate", Unit: budget.Charged, Limit: math.MaxInt64, Rate: time.Hour, Soft: true}
	for range 3 {
		if _, err := s.Spend(t.Context(), budgettest.Spending(s.Now(), budget.Amounts{math.MaxInt64}, rate), nil); err != nil {
			t.Fatal(err)
		}
	}
	h.Advance(59 * time.Minute)
	if got := state(t, s, rate); got.Spent > math.MaxInt64/60 || got.Spent < math.MaxInt64/60-math.MaxInt64/600 {
		t.Errorf("after 59 of 60 minutes: %d of %d", got.Spent, rate.Limit)
	}
}

// A clock that is set back, as when another server takes over, refills no rate twice.
func TestClockSetBack(t *testing.T) {
	h := harness(t, startServer(t).address)
	s := h.Store.(*Store)
	a := budget.Account{Rule: "rate", Unit: budget.Charged, Limit: 100, Rate: 100 * time.Hour}
	moving := budget.Account{Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: 60 * time.Hour}
	reserveOne(t, s, 1, 90, a, moving)
	for _, hours := range []time.Duration{10, -10, 5, -5, 10} {
		h.Advance(hours * time.Hour)
		reserveOne(t, s, 100+int(hours), 1, a) // writes the account
		if err := s.Release(t.Context(), budgettest.ID(100+int(hours)), 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := state(t, s, a); got.Spent < 80 || got.Spent > 82 {
		t.Errorf("after ten hours %d are spent, want 80", got.Spent)
	}
	if _, _, err := s.Settle(t.Context(), budgettest.ID(1), 0, budget.Amounts{90}, nil); err != nil {
		t.Fatal(err)
	}
	h.Advance(-20 * time.Hour)
	if got := state(t, s, moving); got.Spent != 90 {
		t.Errorf("before it was spent: %+v", got)
	}
}

// What counts no more is forgotten by itself, and what may count is not.
func TestAccountsExpire(t *testing.T) {
	at := startServer(t)
	s := ready(t, Options{Addresses: []string{at.address}, Org: newOrg()})
	start := time.Now().UTC().Truncate(time.Second)
	accounts := map[string]budget.Account{
		"never":   {Rule: "total", Unit: budget.Charged, Limit: 100},
		"window":  {Rule: "day", Unit: budget.Charged, Limit: 100, Start: start, End: start.Add(24 * time.Hour)},
		"past":    {Rule: "past", Unit: budget.Charged, Limit: 100, Start: start.AddDate(0, -3, 0), End: start.AddDate(0, -2, 0)},
		"moving":  {Rule: "roll", Unit: budget.Charged, Limit: 100, Rolling: time.Hour},
		"rate":    {Rule: "rate", Unit: budget.Charged, Limit: 100, Rate: time.Hour},
		"calls":   {Rule: "cap", Unit: budget.Concurrency, Limit: 100},
		"of soft": {Rule: "soft", Unit: budget.Charged, Limit: 1, Soft: true, Rate: time.Hour},
	}
	days := func(n int) int64 { return int64(n) * 24 * 3600 }
	bounds := map[string][4]int64{ // seconds while held, and after; -1: never; -2: gone
		"never": {-1, -1, -1, -1}, "window": {days(41) - 60, days(41), days(41) - 60, days(41)}, "past": {-2, -2, -2, -2}, "moving": {-1, -1, 3600, 3800},
		"rate": {1800, 2000, 400, 500}, "calls": {-1, -1, -2, -2}, "of soft": {days(1), days(3), 3600*10 - 60, 3600*10 + 120},
	}
	ttl := func(a budget.Account) int64 {
		n, _ := strconv.ParseInt(at.command("TTL", s.account(&a))[1:], 10, 64)
		return n
	}
	n := 0
	for name, a := range accounts {
		n++
		reserveOne(t, s, n, 50, a)
		if got, want := ttl(a), bounds[name]; got < want[0] || got > want[1] {
			t.Errorf("%s: held, it is forgotten in %d seconds, want %d to %d", name, got, want[0], want[1])
		}
		if _, found, err := s.Settle(t.Context(), budgettest.ID(n), 0, budget.Amounts{10}, nil); err != nil || !found {
			t.Error(found, err)
		}
		if got, want := ttl(a), bounds[name]; got < want[2] || got > want[3] {
			t.Errorf("%s: spent, it is forgotten in %d seconds, want %d to %d", name, got, want[2], want[3])
		}
	}
}

// Lines and counts that are cut are errors, whatever they were.
func TestUnpackingRefusesWhatIsCut(t *testing.T) {
	a := budget.Account{Rule: "rule", Of: "team/\x00x", Unit: budget.Tokens, Limit: -5, Soft: true, Start: time.Unix(5, 6).UTC(), Rolling: time.Hour}
	line := packLine(&a)
	if got, err := unpackLine(a.Key(), line); err != nil || got != a {
		t.Errorf("%+v, %v, want %+v", got, err, a)
	}
	for cut := range len(line) {
		if _, err := unpackLine(a.Key(), line[:cut]); err == nil {
			t.Errorf("a line of %d bytes: no error", cut)
		}
	}
	for cut := 1; cut < len(a.Rule)+len(a.Of); cut++ {
		if _, err := unpackLine(a.Key()[:cut], line); err == nil {
			t.Errorf("a key of %d bytes: no error", cut)
		}
	}
	for _, a := range []budget.Account{{}, {Rate: 1}, {Rolling: 1}} {
		for size := 1; size < 40; size++ {
			_, err := unpackCount(&a, strings.Repeat("x", size), 0)
			if whole := map[byte]bool{sumKind: size == 16, rateKind: size == 26, movingKind: size%16 == 8}[kindOf(&a)]; whole == (err != nil) {
				t.Errorf("%d bytes of kind %d: %v", size, kindOf(&a), err)
			}
		}
	}
	if _, err := unpackInt("1234567"); err == nil {
		t.Error("seven bytes are no number")
	}
}
