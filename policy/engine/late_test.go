package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/engine"
	"github.com/farebox/farebox/policy/ledger"
)

// common is a store that several share: it has what was added of marks.
type common struct {
	*broken
	marks []string
	parts byte
}

func newCommon() *common {
	return &common{broken: &broken{Store: budget.NewMemory(func() time.Time { return noon }), down: true}}
}

func (c *common) Missing(_ context.Context, marks []string) (missing []string, open bool, err error) {
	for _, m := range marks {
		if !slices.Contains(c.marks, m) {
			missing = append(missing, m)
		}
	}
	return missing, true, c.fails()
}

func (c *common) Add(ctx context.Context, marks []string, states []budget.State) error {
	c.marks = append(c.marks, marks...)
	for _, s := range states {
		c.parts++
		id, a := policy.CallID{255, c.parts}, s.Account
		a.Soft = true
		if _, err := c.Store.Reserve(ctx, budget.Hold{ID: id, Accounts: []budget.Account{a}, Until: noon.Add(time.Hour)}); err != nil {
			return err
		}
		var sum budget.Amounts
		sum[a.Unit] = s.Spent
		if _, _, err := c.Store.Settle(ctx, id, 0, sum, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *common) Hold(ctx context.Context, h budget.Hold) error {
	_, err := c.Reserve(ctx, h)
	return err
}

func (c *common) Open(context.Context) (bool, error) { return true, c.fails() }

// kept is a ledger of what the book has of team a.
type kept struct{ *book }

func (k kept) Spent(context.Context, ledger.Query) ([]ledger.Spent, error) {
	row := ledger.Spent{Keys: []string{"a"}}
	for i := range k.records {
		if k.records[i].Outcome != policy.Refused {
			row.Charged += costOfACall
		}
	}
	return []ledger.Spent{row}, nil
}

func (k kept) Booked(context.Context, ledger.Query) ([]ledger.Spent, error) { return nil, nil }

// lateEngine is one that began while its store was away. The store has, or will have
// when it comes, the sums of the budgets in known.
func lateEngine(t *testing.T, open bool, store *common, rules ...budget.Rule) (*engine.Engine, *budget.Rules, *book) {
	t.Helper()
	compiled, err := budget.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	ledgerOf := kept{}
	e, b, _ := limited(t, func(o *engine.Options) {
		ledgerOf.book = o.Journal.(*book)
		o.Budgets, o.Spending, o.Rules.Budgets = store, ledgerOf, compiled
		o.Rules.OpenOnError, o.Rules.Allowance = open, 5
	})
	if err := e.Fill(t.Context(), compiled); !errors.Is(err, engine.ErrAway) {
		t.Fatalf("Fill = %v, want %v", err, engine.ErrAway)
	}
	e.StartLate()
	return e, compiled, b
}

// What passes before the store has come is within the allowance, and counts once in
// every budget: in those that the store knows, as in those that are new to it.
func TestAStoreThatComesLateCountsEachCallOnce(t *testing.T) {
	for name, lost := range map[string]bool{"it has its data": false, "it has lost all": true} {
		t.Run(name, func(t *testing.T) {
			store := newCommon()
			e, rules, _ := lateEngine(t, true, store, month("month", 20*2*mostOfACall), month("fresh", usd))
			passed, why := passing(t, e, 1, 5)
			if len(passed) != 2 || why == nil || why.Code != "budget_exhausted" {
				t.Fatalf("%d calls passed, then %+v", len(passed), why)
			}
			e.Settle(t.Context(), passed[0], answered)
			if !lost {
				store.marks = engine.MarksWithout(rules, "fresh")
			}
			store.set(false)
			if why := admit(t, e, numbered(20, "a")).Refusal; why == nil {
				t.Error("a call passed beyond the allowance before the store had what it misses")
			}
			if err := e.Refill(t.Context()); err != nil {
				t.Fatal(err)
			}
			e.Settle(t.Context(), passed[1], answered)
			ticket := admit(t, e, numbered(21, "a"))
			if ticket.Refusal != nil || !ticket.Hold.Taken {
				t.Fatalf("after the store has come: %+v, %+v", ticket.Refusal, ticket.Hold)
			}
			e.Settle(t.Context(), ticket, answered)
			for _, rule := range []string{"month", "fresh"} {
				if s, h := spent(t, e, rule); s != 3*costOfACall || h != 0 {
					t.Errorf("%s: spent %d, held %d, want %d, 0", rule, s, h, 3*costOfACall)
				}
			}
		})
	}
}

func TestALateStoreLetsNothingPassWhereItMustAnswer(t *testing.T) {
	store := newCommon()
	e, _, _ := lateEngine(t, false, store, month("month", usd))
	if why := admit(t, e, numbered(1, "a")).Refusal; why == nil || why.Code != "unavailable" || why.Status != 503 {
		t.Errorf("a call without a store: %+v", why)
	}
}
