package budgettest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

// withoutHold: what comes late, also below nothing, and beyond the limit.
func withoutHold(r room) {
	for _, a := range r.kinds(100) {
		r.spend(all(30), nil, a)
		r.has(a, 30*b2i(a.Unit != budget.Concurrency), 0)
		r.spend(all(-10), nil, a)
		r.has(a, 20*b2i(a.Unit != budget.Concurrency), 0)
		if a.Unit == budget.Concurrency {
			continue
		}
		if short := r.refused(1, 81, a); short.Left != 80 {
			r.Errorf("%s: %+v, want 80 left", a.Rule, short)
		}
		r.take(1, 80, a)
		r.settle(1, all(80))
		r.spend(all(50), nil, a)
		r.has(a, 150, 0)
		r.refused(1, 1, a)
		r.spend(all(-51), nil, a)
		r.has(a, 99, 0)
		r.take(1, 1, a)
		r.release(1)
	}
	below := r.day("below", 100)
	r.spend(all(-40), nil, below)
	r.want(below, -40, 0)
	r.take(2, 140, below)
	r.refused(3, 1, below)
	r.settle(2, all(140))
	r.want(below, 100, 0)
	both := []budget.Account{total("x", 10), total("y", 10), total("x", 10)}
	r.spend(all(3), nil, both...)
	r.want(both[0], 6, 0)
	r.want(both[1], 3, 0)
	r.spend(all(3), nil)
}

func b2i(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func loads(r room) {
	accounts := r.kinds(100)
	var states []budget.State
	for _, a := range accounts {
		if a.Unit != budget.Concurrency {
			states = append(states, budget.State{Account: a, Spent: 20}, budget.State{Account: a, Spent: 10, Held: 50})
		}
	}
	r.take(1, 5, accounts[0])
	r.load(states...)
	r.load(states...)
	r.load()
	r.has(accounts[0], 0, 5)
	for _, a := range accounts[1:] {
		r.has(a, 30*b2i(a.Unit != budget.Concurrency), 0)
	}
	r.take(2, 70, accounts...)
	r.settle(1, all(30))
	r.settle(2, all(1))
	r.load(states...)
	for _, a := range accounts {
		r.has(a, 31, 0)
	}
	long := make([]budget.State, 2500)
	for i := range long {
		long[i] = budget.State{Account: total(fmt.Sprint("long ", i%2000), 1e18), Spent: int64(i) - 5}
	}
	r.load(long...)
	for i, s := range r.states(total("long 0", 1), total("long 499", 1), total("long 500", 1), total("long 1999", 1)) {
		if want := []int64{1990, 494 + 2494, 495, 1994}[i]; s.Spent != want {
			r.Errorf("%s: loaded %d, want %d", s.Rule, s.Spent, want)
		}
	}
}

func thresholds(r room) {
	percents := []int{1, 50, 75, 90, 100, 150}
	for _, test := range []struct {
		name  string
		limit int64
		spent []int64
		want  [][]int
	}{
		{"one after the other", 100, []int64{0, 50, 24, 1, 15, 9, 1, 50, 1}, [][]int{nil, {1, 50}, nil, {75}, {90}, nil, {100}, {150}, nil}},
		{"several at once", 100, []int64{95, 100}, [][]int{{1, 50, 75, 90}, {100, 150}}},
		{"rounded up", 99, []int64{49, 1, 24, 1}, [][]int{{1}, {50}, nil, {75}}},
		{"of little", 1, []int64{1, 1}, [][]int{{1, 50, 75, 90, 100}, {150}}},
		{"a million dollars of half a billion", 5e17, []int64{5e15 - 1, 1, 5e17 - 5e15 - 1, 1}, [][]int{nil, {1}, {50, 75, 90}, {100}}},
		{"at the bound", math.MaxInt64, []int64{math.MaxInt64 - 1, 1}, [][]int{{1, 50, 75, 90}, {100, 150}}},
	} {
		settle := func(a budget.Account, n int64) []budget.Crossed {
			r.take(1, 1, a)
			return r.settle(1, all(n), percents...)
		}
		for how, spend := range map[string]func(a budget.Account, n int64) []budget.Crossed{
			"settled": settle, "settled in a moving window": settle,
			"charged": func(a budget.Account, n int64) []budget.Crossed { return r.spend(all(n), percents, a) },
		} {
			a := r.day(test.name+how, test.limit)
			if strings.Contains(how, "moving") {
				a.Start, a.End, a.Rolling = time.Time{}, time.Time{}, 6000*time.Hour
			}
			a.Soft = true
			sum := int64(0)
			for i, n := range test.spent {
				sum += n
				crossed := spend(a, n)
				r.wantPercents(crossed, a, test.want[i]...)
				for _, c := range crossed {
					if c.Spent != sum || !sameAccount(&c.Account, &a) {
						r.Errorf("%s, %s: %+v, want %d spent of %+v", test.name, how, c, sum, a)
					}
				}
			}
		}
	}
	r.crossedOfSeveral()
}

// sameAccount compares all there is of two accounts, whatever the place of their
// times.
func sameAccount(a, b *budget.Account) bool {
	x, y := *a, *b
	x.Start, x.End, y.Start, y.End = x.Start.UTC(), x.End.UTC(), y.Start.UTC(), y.End.UTC()
	return x == y
}

// crossedOfSeveral: each account has thresholds of its own limit; a rate, and
// calls under way, have none; without percents none are told.
func (r *room) crossedOfSeveral() {
	accounts := r.kinds(1000)
	accounts[0].Limit = 100
	r.take(2, 60, accounts...)
	crossed := r.settle(2, all(60), 5, 50)
	for i, a := range accounts {
		want := map[bool][]int{true: {5, 50}, false: {5}}[i == 0]
		if a.Rate > 0 || a.Unit == budget.Concurrency {
			want = nil
		}
		r.wantPercents(crossed, a, want...)
	}
	if crossed := r.spend(all(30), nil, accounts...); len(crossed) > 0 {
		r.Errorf("without percents: %v", crossed)
	}
	r.take(3, 1, accounts...)
	r.release(3)
}

// exact: no sum passes a float.
func exact(r room) {
	for i, spent := range []int64{1<<53 - 1, 1 << 53, 1<<53 + 1, 499_999_999_999_999_999, 1<<62 + 1, math.MaxInt64 - 5} {
		a := total(fmt.Sprint("exact ", i), spent+4)
		r.load(budget.State{Account: a, Spent: spent})
		r.take(1, 3, a)
		if short := r.refused(2, 2, a); short.Left != 1 {
			r.Errorf("of %d: %+v, want 1 left", a.Limit, short)
		}
		r.take(2, 1, a)
		r.want(a, spent, 4)
		r.settle(1, all(2))
		r.want(a, spent+2, 1)
		r.release(2)
		r.take(3, 2, a)
		r.settle(3, all(1))
		r.spend(all(-spent), nil, a)
		r.want(a, 3, 0)
	}
	few := total("few", 5e17) // half a billion dollars in holds of a million
	for n := range 500 {
		r.take(n, 1e15-1, few)
	}
	r.want(few, 0, 5e17-500)
	if short := r.refused(501, 501, few); short.Left != 500 {
		r.Errorf("%+v, want 500 left", short)
	}
	for n := range 500 {
		r.settle(n, all(1e15+1))
	}
	r.want(few, 5e17+500, 0)
	moving := budget.Account{Rule: "moving", Unit: budget.Charged, Limit: 5e17, Rolling: few.Rolling + 6e16}
	r.load(budget.State{Account: moving, Spent: 5e17 - 1})
	r.refused(600, 2, moving)
	r.take(600, 1, moving)
	r.settle(600, all(1))
	r.want(moving, 5e17, 0)
}

// bounded: what is beyond int64 stays at its bound, so that no limit opens again.
func bounded(r room) {
	huge := r.day("huge", math.MaxInt64)
	huge.Soft = true
	for range 3 {
		r.spend(all(math.MaxInt64), nil, huge)
		r.want(huge, math.MaxInt64, 0)
	}
	for n := range 3 {
		r.take(n, 1e15, huge)
	}
	for n := range 3 {
		r.settle(n, all(math.MaxInt64))
	}
	r.want(huge, math.MaxInt64, 0)
	huge.Soft = false
	r.refused(4, 1, huge)
	r.spend(all(math.MinInt64), nil, huge)
	r.want(huge, -1, 0)
	for range 3 {
		r.spend(all(math.MinInt64), nil, huge)
		r.want(huge, math.MinInt64, 0)
	}
	r.take(5, 1e15, huge)
	r.settle(5, all(1e15))
	r.want(huge, math.MinInt64+1e15, 0)
	moving := budget.Account{Rule: "moving", Unit: budget.Charged, Limit: math.MaxInt64, Rolling: 1e18}
	r.spend(all(math.MaxInt64), nil, moving, moving)
	r.want(moving, math.MaxInt64, 0)
	r.refused(6, 1, moving)
}

// plain is an account as sums.
type plain struct{ spent, held int64 }

// plainSums makes holds at random and holds the store to sums made beside it.
func plainSums(r room) {
	random := rand.New(rand.NewPCG(7, uint64(len(r.Name()))))
	accounts := make([]budget.Account, 12)
	for i := range accounts {
		accounts[i] = r.kinds(100)[i%5]
		accounts[i].Of, accounts[i].Soft = fmt.Sprint(i), i%6 == 5
		accounts[i].Limit = []int64{300, 3e9, 3e15}[i%3]
	}
	sums := make([]plain, len(accounts))
	open := map[int][]int{} // holds, and where in accounts theirs are
	most := map[int]int64{}
	peak := 0
	for n := range 1200 {
		peak = max(peak, len(open))
		if len(open) > 0 && random.IntN(5) < 2 {
			r.plainEnd(random, accounts, sums, open, most)
			continue
		}
		picks := random.Perm(len(accounts))[:1+random.IntN(5)]
		amount := random.Int64N([]int64{100, 1e9, 1e15}[random.IntN(3)])
		enough := true
		h := r.holdOf(n, amount)
		for _, i := range picks {
			h.Accounts = append(h.Accounts, accounts[i])
			left := accounts[i].Limit - sums[i].spent - sums[i].held
			enough = enough && (accounts[i].Soft || amount == 0 || left >= amount)
		}
		if short := r.reserve(h); short.OK() != enough {
			r.Fatalf("hold %d of %d: %+v, want taken: %v", n, amount, short, enough)
		}
		if enough {
			open[n], most[n] = picks, amount
			for _, i := range picks {
				sums[i].held += amount
			}
		}
	}
	for i, s := range r.states(accounts...) {
		if got := (plain{s.Spent, s.Held}); got != sums[i] {
			r.Errorf("account %d: %+v, want %+v", i, got, sums[i])
		}
	}
	if peak < 5 {
		r.Errorf("%d holds were open at once: too few to tell anything", peak)
	}
}

// plainEnd ends one of the open holds, or corrects an account.
func (r *room) plainEnd(random *rand.Rand, accounts []budget.Account, sums []plain, open map[int][]int, most map[int]int64) {
	n := -1
	for k := range open {
		if n < 0 || k < n {
			n = k
		}
	}
	spent := random.Int64N(most[n] + 2)
	switch random.IntN(8) {
	case 0:
		r.release(n)
		spent = 0
	case 1:
		i := random.IntN(len(accounts))
		r.spend(all(-sums[i].spent/3), nil, accounts[i])
		sums[i].spent += -sums[i].spent / 3
		return
	default:
		r.settle(n, all(spent))
	}
	for _, i := range open[n] {
		sums[i].held -= most[n]
		sums[i].spent += spent
	}
	delete(open, n)
	delete(most, n)
}
