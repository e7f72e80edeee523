package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/budget/lease"
)

var errPost = errors.New("nothing came back")

// post is what carries requests to a store and answers back: now and then it loses one
// or the other, or brings a request late, when who asked has long given up.
type post struct {
	lease.Shared

	mu     sync.Mutex // guards all below
	random *rand.Rand // nil: all arrives
	late   []func()
}

// carry does what was asked, now, later or not at all, and reports whether who asks
// hears of it.
func (p *post) carry(do func(context.Context)) (heard bool) {
	p.mu.Lock()
	n := 4
	if p.random != nil {
		n = p.random.IntN(12)
	}
	if n == 2 {
		p.late = append(p.late, func() { do(context.Background()) })
	}
	p.mu.Unlock()
	switch n {
	case 0, 2: // lost, or late
		return false
	case 1: // the answer is lost
		do(context.Background())
		return false
	}
	do(context.Background())
	return true
}

// deliver brings some of what is late, in any order.
func (p *post) deliver(random *rand.Rand, all bool) {
	for {
		p.mu.Lock()
		if len(p.late) == 0 || !all && random.IntN(3) > 0 {
			p.mu.Unlock()
			return
		}
		i := random.IntN(len(p.late))
		do := p.late[i]
		p.late = slices.Delete(p.late, i, i+1)
		p.mu.Unlock()
		do()
	}
}

// mend has all arrive from now on.
func (p *post) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.random = nil
}

// answer is what an operation said, or that nobody heard of it.
func answerOf[T any](p *post, ask func(context.Context) (T, error)) (said T, err error) {
	var none T
	if !p.carry(func(ctx context.Context) {
		at, failed := ask(ctx)
		said, err = at, failed
	}) {
		return none, errPost
	}
	return said, err
}

func (p *post) Reserve(_ context.Context, h budget.Hold) (budget.Short, error) {
	return answerOf(p, func(ctx context.Context) (budget.Short, error) { return p.Shared.Reserve(ctx, h) })
}

func (p *post) Extend(_ context.Context, id policy.CallID, n int, most budget.Amounts) (budget.Short, error) {
	return answerOf(p, func(ctx context.Context) (budget.Short, error) { return p.Shared.Extend(ctx, id, n, most) })
}

// ended is what is said of a hold that is ended.
type ended struct {
	crossed []budget.Crossed
	found   bool
}

func (p *post) Settle(_ context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) ([]budget.Crossed, bool, error) {
	said, err := answerOf(p, func(ctx context.Context) (s ended, err error) {
		s.crossed, s.found, err = p.Shared.Settle(ctx, id, n, spent, marks)
		return s, err
	})
	return said.crossed, said.found, err
}

func (p *post) Renew(_ context.Context, r budget.Renewal, marks []int) ([]budget.Crossed, bool, error) {
	said, err := answerOf(p, func(ctx context.Context) (s ended, err error) {
		s.crossed, s.found, err = p.Shared.Renew(ctx, r, marks)
		return s, err
	})
	return said.crossed, said.found, err
}

func (p *post) Release(_ context.Context, id policy.CallID, n int) error {
	_, err := answerOf(p, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.Shared.Release(ctx, id, n) })
	return err
}

func (p *post) End(_ context.Context, id policy.CallID, n int, spent budget.Amounts, marks []int) ([]budget.Crossed, bool, error) {
	said, err := answerOf(p, func(ctx context.Context) (s ended, err error) {
		s.crossed, s.found, err = p.Shared.End(ctx, id, n, spent, marks)
		return s, err
	})
	return said.crossed, said.found, err
}

func (p *post) Spend(_ context.Context, h budget.Hold, marks []int) ([]budget.Crossed, error) {
	return answerOf(p, func(ctx context.Context) ([]budget.Crossed, error) { return p.Shared.Spend(ctx, h, marks) })
}

// partPost carries to a store that replicas share as well.
type partPost struct {
	post
	parts budget.Shared
}

func (p *partPost) Missing(_ context.Context, marks []string) (missing []string, open bool, err error) {
	type answer struct {
		missing []string
		open    bool
	}
	said, err := answerOf(&p.post, func(ctx context.Context) (a answer, err error) {
		a.missing, a.open, err = p.parts.Missing(ctx, marks)
		return a, err
	})
	return said.missing, said.open, err
}

func (p *partPost) Add(ctx context.Context, marks []string, states []budget.State) error {
	return p.parts.Add(ctx, marks, states)
}

func (p *partPost) Hold(ctx context.Context, h budget.Hold) error { return p.parts.Hold(ctx, h) }

func (p *partPost) Open(ctx context.Context) (bool, error) { return p.parts.Open(ctx) }
