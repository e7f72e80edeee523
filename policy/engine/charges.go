package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
)

// Bounds of charges that were booked and may not be counted yet in a store that
// others share, as this process ended between.
const (
	countWithin = 7 * 24 * time.Hour
	mostToCount = 10_000
)

// charges is the attempt of holds for charges, whose ids are no calls'.
const charges = 1 << 26

// Book keeps a charge in the ledger, and counts it in the windows of now that
// include it, in both once; without a moment it counts now. A charge is refused for
// no limit. fresh is false where it was booked before. Besides those of
// ledger.Charges there are the errors ErrNotYet, and ErrUncounted while a store of
// budgets is away: nothing is booked then.
//
// Before it is booked nothing is held for it of its accounts, so that whoever finds
// that hold knows that the store has not counted it.
func (e *Engine) Book(ctx context.Context, c ledger.Charge, by ledger.Change) (booked ledger.Charge, fresh bool, err error) {
	if e.o.Charges == nil {
		return c, false, errors.New("book charge: there is no ledger of charges")
	}
	if err := c.Check(); err != nil {
		return c, false, fmt.Errorf("book charge: %w", err)
	}
	e.filling.calls.RLock() // what is read of the ledger has it, or it is spent after
	defer e.filling.calls.RUnlock()
	_, there, err := e.o.Charges.Charge(ctx, c.ID)
	if err != nil {
		return c, false, err
	}
	if !there {
		if err := e.complete(ctx, &c); err != nil {
			return c, false, err
		}
		if err := e.awaitCharge(ctx, &c); err != nil {
			return c, false, err
		}
	}
	if booked, fresh, err = e.o.Charges.Book(ctx, c, by); err != nil {
		return c, false, err
	}
	back := not
	if !there {
		back = forGood // a request to hold nothing for it may come late
	}
	e.spendCharge(ctx, &booked, back)
	if fresh {
		e.carryAnew(&booked)
	}
	return booked, fresh, nil
}

// complete gives a charge its moment, and to a reversal what it reverses.
func (e *Engine) complete(ctx context.Context, c *ledger.Charge) error {
	if c.Of != "" {
		whole, there, err := e.o.Charges.Charge(ctx, c.Of)
		if err == nil && !there {
			err = ledger.ErrNoCharge
		}
		if err != nil {
			return err
		}
		*c, err = c.Reverse(&whole)
		return err
	}
	now := e.o.Budgets.Now()
	if c.At.IsZero() {
		c.At = now
	}
	if c.At.After(now) {
		return ledger.ErrNotYet
	}
	return nil
}

// awaitCharge holds nothing of the accounts that a charge is about to be spent in.
func (e *Engine) awaitCharge(ctx context.Context, c *ledger.Charge) error {
	accounts := e.accountsOf(c)
	if len(accounts) == 0 {
		return nil
	}
	if e.filling.late.Load() {
		return fmt.Errorf("%w: it has not come since the start", ledger.ErrUncounted)
	}
	h := budget.Hold{ID: holdOf(c), Attempt: charges, Accounts: softened(accounts), Until: e.o.Budgets.Now().Add(countWithin), At: c.At}
	var err error
	for range 2 {
		short, cancel := context.WithTimeout(ctx, e.o.StoreWait)
		_, err = e.o.Budgets.Reserve(short, h)
		cancel()
		if err == nil {
			e.budgets.note(accounts)
			return nil
		}
	}
	e.metrics.storeFailed.WithLabelValues("reserve").Inc()
	return fmt.Errorf("%w: %w", ledger.ErrUncounted, err)
}

// accountsOf are those of windows of now that a charge counts in: by the rules in
// use, and by those that are about to be, if the ledger was read for them.
// filling.calls must be held.
func (e *Engine) accountsOf(c *ledger.Charge) (accounts []budget.Account) {
	now := e.o.Budgets.Now()
	had := map[string]bool{}
	for _, rules := range []*budget.Rules{e.rules.Load().Budgets, e.filling.next} {
		if rules.None() {
			continue
		}
		for _, a := range rules.AccountsOfCharge(c.Value, now) {
			if !c.At.Before(a.Start) && !had[a.Key()] {
				had[a.Key()] = true
				accounts = append(accounts, a)
			}
		}
	}
	return accounts
}

// holdOf names the hold for a charge by all that says where it is spent.
func holdOf(c *ledger.Charge) (id policy.CallID) {
	kept := c.Kept()
	kept.Number, kept.Description, kept.By, kept.Booked = 0, "", "", time.Time{}
	text, err := json.Marshal(kept)
	if err != nil {
		panic(err) // texts, numbers and times can be written
	}
	sum := sha256.Sum256(text)
	copy(id[:], sum[:])
	return id
}

// spendCharge counts a charge that is in the ledger, if it was not yet.
func (e *Engine) spendCharge(ctx context.Context, c *ledger.Charge, back way) {
	var spent budget.Amounts
	spent[budget.Charged], spent[budget.Contracted] = int64(c.Amount), int64(c.Amount)
	e.budgets.settle(ctx, settlement{id: holdOf(c), attempt: charges, held: true, spent: spent, back: back})
}

// RecoverCharges counts those that an earlier run booked and did not live to count in
// a store that others share, if that was in the last seven days.
func (e *Engine) RecoverCharges(ctx context.Context) error {
	if e.shared == nil || e.o.Charges == nil {
		return nil
	}
	s := ledger.ChargeSearch{To: time.UnixMicro(math.MaxInt64 / 2), Limit: ledger.MaxPage}
	since := e.o.Now().Add(-countWithin)
	for range mostToCount / ledger.MaxPage {
		page, err := e.o.Charges.Charges(ctx, s)
		if err != nil {
			return fmt.Errorf("read charges that may not be counted: %w", err)
		}
		for i := range page {
			if page[i].Booked.Before(since) {
				return nil
			}
			e.spendCharge(ctx, &page[i], not)
		}
		if len(page) < s.Limit {
			return nil
		}
		s.Below = page[len(page)-1].Number
	}
	return nil
}

// carryAnew has windows read again that are over, if a charge is of one.
func (e *Engine) carryAnew(c *ledger.Charge) {
	rules, now := e.rules.Load().Budgets, e.o.Budgets.Now()
	if rules.None() {
		return
	}
	for _, rule := range rules.Rules() {
		if rule.Rollover == nil || !rule.Include.OfCharges() {
			continue
		}
		if start, _ := rule.Window.At(now); c.At.Before(start) {
			e.rollovers.anew.Store(true)
			return
		}
	}
}
