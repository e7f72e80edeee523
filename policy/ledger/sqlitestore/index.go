package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/farebox/farebox/policy"
)

// An index of random ids costs a page or more an id once it is large, unless many
// are added in their order. So ids wait in memory: in fresh, until they are those
// of indexRun records; then sorted, as a run, of which each commit adds a part to
// the table. After a crash they are read again from the records.
const (
	indexRun   = 16_384 // records
	indexPart  = 512    // ids that one commit adds at most, a multiple of indexBulk
	indexBulk  = 64     // ids that one statement adds
	indexSpeed = 12     // ids that are added per record: four times what come
)

// entry says that a record has an id of that hash.
type entry struct{ hash, record int64 }

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.record, b.record))
}

// index holds the entries that are not in the table yet.
type index struct {
	size int64 // records of a run

	mu    sync.Mutex // guards run and fresh; never held over I/O
	run   []entry    // sorted; nil between two
	fresh []entry

	// The rest belongs to the one who writes.
	added  int   // of the run
	due    int   // ids to be added
	upto   int64 // the last record of the run
	begins int64 // the first record of fresh
}

// hashID is 47 bits of the FNV-1a hash of an id: half a byte less than SQLite
// gives six bytes to.
func hashID(id string) int64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return int64(h >> 17)
}

func appendEntries(to []entry, record int64, r *policy.Record) []entry {
	for _, id := range [...]string{r.RequestID, r.TraceID, r.ResponseID} {
		if id != "" {
			to = append(to, entry{hashID(id), record})
		}
	}
	if r.Interaction != "" && r.Interaction != r.TraceID && r.Interaction != r.RequestID {
		to = append(to, entry{hashID(r.Interaction), record})
	}
	return to
}

// load reads the entries that a crash lost.
func (x *index) load(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT id, request_id, trace_id, response_id, interaction FROM records
		WHERE id > (SELECT upto FROM indexed) ORDER BY id`)
	if err != nil {
		return err
	}
	_, err = collect(rows, func(rows *sql.Rows) (none struct{}, err error) {
		var id int64
		var r policy.Record
		if err := rows.Scan(&id, &r.RequestID, &r.TraceID, &r.ResponseID, &r.Interaction); err != nil {
			return none, err
		}
		if x.begins == 0 {
			x.begins = id
		}
		x.fresh = appendEntries(x.fresh, id, &r)
		return none, nil
	})
	return err
}

// add takes the committed records, whose first has the number first.
func (x *index) add(first int64, records []policy.Record) {
	if len(records) == 0 {
		return
	}
	next := first + int64(len(records))
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.begins == 0 {
		x.begins = first
	}
	for i := range records {
		x.fresh = appendEntries(x.fresh, first+int64(i), &records[i])
	}
	x.due += indexSpeed * len(records)
	if x.run == nil && next-x.begins >= x.size {
		x.begin(next)
	}
}

// begin makes a run of what is fresh. x.mu is held.
func (x *index) begin(next int64) {
	slices.SortFunc(x.fresh, compareEntries)
	x.run, x.fresh = x.fresh, nil
	x.added, x.due, x.upto, x.begins = 0, 0, next-1, next
}

// part returns what of the run the next commit should add; last: it ends the run.
func (x *index) part() (part []entry, last bool) {
	if x.run == nil || x.due < indexPart && len(x.run) > x.added {
		return nil, false
	}
	end := min(x.added+indexPart, len(x.run))
	return x.run[x.added:end], end == len(x.run)
}

// rest is all that is not in the table, in its order, and the last record.
func (x *index) rest(last int64) (rest []entry, mark int64) {
	rest = slices.Concat(x.run[min(x.added, len(x.run)):], x.fresh)
	slices.SortFunc(rest, compareEntries)
	return rest, last
}

// mark is how far the table is complete when the run ends; 0: it does not.
func (x *index) mark(last bool) int64 {
	if !last {
		return 0
	}
	return x.upto
}

// committed says that a part is in the table.
func (x *index) committed(part []entry, last bool) {
	x.added += len(part)
	x.due = max(x.due-len(part), 0)
	if last {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.run = nil
	}
}

// find returns the records that have an id of that hash and are not in the table
// yet, and perhaps some that are.
func (x *index) find(hash int64) []int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	records := []int64{}
	first, _ := slices.BinarySearchFunc(x.run, entry{hash: hash}, compareEntries)
	for _, e := range x.run[first:] {
		if e.hash != hash {
			break
		}
		records = append(records, e.record)
	}
	for _, e := range x.fresh {
		if e.hash == hash {
			records = append(records, e.record)
		}
	}
	return records
}
