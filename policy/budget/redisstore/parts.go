package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/budget"
)

var _ budget.Noter = (*Store)(nil)

// othersHave is how long nothing is taken of a store that is new, or has lost all,
// once the first part was added: so that all who run add theirs.
const othersHave = 2 * time.Second

// Missing implements budget.Shared.
func (s *Store) Missing(ctx context.Context, marks []string) (missing []string, open bool, err error) {
	answer, err := s.run(ctx, s.do.missing, []string{s.made, s.marks}, marks)
	if err != nil {
		return nil, false, fmt.Errorf("ask which budgets were added: %w", err)
	}
	made, err := answer[1].AsInt64()
	if err != nil {
		return nil, false, err
	}
	for i := range answer[2:] {
		at, err := answer[2+i].AsInt64()
		if err != nil || at < 0 || int(at) >= len(marks) {
			return nil, false, errors.Join(err, fmt.Errorf("ask which budgets were added: there is no mark %d", at))
		}
		missing = append(missing, marks[at])
	}
	return missing, made == 1, nil
}

// Add implements budget.Shared. Up to 5000 states are added by one script.
func (s *Store) Add(ctx context.Context, marks []string, all []budget.State) error {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b budget.State) int { return strings.Compare(a.Key(), b.Key()) })
	for len(all) > 0 {
		n := min(len(all), addAtOnce)
		for n < len(all) && all[n].Key() == all[n-1].Key() {
			n++
		}
		keys, args := append(make([]string, 0, 1+n), s.adding), make([]string, 0, 3*n+2)
		for i := range all[:n] {
			keys = append(keys, s.account(&all[i].Account))
			args = append(args, packState(&all[i])...)
		}
		args = append(args, bounding(s.most, n, func(i int) *budget.Account { return &all[i].Account })...)
		if _, err := s.run(ctx, s.do.add, keys, args); err != nil {
			return fmt.Errorf("add what accounts have spent: %w", err)
		}
		all = all[n:]
	}
	args := append([]string{strconv.FormatInt(othersHave.Microseconds(), 10)}, marks...)
	if _, err := s.run(ctx, s.do.added, []string{s.adding, s.marks, s.opens}, args); err != nil {
		return fmt.Errorf("say that accounts were added: %w", err)
	}
	return nil
}

const addAtOnce = 5000

// packState is how a state is given to a script.
func packState(state *budget.State) []string {
	at := int64(0)
	if !state.At.IsZero() {
		at = state.At.UnixMicro()
	}
	return []string{packLine(&state.Account), packInt(state.Spent), strconv.FormatInt(at, 10)}
}

// Hold implements budget.Shared.
func (s *Store) Hold(ctx context.Context, h budget.Hold) error {
	short, err := s.reserve(ctx, s.opens, h)
	if err == nil && !short.OK() {
		err = fmt.Errorf("account %q is short", h.Accounts[short.At].Rule)
	}
	if err != nil {
		return fmt.Errorf("hold again: %w", err)
	}
	return nil
}

// Open implements budget.Shared.
func (s *Store) Open(ctx context.Context) (bool, error) {
	answer, err := s.run(ctx, s.do.open, []string{s.made, s.opens}, nil)
	if err != nil {
		return false, fmt.Errorf("open budgets: %w", err)
	}
	n, err := answer[1].AsInt64()
	return n == 1, err
}

// Noted implements budget.Noter.
func (s *Store) Noted(ctx context.Context) (map[string]string, error) {
	answer, err := s.run(ctx, s.do.noted, []string{s.marks, s.notes}, nil)
	if err != nil {
		return nil, fmt.Errorf("ask what was noted of budgets: %w", err)
	}
	noted := map[string]string{}
	for pair := range slices.Chunk(answer[1:], 2) {
		mark, err1 := pair[0].ToString()
		text, err2 := pair[1].ToString()
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("ask what was noted of budgets: %w", err)
		}
		noted[mark] = text
	}
	return noted, nil
}

// Note implements budget.Noter.
func (s *Store) Note(ctx context.Context, texts map[string]string) error {
	if len(texts) == 0 {
		return nil
	}
	args := make([]string, 0, 2*len(texts))
	for mark, text := range texts {
		args = append(args, mark, text)
	}
	if _, err := s.run(ctx, s.do.note, []string{s.marks, s.notes}, args); err != nil {
		return fmt.Errorf("note budgets: %w", err)
	}
	return nil
}

// Forget implements budget.Noter.
func (s *Store) Forget(ctx context.Context, marks []string) error {
	if len(marks) == 0 {
		return nil
	}
	if _, err := s.run(ctx, s.do.forget, []string{s.marks, s.notes}, marks); err != nil {
		return fmt.Errorf("forget budgets: %w", err)
	}
	return nil
}
