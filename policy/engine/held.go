package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
)

// maxHeld bounds the holds that are taken again when a store loses them.
const maxHeld = 1 << 20

// heldKey names a hold.
type heldKey struct {
	id      policy.CallID
	attempt int
}

// heldHold is a hold of this process in a store that others share, which may lose
// it.
type heldHold struct {
	budget.Hold
	fill int64 // how often the store was filled when it was taken
}

// took remembers a hold that a store may lose.
func (b *accounts) took(h *budget.Hold, fill int64) {
	if b.e.shared == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.held) < maxHeld {
		b.held[heldKey{h.ID, h.Attempt}] = heldHold{*h, fill}
	}
}

// ended forgets a hold that is about to be settled or released.
func (b *accounts) ended(id policy.CallID, attempt int) (h heldHold) {
	if b.e.shared == nil {
		return h
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h = b.held[heldKey{id, attempt}]
	delete(b.held, heldKey{id, attempt})
	return h
}

// holdAgain takes holds of calls under way that the store has lost, before anybody
// may take what they need.
func (b *accounts) holdAgain(ctx context.Context) error {
	fill := b.e.filling.times.Load()
	b.mu.Lock()
	all := slices.Collect(maps.Values(b.held))
	b.mu.Unlock()
	for i := range all {
		h := all[i].Hold
		if all[i].fill == fill {
			continue
		}
		h.Accounts = softened(h.Accounts)
		if err := b.e.shared.Hold(ctx, h); err != nil {
			return err
		}
		if b.isThere(heldKey{h.ID, h.Attempt}, fill) {
			continue
		}
		// Its call ended meanwhile, and may not have found it.
		if err := b.e.shared.Release(ctx, h.ID, h.Attempt); err != nil {
			return fmt.Errorf("give back the hold of a call that has ended: %w", err)
		}
	}
	return nil
}

// isThere notes that a hold was taken in a store that was filled so often, if its
// call goes on.
func (b *accounts) isThere(key heldKey, fill int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, there := b.held[key]
	if there {
		h.fill = fill
		b.held[key] = h
	}
	return there
}

// softened are the same accounts, which take whatever is asked.
func softened(all []budget.Account) []budget.Account {
	all = slices.Clone(all)
	for i := range all {
		all[i].Soft = true
	}
	return all
}

// forget drops what waits for a store that is about to be filled with all of it.
func (b *accounts) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unsettled = nil
}
