package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
)

// kept is a server over a ledger of plain maps. The bearer token says who asks:
// "role", or "role/team".
func kept(t *testing.T, records ...policy.Record) (*httptest.Server, *ledgertest.Memory) {
	t.Helper()
	m := &ledgertest.Memory{}
	if err := m.Write(t.Context(), ledger.Batch{Records: records}); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64 // time goes on from question to question
	now := func() time.Time {
		return ledgertest.Start.Add(60*time.Hour + time.Duration(asked.Add(1))*time.Millisecond)
	}
	s := httptest.NewServer(NewHandler(Options{Ledger: m, Now: now, Identify: named}))
	t.Cleanup(s.Close)
	return s, m
}

// named takes a token for what it says: a role, and a team after a slash.
func named(r *http.Request) (Who, error) {
	name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	role, team, _ := strings.Cut(name, "/")
	is, err := ParseRole(role)
	if err != nil {
		return Who{}, &Error{Status: 401, Code: Unauthenticated, Message: "who?"}
	}
	return Who{Name: name, Role: is, Team: team}, nil
}

func as(s *httptest.Server, who string) *Client { return NewClient(s.URL, s.Client()).WithToken(who) }

// code is that of an error that was sent, or "" for none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", e.Status, e.Code)
}

func TestCallsPageByPage(t *testing.T) {
	records := ledgertest.Varied(2, 230)
	s, _ := kept(t, records...)
	c := as(s, "admin")
	for _, size := range []int{0, 1, 50, 229, 230, 231} {
		q := CallsQuery{From: ledgertest.Start, Limit: size, Outcome: policy.Served}
		var seen []policy.Record
		for {
			a, err := c.Calls(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, a.Calls...)
			if q.Cursor = a.Next; q.Cursor == "" {
				break
			}
		}
		want := 0
		for _, r := range records {
			if r.Outcome == policy.Served {
				want++
			}
		}
		newest := func(a, b policy.Record) int {
			x, y := ledger.PlaceOf(&a), ledger.PlaceOf(&b)
			return y.Compare(x)
		}
		if len(seen) != want || !slices.IsSortedFunc(seen, newest) {
			t.Errorf("pages of %d: %d calls, want %d, newest first", size, len(seen), want)
		}
	}
}

func TestUsagePageByPage(t *testing.T) {
	s, m := kept(t, ledgertest.Varied(4, 200)...)
	c := as(s, "admin")
	q := Query{From: ledgertest.Start, By: []string{"team", "day", "model"}, Zone: "Europe/Berlin"}
	whole, err := c.Usage(t.Context(), q)
	if err != nil || len(whole.Rows) < 20 {
		t.Fatalf("%+v, %v", whole, err)
	}
	for i, size := range []int{1, 7, len(whole.Rows), len(whole.Rows) + 1} {
		if i > 0 {
			q.To = whole.To // without what the first came upon
		}
		q.Limit, q.Cursor = size, ""
		var rows []Row
		var to time.Time
		for {
			a, err := c.Usage(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if to.IsZero() {
				to = a.To
			}
			if a.Total.Charged != whole.Total.Charged || !a.To.Equal(to) {
				t.Errorf("pages of %d: total %v to %v, want %v to %v", size, a.Total.Charged, a.To, whole.Total.Charged, to)
			}
			rows = append(rows, a.Rows...)
			if q.Cursor = a.Next; q.Cursor == "" {
				break
			}
			if q.To.IsZero() && len(rows) == size { // what is new and dear does not move the pages
				late := ledgertest.Record(1000 + size)
				late.Completed = to
				if err := m.Write(t.Context(), ledger.Batch{Records: []policy.Record{late}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(rows) != len(whole.Rows) {
			t.Fatalf("pages of %d: %d rows, want %d", size, len(rows), len(whole.Rows))
		}
		for i := range rows {
			if fmt.Sprint(rows[i].Keys) != fmt.Sprint(whole.Rows[i].Keys) {
				t.Errorf("pages of %d: row %d is of %v, want %v", size, i, rows[i].Keys, whole.Rows[i].Keys)
			}
		}
	}
}

func TestCursorsBelongToTheirQuestion(t *testing.T) {
	s, _ := kept(t, ledgertest.Varied(4, 20)...)
	c := as(s, "admin")
	from := ledgertest.Start
	calls, err := c.Calls(t.Context(), CallsQuery{From: from, Limit: 1})
	if err != nil || calls.Next == "" {
		t.Fatal(calls, err)
	}
	_, err = c.Calls(t.Context(), CallsQuery{From: from, Limit: 1, Model: "small", Cursor: calls.Next})
	if got := code(t, err); got != "400 invalid_query" {
		t.Errorf("another model: %s", got)
	}
	_, err = c.Usage(t.Context(), Query{From: from, Cursor: calls.Next})
	if got := code(t, err); got != "400 invalid_query" {
		t.Errorf("another kind of question: %s", got)
	}
	for _, bad := range []string{"x", "e30", strings.Repeat("A", 100), calls.Next + "A"} {
		_, err = c.Calls(t.Context(), CallsQuery{From: from, Cursor: bad})
		if got := code(t, err); got != "400 invalid_query" {
			t.Errorf("%q: %s", bad, got)
		}
	}
	if _, err = c.Calls(t.Context(), CallsQuery{From: from, Limit: 3, Cursor: calls.Next}); err != nil {
		t.Errorf("another limit: %v", err)
	}
}

func TestListsAreBounded(t *testing.T) {
	s, _ := kept(t)
	for _, path := range []string{
		"/api/v1/calls?limit=0", "/api/v1/calls?limit=501", "/api/v1/calls?limit=-1", "/api/v1/calls?limit=1e2", "/api/v1/audit?limit=501", "/api/v1/usage?limit=20001",
		"/api/v1/calls?outcome=lost", "/api/v1/calls?team=" + strings.Repeat("a", 257), "/api/v1/calls?tz=Local", "/api/v1/calls?tz=../etc/passwd", "/api/v1/usage?tz=Mars",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer admin")
		a, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", path, a.StatusCode)
		}
	}
}
