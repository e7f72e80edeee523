package ledgertest

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
)

// Defer is ledger.Store's.
func (m *Memory) Defer(_ context.Context, d policy.Deferral) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deferrals = slices.DeleteFunc(m.deferrals, func(old policy.Deferral) bool { return old.Ticket.ID == d.Ticket.ID })
	m.deferrals = append(m.deferrals, d)
	return nil
}

// Deferred is ledger.Store's.
func (m *Memory) Deferred(context.Context) (open []policy.Deferral, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.deferrals {
		d := &m.deferrals[i]
		settled := slices.ContainsFunc(m.records, func(r policy.Record) bool { return r.ID == d.Ticket.ID && r.Attempt == d.Attempt })
		if !settled {
			open = append(open, *d)
		}
	}
	slices.SortFunc(open, func(a, b policy.Deferral) int { return cmp.Compare(a.Ticket.ID.String(), b.Ticket.ID.String()) })
	return open, nil
}

// deferrals: what is put off is there until its own attempt is settled, and a
// later word on it replaces the earlier.
func deferrals(t *testing.T, s ledger.Store) {
	first, second := deferral(1, 1), deferral(2, 2)
	for _, d := range []policy.Deferral{second, first} {
		if err := s.Defer(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	wantDeferred(t, s, first, second)
	first.Alias, first.Expires = "file-1", first.Expires.AddDate(0, 0, 1)
	if err := s.Defer(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	wantDeferred(t, s, first, second)
	write(t, s, ledger.Batch{Records: []policy.Record{Record(2)}}) // its first attempt: not what second waits for
	wantDeferred(t, s, first, second)
	write(t, s, ledger.Batch{Records: []policy.Record{Record(1)}})
	wantDeferred(t, s, second)
	done := Record(2)
	done.Attempt = 2
	write(t, s, ledger.Batch{Records: []policy.Record{done}})
	wantDeferred(t, s)
	third := deferral(3, 1)
	if err := s.Defer(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	wantDeferred(t, s, third)
}

func deferral(n, attempt int) policy.Deferral {
	r := Record(n)
	return policy.Deferral{
		Ticket:  policy.Ticket{Request: policy.Request{ID: r.ID, At: r.Admitted, Provider: "openai"}, Owner: r.Owner},
		Attempt: attempt, ID: "resp_1", Since: r.Admitted, Expires: r.Completed, Stored: int64(n),
	}
}

func wantDeferred(t *testing.T, s ledger.Store, want ...policy.Deferral) {
	t.Helper()
	got, err := s.Deferred(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("deferred:\n got %+v\nwant %+v", got, want)
	}
}
