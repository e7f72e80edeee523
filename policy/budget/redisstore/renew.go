package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/farebox/farebox/policy/budget"
)

// Renew does what budget.Memory.Renew does, by one script.
func (s *Store) Renew(ctx context.Context, r budget.Renewal, thresholds []int) ([]budget.Crossed, bool, error) {
	bound(&r.Rest)
	before, after := name(r.ID, r.Attempt), name(r.ID, r.Next)
	keys := []string{s.made, s.hold(before), s.hold(after), s.due}
	args := []string{strconv.FormatInt(r.Until.UnixMicro(), 10), packAmounts(&r.Spent), packAmounts(&r.Rest), before, after, tell(thresholds)}
	answer, err := s.run(ctx, s.do.renew, keys, args)
	if err != nil {
		return nil, false, fmt.Errorf("renew hold: %w", err)
	}
	if found, err := answer[1].AsInt64(); err != nil || found == 0 {
		return nil, false, err
	}
	crossed, err := s.crossed(answer[2:], thresholds)
	return crossed, true, err
}
