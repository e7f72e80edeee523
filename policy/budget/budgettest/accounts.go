package budgettest

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/policy/budget"
)

func soft(r room) {
	accounts := r.kinds(100)
	for i := range accounts {
		accounts[i].Soft = true
	}
	r.take(1, 60, accounts...)
	r.take(2, 5000, accounts...)
	r.raise(1, all(7000))
	for _, a := range accounts {
		r.has(a, 0, 12_000)
	}
	r.settle(1, all(6000))
	r.settle(2, all(5000))
	for _, a := range accounts {
		r.has(a, 11_000, 0)
	}
	hard := total("hard", 10)
	if short := r.refused(3, 11, append(accounts, hard)...); short.At != len(accounts) {
		r.Errorf("%+v, want the hard account short", short)
	}
}

func underWay(r room) {
	a := budget.Account{Rule: "cap", Of: "team", Unit: budget.Concurrency, Limit: 3}
	for round := range 3 {
		for n := range 3 {
			r.take(10*round+n, 1, a)
		}
		r.refused(9, 1, a)
		r.settle(10*round, all(1))
		r.settle(10*round+1, all(1_000_000), 1, 100)
		r.release(10*round + 2)
		r.want(a, 0, 0)
	}
	r.load(budget.State{Account: a, Spent: 3})
	r.spend(all(3), []int{1}, a)
	r.want(a, 0, 0)
}

func twice(r room) {
	for i, a := range r.kinds(100) {
		n := 10 * (i + 1)
		other := total(fmt.Sprint("other ", i), 1000)
		if short := r.refused(n, 51, a, other, a); short.At != 2 || short.Left != 49 && short.Left != 100 {
			r.Errorf("%s: %+v, want the second short", a.Rule, short)
		}
		r.want(a, 0, 0)
		r.want(other, 0, 0)
		r.take(n, 40, a, other, a)
		r.has(a, 0, 80)
		if short := r.extend(n, all(51)); short.At != 2 {
			r.Errorf("%s: %+v, want the second short", a.Rule, short)
		}
		r.has(a, 0, 80)
		r.raise(n, all(50))
		r.has(a, 0, 100)
		r.settle(n, all(7))
		r.has(a, 14, 0)
		r.has(other, 7, 0)
	}
}

func many(r room) {
	accounts := make([]budget.Account, 64)
	for i := range accounts {
		accounts[i] = r.kinds(100)[i%7]
		accounts[i].Of = strings.Repeat("o", i)
	}
	r.take(1, 50, accounts...)
	r.take(9, 10, accounts[63])
	if short := r.refused(2, 50, accounts...); short.At != 63 || short.Left != 40 {
		r.Errorf("%+v, want the last short", short)
	}
	r.release(9)
	r.take(2, 50, accounts...)
	r.settle(1, all(20))
	for _, a := range accounts {
		r.has(a, 20, 50)
	}
	r.settle(2, all(20))
	for _, a := range accounts {
		r.has(a, 40, 0)
	}
}

func changedLimits(r room) {
	a := total("r", 100)
	r.take(1, 90, a)
	r.settle(1, all(90))
	a.Limit = 95
	if short := r.refused(2, 6, a); short.Left != 5 {
		r.Errorf("after the limit was lowered: %+v", short)
	}
	a.Limit = 80
	if short := r.refused(2, 6, a); short.Left != 0 {
		r.Errorf("below what was spent: %+v", short)
	}
	a.Limit = 200
	r.take(2, 110, a)
	r.want(a, 90, 110)
}

func oddNames(r room) {
	names := []string{"", "{}", "{a}b", "a b\r\n", "*", "ключ", "\xff\xfe", "x\x00usd", "x", strings.Repeat("long/", 800), "%2F"}
	for i, of := range names {
		r.take(i, int64(i+1), budget.Account{Rule: "r", Of: of, Unit: budget.Charged, Limit: 100})
	}
	for i, of := range names {
		r.want(budget.Account{Rule: "r", Of: of, Unit: budget.Charged, Limit: 100}, 0, int64(i+1))
		crossed := r.settle(i, all(50+int64(i)), 50, 90)
		if len(crossed) != 1 || crossed[0].Of != of || crossed[0].Rule != "r" || crossed[0].Spent != 50+int64(i) {
			r.Errorf("of %.20q: crossed %.100v", of, crossed)
		}
	}
	for i, of := range names {
		r.want(budget.Account{Rule: "r", Of: of, Unit: budget.Charged, Limit: 100}, 50+int64(i), 0)
	}
}

func inOrder(r room) {
	if states := r.states(); len(states) != 0 {
		r.Errorf("of no accounts: %v", states)
	}
	accounts := make([]budget.Account, 3000)
	for i := range accounts {
		accounts[i] = total(fmt.Sprint(i%2500), int64(i+1))
	}
	for i := range 10 {
		r.take(i, 1, accounts[200*i])
	}
	for i, s := range r.states(accounts...) {
		want := budget.State{Account: accounts[i]}
		if i%2500%200 == 0 && i%2500 < 2000 {
			want.Held = 1
		}
		if s != want {
			r.Fatalf("state %d: %+v, want %+v", i, s, want)
		}
	}
}
