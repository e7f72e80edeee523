package budget

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// few is a store of few accounts for each rule and window.
func few(most int) *Memory {
	m := NewMemory(nil)
	m.most = most
	return m
}

func monthOf(of string) Account {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	return Account{Rule: "month", Of: of, Unit: Tokens, Limit: 100, Start: start, End: start.AddDate(0, 1, 0)}
}

// Values that come when a rule has its most accounts share one, with the limit of the
// rule; those that are there, and those that the rule names, have their own.
func TestValuesBeyondTheMostShareOneAccount(t *testing.T) {
	m := few(2)
	take := func(n int, a Account, most int64) Short {
		t.Helper()
		short, err := m.Reserve(t.Context(), holdOf(n, most, a))
		if err != nil {
			t.Fatal(err)
		}
		return short
	}
	named := monthOf("named")
	named.Named = true
	april := monthOf("e")
	april.Start, april.End = april.End, april.End.AddDate(0, 1, 0)
	for n, a := range []Account{monthOf("a"), monthOf("b"), named, april, monthOf("")} {
		if short := take(n, a, 60); !short.OK() {
			t.Fatalf("%q: %+v", a.Of, short)
		}
	}
	asked := holdOf(10, 60, monthOf("c"))
	if short, err := m.Reserve(t.Context(), asked); err != nil || !short.OK() || asked.Accounts[0].Of != "c" {
		t.Fatalf("the first beyond: %+v, %v, asked %+v", short, err, asked)
	}
	for n, of := range []string{"c", "d", Others} {
		if short := take(11+n, monthOf(of), 50); short.OK() || short.Left != 40 || !short.Shared {
			t.Errorf("%q: %+v, want 40 left of what they share", of, short)
		}
	}
	for n, a := range []Account{monthOf("a"), named} {
		if short := take(20+n, a, 50); short.OK() || short.Shared {
			t.Errorf("%q: %+v, want its own account", a.Of, short)
		}
		if short := take(30+n, a, 40); !short.OK() {
			t.Errorf("%q: %+v, want what is left", a.Of, short)
		}
	}
	var spent Amounts
	spent[Tokens] = 55
	crossed, found, err := m.Settle(t.Context(), asked.ID, 0, spent, []int{50})
	if err != nil || !found || len(crossed) != 1 || crossed[0].Of != Others {
		t.Errorf("settled: %+v, %v, %v", crossed, found, err)
	}
	spent[Tokens] = 10
	if crossed, err = m.Spend(t.Context(), spending(m.now(), spent, monthOf("f")), []int{65}); err != nil || len(crossed) != 1 || crossed[0].Of != Others || crossed[0].Spent != 65 {
		t.Errorf("spent: %+v, %v", crossed, err)
	}
	if states, err := m.States(t.Context(), []Account{monthOf("g"), monthOf("b")}); err != nil || states[0].Spent != 65 || states[1].Held != 60 {
		t.Errorf("states: %+v, %v", states, err)
	}
	if m.Shared() != 4 {
		t.Errorf("shared %d times", m.Shared())
	}
}

// What was refused, or given back, leaves no account behind.
func TestCallsThatSpentNothingLeaveNoAccount(t *testing.T) {
	m := NewMemory(nil)
	burst := Account{Rule: "burst", Of: "a", Unit: Requests, Limit: 10, Rate: time.Minute}
	rolling := Account{Rule: "day", Of: "a", Unit: Tokens, Limit: 1000, Rolling: 24 * time.Hour}
	for n := range 100 {
		of := strconv.Itoa(n)
		burst.Of, rolling.Of = of, of
		if short, err := m.Reserve(t.Context(), holdOf(n, 101, burst, rolling, monthOf(of))); err != nil || short.OK() {
			t.Fatalf("refused: %+v, %v", short, err)
		}
		if short, err := m.Reserve(t.Context(), holdOf(n, 100, rolling, monthOf(of), monthOf("all"), Account{Rule: "all", Unit: Concurrency, Limit: 100})); err != nil || !short.OK() {
			t.Fatalf("taken: %+v, %v", short, err)
		}
		if err := m.Release(t.Context(), callID(n), 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.accounts) != 0 || len(m.live) != 0 {
		t.Errorf("%d accounts, %d groups", len(m.accounts), len(m.live))
	}
	var spent Amounts
	spent[Tokens] = 1
	if _, err := m.Spend(t.Context(), spending(m.now(), spent, monthOf("a")), nil); err != nil {
		t.Fatal(err)
	}
	if short, _ := m.Reserve(t.Context(), holdOf(1, 100, monthOf("a"))); short.OK() || short.Left != 99 {
		t.Errorf("an account that has spent: %+v", short)
	}
	if left := left(t, m, monthOf("a")); left != 99 {
		t.Errorf("%d left after a refusal", left)
	}
}

// However calls come and end, no more accounts are there than may be, what they spent
// is what was spent, and room is made when windows are over.
func TestAccountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 7
		m, random := few(most), rand.New(rand.NewPCG(1, 2))
		end := time.Now().Add(time.Hour)
		account := func() Account {
			return Account{Rule: "hour", Of: strconv.Itoa(random.IntN(40)), Unit: Tokens, Limit: 1 << 40, Start: end.Add(-time.Hour), End: end}
		}
		var want int64
		var under []int
		for n := range 5000 {
			switch k := random.IntN(4); {
			case k < 2:
				if short, err := m.Reserve(t.Context(), holdOf(n, 10, account())); err != nil || !short.OK() {
					t.Fatalf("%+v, %v", short, err)
				}
				under = append(under, n)
			case len(under) > 0:
				i := random.IntN(len(under))
				spent := Amounts{Tokens: random.Int64N(20)}
				var err error
				if k == 2 {
					_, _, err = m.Settle(t.Context(), callID(under[i]), 0, spent, nil)
					want += spent[Tokens]
				} else {
					err = m.Release(t.Context(), callID(under[i]), 0)
				}
				if err != nil {
					t.Fatal(err)
				}
				under = append(under[:i], under[i+1:]...)
			}
			if len(m.accounts) > most+1 {
				t.Fatalf("%d accounts", len(m.accounts))
			}
		}
		var got, held int64
		for _, c := range m.accounts {
			got, held = got+c.spent, held+c.held
		}
		if got != want || held != 10*int64(len(under)) || m.Shared() == 0 {
			t.Errorf("spent %d, want %d; held %d by %d; shared %d times", got, want, held, len(under), m.Shared())
		}
		time.Sleep(2*time.Hour + 2)
		for range 2 {
			if _, err := m.Lapse(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(keepOver)
		}
		if len(m.accounts) != 0 || len(m.live) != 0 {
			t.Errorf("%d accounts and %d groups are left", len(m.accounts), len(m.live))
		}
	})
}
