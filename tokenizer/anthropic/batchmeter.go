package anthropic

import (
	"time"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// resultsKept is how long the results of a batch can be fetched, from its making.
// https://platform.claude.com/docs/en/build-with-claude/batch-processing
const resultsKept = 29 * 24 * time.Hour

// batchRole says what a value of a batch is good for.
type batchRole uint8

const (
	batchIDRole batchRole = iota
	statusRole
	createdRole
	expiresRole
	succeededRole
	batchErrorRole
)

var batchScript = jsonscan.MustScript(func(r batchRole) int {
	if r == batchErrorRole || r == succeededRole {
		return 24
	}
	return jsonscan.MaxWord
}, map[string]batchRole{
	"id":                       batchIDRole,
	"processing_status":        statusRole,
	"created_at":               createdRole,
	"expires_at":               expiresRole,
	"request_counts.succeeded": succeededRole,
	"error":                    batchErrorRole,
})

// batchMeter reads what is said of a batch. What it used is told by its results.
type batchMeter struct {
	of        string // the batch that was asked after; empty: it is new
	json      *jsonscan.Scanner
	reading   tokenizer.Reading
	id        string
	status    string
	created   string
	expires   string
	succeeded int64 // -1: not said
}

func newBatchMeter(of string) *batchMeter {
	m := &batchMeter{of: of, succeeded: -1}
	m.json = jsonscan.New(batchScript.Plan, m)
	return m
}

// Value takes a value that the scanner found.
func (m *batchMeter) Value(watch int, raw []byte) {
	switch batchScript.Role(watch) {
	case batchIDRole:
		jsonscan.SetWord(&m.id, raw)
	case statusRole:
		jsonscan.SetWord(&m.status, raw)
	case createdRole:
		jsonscan.SetWord(&m.created, raw)
	case expiresRole:
		jsonscan.SetWord(&m.expires, raw)
	case succeededRole:
		if len(raw) > 0 && raw[0] >= '0' && raw[0] <= '9' {
			m.succeeded = jsonscan.Number(raw)
		}
	case batchErrorRole:
		m.reading.Error = m.reading.Error || jsonscan.Says(raw)
	}
}

// Text takes nothing: no text of a batch is watched.
func (*batchMeter) Text(int, []byte) {}

// Feed takes the next bytes of the answer.
func (m *batchMeter) Feed(p []byte) (complete bool) {
	_ = m.json.Feed(p) // Close asks again
	return m.json.Done()
}

// Close ends the metering. A batch that ended without a single success is over,
// and nothing of it is billed; every other one goes on until its results are read.
// One that was deleted did its work all the same.
func (m *batchMeter) Close(end tokenizer.End) tokenizer.Reading {
	r := m.reading
	err := m.json.Close()
	if err != nil && (m.json.Err() != nil || end != tokenizer.Cut) {
		r.Unreadable++ // a cut body is short, not wrong
	}
	r.ResponseID, r.Tier, r.Finish = m.id, batch, m.status
	id := first(m.of, m.id)
	if err == nil && m.status == "ended" && m.succeeded == 0 || m.of == "" && (err != nil || r.Error) {
		return r
	}
	r.Deferred = tokenizer.Deferred{ID: id, Expires: m.forgotten()}
	return r
}

// forgotten is when the results can no longer be fetched. expires_at is not that:
// it is when the work itself is given up, a day after it began.
func (m *batchMeter) forgotten() time.Time {
	if at, err := time.Parse(time.RFC3339Nano, m.created); err == nil {
		return at.UTC().Add(resultsKept)
	}
	if at, err := time.Parse(time.RFC3339Nano, m.expires); err == nil {
		return at.UTC().Add(resultsKept - 24*time.Hour)
	}
	return time.Time{}
}

// unreadMeter is that of an answer about a batch whose bytes are not seen: the
// batch stays as it is, whatever was said of it.
type unreadMeter struct{ of string }

// Feed looks at nothing.
func (*unreadMeter) Feed([]byte) bool { return false }

// Close says that the batch goes on.
func (m *unreadMeter) Close(tokenizer.End) tokenizer.Reading {
	return tokenizer.Reading{Deferred: tokenizer.Deferred{ID: m.of}}
}
