package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/tokenizer"
)

// Options are what NewHandler needs.
type Options struct {
	Ledger Ledger           // required
	Now    func() time.Time // nil is time.Now
	Logger *slog.Logger     // nil discards
}

// NewHandler serves everything below /api/. It panics without a ledger, which
// is a fault of the program.
func NewHandler(o Options) http.Handler {
	if o.Ledger == nil {
		panic("api: no ledger")
	}
	s := &server{ledger: o.Ledger, now: o.Now, log: o.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.Handle(usagePath, s.get(s.usage))
	mux.Handle(callsPath+"{id}", s.get(s.call))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, &Error{Status: http.StatusNotFound, Code: NotFound, Message: "there is only " + usagePath + " and " + callsPath + "{id} here"})
	})
	return mux
}

type server struct {
	ledger Ledger
	now    func() time.Time
	log    *slog.Logger
}

// get answers GET and HEAD with what answer returns, as JSON.
func (s *server) get(answer func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.fail(w, r, &Error{Status: http.StatusMethodNotAllowed, Code: MethodNotAllowed, Message: "use GET"})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerIn)
		defer cancel()
		a, err := answer(r.WithContext(ctx))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.send(w, r, http.StatusOK, a)
	})
}

func (s *server) usage(r *http.Request) (any, error) {
	q, refused := readQuery(r.URL.RawQuery, s.now())
	if refused != nil {
		return nil, refused
	}
	rows, err := s.ledger.Usage(r.Context(), q)
	if err != nil {
		return nil, fmt.Errorf("sum usage: %w", err)
	}
	if len(rows) > MaxRows {
		return nil, &Error{
			Status: http.StatusUnprocessableEntity, Code: TooManyRows,
			Message: fmt.Sprintf("%d groups are more than %d: ask for a shorter time or fewer names in by", len(rows), MaxRows),
		}
	}
	return answerUsage(q, rows)
}

func (s *server) call(r *http.Request) (any, error) {
	if _, refused := readKeys(r.URL.RawQuery, nil); refused != nil {
		return nil, refused
	}
	id := r.PathValue("id")
	if len(id) > MaxID {
		return nil, invalid("an id of %d bytes; at most %d", len(id), MaxID)
	}
	matches, err := s.ledger.Find(r.Context(), id, MaxMatches+1)
	if err != nil {
		return nil, fmt.Errorf("find call: %w", err)
	}
	if len(matches) == 0 {
		return nil, &Error{
			Status: http.StatusNotFound, Code: NotFound,
			Message: fmt.Sprintf("no settled call has %q as its call id, x-request-id, trace id or response id", id),
		}
	}
	a := &CallAnswer{Matches: matches}
	if len(matches) > MaxMatches {
		a.Matches, a.Truncated = matches[:MaxMatches], true
	}
	for i := range a.Matches {
		whole(&a.Matches[i])
	}
	return a, nil
}

// whole makes a record's absent lists empty lists, which is what JSON readers
// expect.
func whole(r *policy.Record) {
	if r.Owner == nil {
		r.Owner = policy.Owner{}
	}
	if r.Lines == nil {
		r.Lines = []policy.Line{}
	}
}

// answerUsage names what the ledger's rows hold, and sums them.
func answerUsage(q ledger.Query, rows []ledger.Row) (*UsageAnswer, error) {
	a := &UsageAnswer{From: q.From, To: q.To, By: q.By, Rows: make([]Row, len(rows))}
	a.Total.Tokens = map[tokenizer.Class]int64{}
	for i := range rows {
		if len(rows[i].Keys) != len(q.By) {
			return nil, fmt.Errorf("sum usage: a row has %d keys, want %d", len(rows[i].Keys), len(q.By))
		}
		a.Rows[i] = nameRow(q.By, &rows[i])
		a.Total.add(&a.Rows[i])
	}
	return a, nil
}

func nameRow(by []string, r *ledger.Row) Row {
	named := Row{
		Keys:  make(map[string]string, len(by)),
		Calls: r.Calls, Unpriced: r.Unpriced,
		Tokens: map[tokenizer.Class]int64{},
		List:   r.List, Contracted: r.Contracted, Charged: r.Charged,
	}
	for i, name := range by {
		named.Keys[name] = r.Keys[i]
	}
	for c, n := range r.Tokens {
		if n != 0 {
			named.Tokens[tokenizer.Class(c)] = n
		}
	}
	return named
}

// add sums r into t. Sums of tokens and calls stay far from the ends of int64.
func (t *Row) add(r *Row) {
	t.Calls += r.Calls
	t.Unpriced += r.Unpriced
	for c, n := range r.Tokens {
		t.Tokens[c] += n
	}
	t.List = t.List.Add(r.List)
	t.Contracted = t.Contracted.Add(r.Contracted)
	t.Charged = t.Charged.Add(r.Charged)
}

// fail sends err: as it is when it was made for the asker, else only that
// something is wrong, and the log has the rest.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var told *Error
	if !errors.As(err, &told) {
		told = &Error{Status: http.StatusInternalServerError, Code: Internal, Message: "the ledger could not be read; farebox's log says why"}
		if errors.Is(err, context.DeadlineExceeded) {
			told = &Error{Status: http.StatusServiceUnavailable, Code: Unavailable, Message: fmt.Sprintf("the ledger did not answer in %v; ask for a shorter time", answerIn)}
		}
		if !errors.Is(err, context.Canceled) {
			s.log.Error("answer operator", "path", r.URL.Path, "err", err)
		}
	}
	s.send(w, r, told.Status, failure{told})
}

// send encodes before it writes, so that what cannot be encoded is an error and
// not half an answer.
func (s *server) send(w http.ResponseWriter, r *http.Request, status int, answer any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(answer); err != nil {
		s.log.Error("encode answer", "path", r.URL.Path, "err", err)
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"error":{"code":"` + Internal + `","message":"the answer could not be written; farebox's log says why"}}` + "\n")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store") // money is not for shared caches
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(b.Bytes()); err != nil {
		s.log.Debug("write answer", "path", r.URL.Path, "err", err)
	}
}
