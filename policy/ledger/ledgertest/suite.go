// Package ledgertest holds what every ledger.Store must do, as tests: records
// and openings go in, and what comes out is compared with the contract and with
// Memory, a store of plain maps that also makes faults on demand. It knows no
// database.
package ledgertest

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
)

// Run holds a store to the contract. open makes an empty one that ends with t.
func Run(t *testing.T, open func(t *testing.T) ledger.Store) {
	tests := []struct {
		name string
		hold func(*testing.T, ledger.Store)
	}{
		{"every field round-trips", roundTrip},
		{"bare record", bareRecord},
		{"records are idempotent", idempotent},
		{"attempts are records", attempts},
		{"corrections", corrections},
		{"corrections of an interaction", correctedInteraction},
		{"openings", openings},
		{"deferrals", deferrals},
		{"what windows have seen", spent},
		{"find by each id", findByID},
		{"find is bounded and oldest first", findOrder},
		{"half-open range", halfOpen},
		{"sums are exact", exactSums},
		{"sums stop at their bounds", boundedSums},
		{"unknown is not zero", unknown},
		{"nothing to sum", nothing},
		{"agrees with plain sums", plainSums},
		{"refuses odd names", oddNames},
		{"lists newest first", listOrder},
		{"lists what fits", listFits},
		{"pages miss nothing", listPages},
		{"interactions and what they took", interactions},
		{"interactions belong to their last call", lastCall},
		{"multipliers", multipliers},
		{"multipliers are exact", exactMultipliers},
		{"corrections of what multiplies", correctedMultipliers},
		{"agrees with plain multipliers", plainMultipliers},
		{"verdicts override", overrides},
		{"agrees with plain interactions", plainInteractions},
		{"verdicts", verdicts},
		{"verdicts are listed newest first", heard},
		{"audit", audit},
		{"alerts are raised once", raisedOnce},
		{"the highest share is told", highestTold},
		{"alerts are told", alertsTold},
		{"alerts are acknowledged", alertsAcknowledged},
		{"mutes and re-arming", alertsMuted},
		{"alerts are listed newest first", alertsListed},
		{"approvals are requested and decided", approvalsDecided},
		{"approvals are listed newest first", approvalsListed},
		{"top-ups are asked for and granted", topups},
		{"top-ups are refused and revoked", revokedTopups},
		{"charges are booked once", charges},
		{"charges are reversed whole", reversals},
		{"charges are listed newest first", chargesListed},
		{"what windows have of charges", booked},
		{"verdicts beside the writer", verdictsBeside},
		{"an ended context writes nothing", endedContext},
		{"readers beside the writer", concurrent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.hold(t, open(t)) })
	}
}

// RunPersistent holds a store to keeping what it was given. open opens, or opens
// again, the store that lives in dir.
func RunPersistent(t *testing.T, open func(t *testing.T, dir string) ledger.Store) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, ledger.Batch{Openings: []policy.Opening{Opening(1), Opening(2)}, Records: []policy.Record{Record(1)}})
	first := judge(t, s, ledger.Subject{Call: ID(1)}, 1)
	raised := raise(t, s, alertOf(50))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if second := judge(t, s, ledger.Subject{Call: ID(1)}, 2); second.Number <= first.Number || string(second.Before) != string(first.After) {
		t.Errorf("after %+v comes %+v", first, second)
	}
	wantUntold(t, s, "mail", raised)
	wantRecords(t, s, "req-1", Record(1))
	wantOpen(t, s, Opening(2))
	write(t, s, ledger.Batch{Records: []policy.Record{Record(1), Record(2)}})
	wantOpen(t, s)
	wantRecords(t, s, "req-2", Record(2))
}

func write(t *testing.T, s ledger.Store, b ledger.Batch) {
	t.Helper()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func wantRecords(t *testing.T, s ledger.Store, id string, want ...policy.Record) {
	t.Helper()
	got, err := s.Find(t.Context(), id, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("records of %q (-want +got):\n%s", id, diff)
	}
}

func wantOpen(t *testing.T, s ledger.Store, want ...policy.Opening) {
	t.Helper()
	got, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("openings (-want +got):\n%s", diff)
	}
}

func usage(t *testing.T, s ledger.Store, by ...string) []ledger.Row {
	t.Helper()
	return usageIn(t, s, ledger.Query{From: Start, To: Start.Add(100 * time.Hour), By: by})
}

func usageIn(t *testing.T, s ledger.Store, q ledger.Query) []ledger.Row {
	t.Helper()
	rows, err := s.Usage(t.Context(), q)
	if err != nil {
		t.Fatalf("by %q: %v", q.By, err)
	}
	return rows
}

func wantRows(t *testing.T, got []ledger.Row, want ...ledger.Row) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func roundTrip(t *testing.T, s ledger.Store) {
	full := Record(1)
	full.Revision, full.CorrectedAt, full.WasUnpriced, full.AuditEntry = 1, Start, true, 12
	for _, v := range []reflect.Value{reflect.ValueOf(full), reflect.ValueOf(full.Lines[0])} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() && v.Type().Field(i).Name != "Class" { // the first class is 0
				t.Errorf("the sample does not fill %s.%s, so this test cannot hold it", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
	write(t, s, ledger.Batch{Records: []policy.Record{full}})
	wantRecords(t, s, "req-1", full)
}

func bareRecord(t *testing.T, s ledger.Store) {
	bare := policy.Record{ID: ID(1), Admitted: Start, Completed: Start}
	local := bare // the same instant said in another zone, and finer than the ledger keeps
	local.Completed = Start.In(time.FixedZone("", 3600)).Add(999)
	write(t, s, ledger.Batch{Records: []policy.Record{local}})
	wantRecords(t, s, ID(1).String(), bare)
	wantRecords(t, s, "") // what has no request id is not found by none
	wantRows(t, usage(t, s, "team"), ledger.Row{Keys: []string{""}, Calls: 1})
}

func idempotent(t *testing.T, s ledger.Store) {
	first, second := Record(1), Record(1)
	second.Reason, second.Lines = "settled twice", append(second.Lines, second.Lines...)
	write(t, s, ledger.Batch{Records: []policy.Record{first, second}})
	write(t, s, ledger.Batch{Records: []policy.Record{second, Record(2)}})
	wantRecords(t, s, "req-1", first)
	wantRecords(t, s, "req-2", Record(2))
}

func attempts(t *testing.T, s ledger.Store) {
	first, second := Record(1), Record(1)
	second.Attempt = 2
	write(t, s, ledger.Batch{Records: []policy.Record{second, first}})
	wantRecords(t, s, first.ID.String(), first, second)
}

func openings(t *testing.T, s ledger.Store) {
	write(t, s, ledger.Batch{Openings: []policy.Opening{Opening(3), Opening(1), Opening(2)}})
	write(t, s, ledger.Batch{Openings: []policy.Opening{Opening(2)}})
	wantOpen(t, s, Opening(1), Opening(2), Opening(3))
	write(t, s, ledger.Batch{Records: []policy.Record{Record(2)}})
	wantOpen(t, s, Opening(1), Opening(3))
	write(t, s, ledger.Batch{Records: []policy.Record{Record(4)}})
	write(t, s, ledger.Batch{Openings: []policy.Opening{Opening(4)}})
	write(t, s, ledger.Batch{Openings: []policy.Opening{Opening(5)}, Records: []policy.Record{Record(5)}})
	wantOpen(t, s, Opening(1), Opening(3))
	write(t, s, ledger.Batch{Records: []policy.Record{Record(1), Record(3)}})
	wantOpen(t, s)
}

func findByID(t *testing.T, s ledger.Store) {
	write(t, s, ledger.Batch{Records: []policy.Record{Record(1), Record(2), Record(3)}})
	for _, id := range []string{ID(2).String(), "req-2", "trace-2", "resp-2"} {
		wantRecords(t, s, id, Record(2))
	}
	for _, id := range []string{"", "req-", "req-9", "%", "' OR 1=1 --", ID(9).String()} {
		wantRecords(t, s, id)
	}
}

func findOrder(t *testing.T, s ledger.Store) {
	var records []policy.Record
	for _, n := range []int{3, 1, 2} {
		r := Record(n)
		r.RequestID, r.TraceID = "same", "same"
		records = append(records, r)
	}
	write(t, s, ledger.Batch{Records: records})
	wantRecords(t, s, "same", records[1], records[2], records[0])
	for limit, want := range []int{0, 1, 2, 3, 3} {
		got, err := s.Find(t.Context(), "same", limit)
		if err != nil || len(got) != want {
			t.Errorf("at most %d: %d records, %v", limit, len(got), err)
		}
		if len(got) > 0 && got[0].ID != ID(1) {
			t.Errorf("at most %d: %s is first, want the oldest", limit, got[0].ID)
		}
	}
}

func oddNames(t *testing.T, s ledger.Store) {
	write(t, s, ledger.Batch{Records: []policy.Record{Record(1)}})
	for _, name := range []string{
		"", "'", `"`, `te"am`, "team'); DROP TABLE records; --", "1team", "team name", "$.team", "team[0]", "tëam", "team\x00", "?1",
		"a123456789012345678901234567890123456789012345678901234567890123456789",
	} {
		if rows, err := s.Usage(t.Context(), ledger.Query{From: Start, To: Start.Add(time.Hour), By: []string{name}}); err == nil {
			t.Errorf("grouping by %q: %v, want an error", name, rows)
		}
	}
	many := make([]string, 17)
	for i := range many {
		many[i] = "team"
	}
	if _, err := s.Usage(t.Context(), ledger.Query{By: many}); err == nil {
		t.Error("grouping by 17 names: no error")
	}
	wantRecords(t, s, "req-1", Record(1))
}

func endedContext(t *testing.T, s ledger.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := ledger.Batch{Openings: []policy.Opening{Opening(2)}, Records: []policy.Record{Record(1)}}
	if err := s.Write(ctx, b); err == nil {
		t.Error("written although the context had ended")
	}
	wantRecords(t, s, "req-1")
	write(t, s, b)
	wantRecords(t, s, "req-1", Record(1))
	wantOpen(t, s, Opening(2))
}

func concurrent(t *testing.T, s ledger.Store) {
	const batches, size = 20, 25
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { watch(t, s, done, size) })
	}
	for b := range batches {
		records := make([]policy.Record, size)
		for i := range records {
			records[i] = Record(b*size + i)
		}
		if err := s.Write(t.Context(), ledger.Batch{Records: records}); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
	if rows := usage(t, s); len(rows) != 1 || rows[0].Calls != batches*size {
		t.Errorf("in the end: %v", rows)
	}
}

// watch reads until done: only whole batches may be seen, with all their lines.
func watch(t *testing.T, s ledger.Store, done <-chan struct{}, size int64) {
	q := ledger.Query{From: Start, To: Start.Add(time.Hour)}
	for seen := int64(0); ; {
		rows, err := s.Usage(t.Context(), q)
		if err != nil {
			t.Error(err)
			return
		}
		for _, r := range rows {
			if r.Calls < seen || r.Calls%size != 0 || r.Tokens[tokenizer.Input] != 11*r.Calls {
				t.Errorf("%d calls with %d input tokens after %d calls, in batches of %d", r.Calls, r.Tokens[tokenizer.Input], seen, size)
			}
			seen = r.Calls
		}
		if found, err := s.Find(t.Context(), "req-3", 10); err != nil || len(found) > 1 {
			t.Errorf("beside the writer: %d records, %v", len(found), err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
