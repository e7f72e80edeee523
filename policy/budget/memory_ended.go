package budget

import (
	"context"
	"time"

	"github.com/farebox/farebox/policy"
)

// maxEnded bounds what is remembered of holds that were ended for good. Beyond it they
// are ended all the same, and nothing else: here no request is on its way.
const maxEnded = 100_000

// End implements Store.
func (m *Memory) End(_ context.Context, id policy.CallID, n int, spent Amounts, thresholds []int) ([]Crossed, bool, error) {
	key := attempt{id, n}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.holds[key]
	crossed, found := m.settle(key, spent, thresholds)
	if found && spent == (Amounts{}) {
		m.tidy(t)
	}
	m.remember(key, m.now().Add(EndedFor))
	return crossed, found, nil
}

// Spend implements Store.
func (m *Memory) Spend(_ context.Context, h Hold, thresholds []int) (crossed []Crossed, _ error) {
	now := m.now()
	if h.At.IsZero() {
		h.At = now
	}
	key := attempt{h.ID, h.Attempt}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isOver(key, now) {
		return nil, nil
	}
	for i := range h.Accounts {
		a := h.Accounts[i]
		c, of, _ := m.count(&a)
		a.Of = of
		before, after := c.spend(&a, h.Most[a.Unit], h.At, now)
		crossed = appendCrossed(crossed, &a, before, after, thresholds)
	}
	m.remember(key, h.Until)
	return crossed, nil
}

// remember needs m.mu, as isOver does.
func (m *Memory) remember(key attempt, until time.Time) {
	if len(m.ended) < maxEnded {
		m.ended[key] = until
	}
}

// isOver reports whether a hold must not be taken any more, and forgets one that was
// ended long ago.
func (m *Memory) isOver(key attempt, now time.Time) bool {
	until, was := m.ended[key]
	if was && !now.Before(until) {
		delete(m.ended, key)
		was = false
	}
	return was
}
