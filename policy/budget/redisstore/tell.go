package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/farebox/farebox/policy/budget"
)

var _ budget.Teller = (*Store)(nil)

// lookAtOnce is about how many accounts one script looks at.
const lookAtOnce = 200

// Look implements budget.Teller.
func (s *Store) Look(ctx context.Context, take func([]budget.Watched) error) (mine bool, err error) {
	keys := []string{s.made, s.watched, s.looking}
	args := []string{
		s.self, strconv.FormatInt(budget.LookFor.Milliseconds(), 10), "0", strconv.Itoa(lookAtOnce),
		s.prefix + "a:", s.told(""), strconv.FormatInt(int64((keptFor-budget.WatchedFor)/time.Second), 10),
	}
	for {
		answer, err := s.run(ctx, s.do.look, keys, args)
		if err != nil {
			return mine, fmt.Errorf("look at accounts: %w", err)
		}
		if is, err := answer[1].AsInt64(); err != nil || is == 0 {
			return false, err
		}
		if args[2], err = answer[2].ToString(); err != nil {
			return true, err
		}
		some, err := watched(answer)
		if err == nil && len(some) > 0 {
			err = take(some)
		}
		if err != nil || args[2] == "0" {
			return true, err
		}
	}
}

// watched reads what look answers, behind the clock, whether it is ours, and where to
// go on.
func watched(answer []rueidis.RedisMessage) (all []budget.Watched, err error) {
	now, err := answer[0].AsInt64()
	if err != nil {
		return nil, err
	}
	for four := range slices.Chunk(answer[3:], 4) {
		var text [4]string
		for i := range four {
			if text[i], err = four[i].ToString(); err != nil {
				return nil, err
			}
		}
		a, err := unpackLine(text[0], text[1])
		if err != nil {
			return nil, err
		}
		c, err := unpackCount(&a, text[2], now)
		if err != nil {
			return nil, err
		}
		told, err := unpackTold(text[3])
		if err != nil {
			return nil, err
		}
		all = append(all, budget.Watched{State: budget.State{Account: a, Spent: c.spent, Held: c.held}, Told: told})
	}
	return all, nil
}

// Watch implements budget.Teller.
func (s *Store) Watch(ctx context.Context, accounts []budget.Account) error {
	for some := range slices.Chunk(accounts, atOnce) {
		keys, args := append(make([]string, 0, 1+len(some)), s.made), make([]string, 0, len(some))
		for i := range some {
			if k := kindOf(&some[i]); k == sumKind || k == movingKind {
				keys, args = append(keys, s.account(&some[i])), append(args, packLine(&some[i]))
			}
		}
		if len(args) == 0 {
			continue
		}
		if _, err := s.run(ctx, s.do.watch, keys, args); err != nil {
			return fmt.Errorf("have accounts watched: %w", err)
		}
	}
	return nil
}

// told is where it is kept what people were told of an account.
func (s *Store) told(key string) string { return s.prefix + "t:" + key }

// Tell implements budget.Teller.
func (s *Store) Tell(ctx context.Context, all []budget.Crossed) error {
	for some := range slices.Chunk(all, atOnce) {
		keys, args := make([]string, 0, len(some)), []string{strconv.Itoa(budget.MaxTold)}
		for i := range some {
			c := &some[i]
			keys = append(keys, s.told(c.Key()))
			args = append(args, packShare(c), packInt(c.Spent), strconv.FormatInt(s.toldFor(c), 10))
		}
		if _, err := s.run(ctx, s.do.tell, keys, args); err != nil {
			return fmt.Errorf("keep what people were told: %w", err)
		}
	}
	return nil
}

// toldFor is for how many seconds it is kept that people were told of c; 0: for ever.
func (s *Store) toldFor(c *budget.Crossed) int64 {
	switch {
	case c.Rolling > 0:
		return int64(c.Rolling/time.Second) + 1
	case c.End.IsZero():
		return 0
	}
	return max(1, int64(c.End.Add(keptFor).Sub(s.Now())/time.Second))
}

// What people were told of is packed as the percents and the limit that it is the
// share of, what was spent, and when.
const toldSize = 4 + 3*8

func packShare(c *budget.Crossed) string {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 12), uint32(c.Percent))
	return string(binary.BigEndian.AppendUint64(b, uint64(c.Limit)))
}

func unpackTold(text string) (all []budget.Told, err error) {
	if len(text)%toldSize != 0 {
		return nil, fmt.Errorf("read what people were told: %d bytes, want a multiple of %d", len(text), toldSize)
	}
	big := binary.BigEndian
	for b := []byte(text); len(b) > 0; b = b[toldSize:] {
		all = append(all, budget.Told{
			Percent: int(big.Uint32(b)), Limit: int64(big.Uint64(b[4:])), Spent: int64(big.Uint64(b[12:])), At: time.UnixMicro(int64(big.Uint64(b[20:]))),
		})
	}
	return all, nil
}
