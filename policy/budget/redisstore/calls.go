package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// name is a hold's: the bytes of its call and attempt.
func name(id policy.CallID, attempt int) string {
	return string(binary.BigEndian.AppendUint32(id[:], uint32(attempt)))
}

func (s *Store) hold(name string) string { return s.prefix + "h:" + name }

func (s *Store) account(a *budget.Account) string { return s.prefix + "a:" + a.Key() }

// bounding are the last arguments of a script that may make accounts: how many of a
// rule and window there may be, and which of them are of values that may be many.
func bounding(most int, n int, of func(i int) *budget.Account) []string {
	many := make([]byte, n)
	for i := range many {
		many[i] = '0'
		if a := of(i); a.Of != "" && a.Of != budget.Others && !a.Named {
			many[i] = '1'
		}
	}
	return []string{strconv.Itoa(most), string(many)}
}

func (s *Store) bounding(of []budget.Account) []string {
	return bounding(s.most, len(of), func(i int) *budget.Account { return &of[i] })
}

// Reserve implements budget.Store. If it fails the hold may have been taken: Release
// gives it back, or it lapses.
func (s *Store) Reserve(ctx context.Context, h budget.Hold) (budget.Short, error) {
	return s.reserve(ctx, s.made, h)
}

// reserve takes h if there is a key made.
func (s *Store) reserve(ctx context.Context, made string, h budget.Hold) (budget.Short, error) {
	if len(h.Accounts) > MaxAccounts {
		return budget.Short{}, fmt.Errorf("reserve: %d accounts are more than %d", len(h.Accounts), MaxAccounts)
	}
	bound(&h.Most)
	hold := name(h.ID, h.Attempt)
	keys := append(make([]string, 0, 3+len(h.Accounts)), made, s.hold(hold), s.due)
	args := append(make([]string, 0, 6+len(h.Accounts)), strconv.FormatInt(h.Until.UnixMicro(), 10), packAmounts(&h.Most), hold, packAt(h.At))
	for i := range h.Accounts {
		keys = append(keys, s.account(&h.Accounts[i]))
		args = append(args, packLine(&h.Accounts[i]))
	}
	args = append(args, s.bounding(h.Accounts)...)
	short, err := s.take(ctx, s.do.reserve, keys, args, &h.Most)
	if err != nil {
		return short, fmt.Errorf("reserve: %w", err)
	}
	return short, nil
}

// Extend implements budget.Store.
func (s *Store) Extend(ctx context.Context, id policy.CallID, attempt int, most budget.Amounts) (budget.Short, error) {
	bound(&most)
	keys := []string{s.made, s.hold(name(id, attempt))}
	short, err := s.take(ctx, s.do.extend, keys, []string{packAmounts(&most)}, &most)
	if err != nil {
		return short, fmt.Errorf("extend hold: %w", err)
	}
	return short, nil
}

func bound(most *budget.Amounts) {
	for unit := range most {
		most[unit] = min(max(0, most[unit]), budget.MaxMost)
	}
}

// take runs a script that takes, and says what is short.
func (s *Store) take(ctx context.Context, script *rueidis.Lua, keys, args []string, most *budget.Amounts) (budget.Short, error) {
	answer, err := s.run(ctx, script, keys, args)
	if err != nil {
		return budget.Short{}, err
	}
	now, _ := answer[0].AsInt64()
	at, err := answer[1].AsInt64()
	if err != nil || at < 0 {
		shared, _ := answer[2].AsInt64()
		s.shared.Add(shared)
		return budget.Taken, err
	}
	var text [3]string // the account's line, how it stands, and what was held before
	for i := range text {
		if text[i], err = answer[2+i].ToString(); err != nil {
			return budget.Short{}, err
		}
	}
	a, err := unpackLine("", text[0])
	if err != nil {
		return budget.Short{}, err
	}
	c, err := unpackCount(&a, text[1], now)
	if err != nil {
		return budget.Short{}, err
	}
	before, err := unpackInt(text[2])
	short := c.short(&a, most[a.Unit], most[a.Unit]-before)
	others, _ := answer[5].AsInt64()
	short.At, short.Shared = int(at), others == 1
	return short, err
}

// Settle implements budget.Store.
func (s *Store) Settle(ctx context.Context, id policy.CallID, attempt int, spent budget.Amounts, thresholds []int) ([]budget.Crossed, bool, error) {
	crossed, found, err := s.settle(ctx, name(id, attempt), &spent, thresholds, 0)
	if err != nil {
		return nil, false, fmt.Errorf("settle: %w", err)
	}
	return crossed, found, nil
}

// Release implements budget.Store.
func (s *Store) Release(ctx context.Context, id policy.CallID, attempt int) error {
	if _, _, err := s.settle(ctx, name(id, attempt), &budget.Amounts{}, nil, 0); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// End implements budget.Store.
func (s *Store) End(ctx context.Context, id policy.CallID, attempt int, spent budget.Amounts, thresholds []int) ([]budget.Crossed, bool, error) {
	crossed, found, err := s.settle(ctx, name(id, attempt), &spent, thresholds, budget.EndedFor)
	if err != nil {
		return nil, false, fmt.Errorf("end: %w", err)
	}
	return crossed, found, nil
}

// settle settles a hold, of whose name none is taken for a while then.
func (s *Store) settle(ctx context.Context, hold string, spent *budget.Amounts, thresholds []int, ended time.Duration) ([]budget.Crossed, bool, error) {
	args := []string{packAmounts(spent), hold, tell(thresholds), strconv.Itoa(int(ended.Seconds()))}
	answer, err := s.run(ctx, s.do.settle, []string{s.made, s.hold(hold), s.due}, args)
	if err != nil {
		return nil, false, err
	}
	if found, err := answer[1].AsInt64(); err != nil || found == 0 {
		return nil, false, err
	}
	crossed, err := s.crossed(answer[2:], thresholds)
	return crossed, true, err
}

// Spend implements budget.Store.
func (s *Store) Spend(ctx context.Context, h budget.Hold, thresholds []int) ([]budget.Crossed, error) {
	if len(h.Accounts) > MaxAccounts {
		return nil, fmt.Errorf("spend: %d accounts are more than %d", len(h.Accounts), MaxAccounts)
	}
	once := max(time.Second, h.Until.Sub(s.Now()))
	keys := []string{s.made, s.hold(name(h.ID, h.Attempt))}
	args := []string{packAmounts(&h.Most), tell(thresholds), strconv.Itoa(int(once.Seconds())), packAt(h.At)}
	for i := range h.Accounts {
		keys = append(keys, s.account(&h.Accounts[i]))
		args = append(args, packLine(&h.Accounts[i]))
	}
	answer, err := s.run(ctx, s.do.spend, keys, append(args, s.bounding(h.Accounts)...))
	if err != nil {
		return nil, fmt.Errorf("spend: %w", err)
	}
	shared, _ := answer[1].AsInt64()
	s.shared.Add(shared)
	return s.crossed(answer[2:], thresholds)
}

// packAt is a moment as a script takes it; nothing: now.
func packAt(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.UnixMicro(), 10)
}

// tell is whether a script says what accounts had spent before and after.
func tell(thresholds []int) string {
	if len(thresholds) == 0 {
		return "0"
	}
	return "1"
}

// crossed reads triples of an account's key, its line, and what was spent of it
// before and after.
func (s *Store) crossed(told []rueidis.RedisMessage, thresholds []int) (crossed []budget.Crossed, err error) {
	for triple := range slices.Chunk(told, 3) {
		var text [3]string
		for i := range triple {
			if text[i], err = triple[i].ToString(); err != nil {
				return nil, err
			}
		}
		a, err := unpackLine(text[0][len(s.prefix)+len("a:"):], text[1])
		if err != nil {
			return nil, err
		}
		before, err := unpackInt(text[2])
		if err != nil {
			return nil, err
		}
		after, err := unpackInt(text[2][8:])
		if err != nil {
			return nil, err
		}
		crossed = append(crossed, a.Crossings(before, after, thresholds)...)
	}
	return crossed, nil
}

// atOnce bounds the accounts that one script reads or loads.
const atOnce = 500

// States implements budget.Store. More accounts than 500 are read by several
// scripts.
func (s *Store) States(ctx context.Context, of []budget.Account) ([]budget.State, error) {
	all := make([]budget.State, 0, len(of))
	for some := range slices.Chunk(of, atOnce) {
		keys, args := append(make([]string, 0, 1+len(some)), s.made), make([]string, 0, 2+len(some))
		for i := range some {
			keys = append(keys, s.account(&some[i]))
			args = append(args, packLine(&some[i]))
		}
		answer, err := s.run(ctx, s.do.states, keys, append(args, s.bounding(some)...))
		if err != nil {
			return nil, fmt.Errorf("read accounts: %w", err)
		}
		now, _ := answer[0].AsInt64()
		for i := range some {
			text, err := answer[1+i].ToString()
			if err != nil {
				return nil, fmt.Errorf("read accounts: %w", err)
			}
			c, err := unpackCount(&some[i], text, now)
			if err != nil {
				return nil, fmt.Errorf("read accounts: %w", err)
			}
			all = append(all, budget.State{Account: some[i], Spent: c.spent, Held: c.held})
		}
	}
	return all, nil
}

// Load implements budget.Store. More states than 500 are loaded by several
// scripts, those of one account by the same.
func (s *Store) Load(ctx context.Context, all []budget.State) error {
	byKey := map[string][]*budget.State{}
	var order []string
	for i := range all {
		key := s.account(&all[i].Account)
		if byKey[key] == nil {
			order = append(order, key)
		}
		byKey[key] = append(byKey[key], &all[i])
	}
	keys, args := []string{s.made}, []string(nil)
	for i, key := range order {
		for _, state := range byKey[key] {
			keys = append(keys, key)
			args = append(args, packState(state)...)
		}
		if len(keys) < atOnce && i < len(order)-1 {
			continue
		}
		if _, err := s.run(ctx, s.do.load, keys, args); err != nil {
			return fmt.Errorf("load accounts: %w", err)
		}
		keys, args = keys[:1], args[:0]
	}
	return nil
}

// Lapse implements budget.Store. Each script settles a few, so that others have
// their turn between.
func (s *Store) Lapse(ctx context.Context) (lapsed int, _ error) {
	const few = 50
	for {
		answer, err := s.run(ctx, s.do.lapse, []string{s.made, s.due}, []string{strconv.Itoa(few), s.hold("")})
		if err != nil {
			return lapsed, fmt.Errorf("settle holds that are over their time: %w", err)
		}
		n, err := answer[1].AsInt64()
		lapsed += int(n)
		if err != nil || n < few {
			return lapsed, err
		}
	}
}
