package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// memory is a ledger of a few records. err is what every question meets.
type memory struct {
	ledgertest.Memory
	records []policy.Record
	rows    []ledger.Row
	err     error
	asked   ledger.Query
}

func (m *memory) Find(_ context.Context, id string, limit int) ([]policy.Record, error) {
	var found []policy.Record
	for _, r := range m.records {
		if len(found) < limit && (r.ID.String() == id || r.RequestID == id || r.TraceID == id || r.ResponseID == id) {
			found = append(found, r)
		}
	}
	return found, m.err
}

func (m *memory) Usage(_ context.Context, q ledger.Query) ([]ledger.Row, error) {
	m.asked = q
	return m.rows, m.err
}

var noon = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)

func serve(t *testing.T, m *memory, log *slog.Logger) (*httptest.Server, *Client) {
	t.Helper()
	s := httptest.NewServer(NewHandler(Options{Ledger: m, Now: func() time.Time { return noon }, Logger: log}))
	t.Cleanup(s.Close)
	return s, NewClient(s.URL, s.Client())
}

func amount(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func record(t *testing.T) policy.Record {
	t.Helper()
	return policy.Record{
		ID: policy.CallID{1, 2, 15: 9}, RequestID: "req-1", TraceID: strings.Repeat("ab", 16), ResponseID: "chatcmpl-7/x",
		Owner:   policy.Owner{{Name: "team", Value: "support", Rule: "header x-team"}, {Name: "project", Value: "<chat>", Rule: "default"}},
		Dialect: "openai", Operation: "chat", Provider: "openai", ModelAsked: "gpt-4o", Model: "gpt-4o-2024-08-06",
		Status: 200, Outcome: policy.Served, Purpose: policy.User, Source: tokenizer.Counted, Priced: true,
		Shares: tokenizer.Shares{System: 10, Last: 4}, Admitted: noon.Add(-time.Second), Completed: noon,
		Lines: []policy.Line{{
			Model: "gpt-4o-2024-08-06", Class: tokenizer.CacheWrite5m, Quantity: 7, Source: tokenizer.Counted, State: policy.Priced,
			RateID: "openai/gpt-4o", Rate: 2_500_000, List: amount(t, "0.0000175"), Contracted: amount(t, "0.0000154"), Charged: amount(t, "0.00002"),
		}},
	}
}

func TestUsageBothWays(t *testing.T) {
	one := ledger.Row{Keys: []string{"support", ""}, Calls: 3, Unpriced: 1, List: amount(t, "0.000000000001"), Contracted: amount(t, "1.5"), Charged: amount(t, "2")}
	one.Tokens[tokenizer.Input], one.Tokens[tokenizer.Reasoning] = 10, 5
	two := ledger.Row{Keys: []string{"ml", "2026-08-19"}, Calls: 4, List: amount(t, "0.999999999999"), Charged: amount(t, "0.25")}
	two.Tokens[tokenizer.Input], two.Tokens[tokenizer.WebSearch] = 30, 2
	m := &memory{rows: []ledger.Row{one, two}}
	_, c := serve(t, m, nil)
	from := time.Date(2026, 8, 1, 2, 0, 0, 0, time.FixedZone("", 7200))
	got, err := c.Usage(t.Context(), Query{From: from, To: noon.Add(time.Nanosecond), By: []string{"team", "day"}})
	if err != nil {
		t.Fatal(err)
	}
	want := &UsageAnswer{
		From: from.UTC(), To: noon.Add(time.Nanosecond), By: []string{"team", "day"},
		Rows: []Row{
			{
				Keys: map[string]string{"team": "support", "day": ""}, Calls: 3, Unpriced: 1,
				Tokens: map[tokenizer.Class]int64{tokenizer.Input: 10, tokenizer.Reasoning: 5},
				List:   one.List, Contracted: one.Contracted, Charged: one.Charged,
			},
			{
				Keys: map[string]string{"team": "ml", "day": "2026-08-19"}, Calls: 4,
				Tokens: map[tokenizer.Class]int64{tokenizer.Input: 30}, Units: map[tokenizer.Class]int64{tokenizer.WebSearch: 2}, List: two.List, Charged: two.Charged,
			},
		},
		Total: Row{
			Calls: 7, Unpriced: 1, Tokens: map[tokenizer.Class]int64{tokenizer.Input: 40, tokenizer.Reasoning: 5},
			Units: map[tokenizer.Class]int64{tokenizer.WebSearch: 2},
			List:  amount(t, "1"), Contracted: amount(t, "1.5"), Charged: amount(t, "2.25"),
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(ledger.Query{From: from.UTC(), To: noon.Add(time.Nanosecond), By: []string{"team", "day"}}, m.asked); d != "" {
		t.Error(d)
	}
}

func TestUsageDefaults(t *testing.T) {
	m := &memory{}
	_, c := serve(t, m, nil)
	got, err := c.Usage(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Query{From: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), To: noon, By: []string{"team"}}
	if d := cmp.Diff(want, m.asked); d != "" {
		t.Error(d)
	}
	if got.Rows == nil || got.Total.Calls != 0 {
		t.Errorf("no calls: rows %v, total %+v; want an empty list and nothing", got.Rows, got.Total)
	}
}

func TestCallBothWays(t *testing.T) {
	r := record(t)
	_, c := serve(t, &memory{records: []policy.Record{r}}, nil)
	for _, id := range []string{r.ID.String(), r.RequestID, r.TraceID, r.ResponseID} {
		got, err := c.Call(t.Context(), id)
		if err != nil {
			t.Errorf("Call(%q): %v", id, err)
			continue
		}
		if d := cmp.Diff(&CallAnswer{Matches: []policy.Record{r}}, got); d != "" {
			t.Errorf("Call(%q): %s", id, d)
		}
	}
	_, err := c.Call(t.Context(), "nobody")
	var e *Error
	if !errors.As(err, &e) || e.Code != NotFound || e.Status != 404 {
		t.Errorf("Call(nobody) = %v, want %s with 404", err, NotFound)
	}
}

// TestRecordJSON holds the names and forms that other programs read.
func TestRecordJSON(t *testing.T) {
	r := record(t)
	s, _ := serve(t, &memory{records: []policy.Record{r}}, nil)
	_, body := get(t, s, "/api/v1/calls/req-1")
	for _, want := range []string{
		`"call_id":"01020000-0000-0000-0000-000000000009"`,
		`"owner":[{"name":"team","value":"support","rule":"header x-team"},{"name":"project","value":"<chat>","rule":"default"}]`,
		`"source":"counted"`, `"meter":"cache_write_5m"`, `"rate":"2.5"`, `"rate_id":"openai/gpt-4o"`, `"state":"priced"`, `"quantity":7`,
		`"list_usd":"0.0000175"`, `"contracted_usd":"0.0000154"`, `"charged_usd":"0.00002"`,
		`"shares":{"system":10,"history":0,"last":4,"tools":0,"media":0}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestCallIsBounded(t *testing.T) {
	m := &memory{}
	for i := range MaxMatches + 5 {
		m.records = append(m.records, policy.Record{RequestID: "again", Attempt: i})
	}
	_, c := serve(t, m, nil)
	got, err := c.Call(t.Context(), "again")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Matches) != MaxMatches || !got.Truncated {
		t.Errorf("%d matches, truncated %v; want %d, true", len(got.Matches), got.Truncated, MaxMatches)
	}
	if got.Matches[0].Owner == nil || got.Matches[0].Lines == nil {
		t.Error("absent lists are null, want []")
	}
}

// get answers a status and a body.
func get(t *testing.T, s *httptest.Server, path string) (int, string) {
	t.Helper()
	a, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(b)
}

func TestRefused(t *testing.T) {
	many := make([]ledger.Row, MaxRows+1)
	for i := range many {
		many[i].Keys = []string{strconv.Itoa(i)}
	}
	s, _ := serve(t, &memory{rows: many}, nil)
	for _, tt := range []struct {
		name, path, code, says string
		status                 int
	}{
		{"unknown key", "/api/v1/usage?x=y", InvalidQuery, `unknown query key "x": allowed are from, to, tz, by, team, limit, cursor`, 400},
		{"unknown key of a call", "/api/v1/calls/a?x=1", InvalidQuery, "none is allowed here", 400},
		{"key twice", "/api/v1/usage?by=team&by=model", InvalidQuery, "give it once", 400},
		{"broken query", "/api/v1/usage?by=%zz", InvalidQuery, "cannot be read", 400},
		{"long query", "/api/v1/usage?by=" + strings.Repeat("a", maxQuery), InvalidQuery, "at most 16384", 400},
		{"no time", "/api/v1/usage?from=yesterday", InvalidQuery, "neither a date", 400},
		{"backwards", "/api/v1/usage?from=2026-08-02&to=2026-08-01", InvalidQuery, "is not before", 400},
		{"empty time", "/api/v1/usage?from=2026-08-02&to=2026-08-02", InvalidQuery, "is not before", 400},
		{"long ago", "/api/v1/usage?from=0001-01-01&to=0002-01-01", InvalidQuery, "1970", 400},
		{"eleven years", "/api/v1/usage?from=2015-01-01&to=2026-01-01", InvalidQuery, "ten years", 400},
		{"a year by the hour", "/api/v1/usage?from=2025-01-01&to=2026-01-01&by=hour", InvalidQuery, "92 days", 400},
		{"seven names", "/api/v1/usage?by=a,b,c,d,e,f,g", InvalidQuery, "at most 6", 400},
		{"name twice", "/api/v1/usage?by=a,b,a", InvalidQuery, "twice", 400},
		{"empty name", "/api/v1/usage?by=a,,b", InvalidQuery, "no name", 400},
		{"hostile name", "/api/v1/usage?by=a'--", InvalidQuery, "no name", 400},
		{"long name", "/api/v1/usage?by=" + strings.Repeat("a", MaxName+1), InvalidQuery, "no name", 400},
		{"too many rows", "/api/v1/usage", TooManyRows, "shorter time", 422},
		{"long id", "/api/v1/calls/" + strings.Repeat("a", MaxID+1), InvalidQuery, "at most 256", 400},
		{"no such call", "/api/v1/calls/a%2Fb", NotFound, `\"a/b\"`, 404},
		{"no id", "/api/v1/calls/", NotFound, "there is nothing here", 404},
		{"elsewhere", "/api/v2/usage", NotFound, "there is nothing here", 404},
	} {
		status, body := get(t, s, tt.path)
		if status != tt.status || !strings.Contains(body, `"code":"`+tt.code+`"`) || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), strings.ReplaceAll(tt.says, `\"`, `"`)) {
			t.Errorf("%s: %d %s, want %d, %s and %q", tt.name, status, body, tt.status, tt.code, tt.says)
		}
	}
}

func TestMethods(t *testing.T) {
	s, _ := serve(t, &memory{}, nil)
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405, "OPTIONS": 405} {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+usagePath, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		a.Body.Close()
		if a.StatusCode != want || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v, want %d and JSON that is not stored", method, a.StatusCode, a.Header, want)
		}
		if want == 405 && (a.Header.Get("Allow") != "GET, HEAD" || !json.Valid(body)) {
			t.Errorf("%s: Allow %q, body %s", method, a.Header.Get("Allow"), body)
		}
	}
}

// TestInnerErrorsStayInside: what failed is logged once and not told.
func TestInnerErrorsStayInside(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		code   string
		logged int
	}{
		{errors.New("disk of secrets on fire"), 500, Internal, 1},
		{context.DeadlineExceeded, 503, Unavailable, 1},
		{context.Canceled, 500, Internal, 0},
	} {
		var log bytes.Buffer
		s, _ := serve(t, &memory{err: tt.err}, slog.New(slog.NewTextHandler(&log, nil)))
		for _, path := range []string{usagePath, callsPath + "/x"} {
			log.Reset()
			status, body := get(t, s, path)
			if status != tt.status || !strings.Contains(body, `"code":"`+tt.code+`"`) || strings.Contains(body, "fire") {
				t.Errorf("%s with %v: %d %s", path, tt.err, status, body)
			}
			if got := strings.Count(log.String(), tt.err.Error()); got != tt.logged {
				t.Errorf("%s with %v: logged %d times, want %d", path, tt.err, got, tt.logged)
			}
		}
	}
}

// TestRowsMustFit: a ledger that answers another question is an error, not a
// panic.
func TestRowsMustFit(t *testing.T) {
	s, _ := serve(t, &memory{rows: []ledger.Row{{Keys: []string{"a", "b"}}}}, nil)
	if status, body := get(t, s, usagePath); status != 500 {
		t.Errorf("%d %s, want 500", status, body)
	}
}

func FuzzUsageQuestion(f *testing.F) {
	f.Add("2026-08-01", "2026-08-02T00:00:00Z", "Europe/Berlin", "team,model")
	f.Add("0000-01-01", "", "", "hour")
	f.Add("1970-01-01", "", "America/Sao_Paulo", "day")
	f.Fuzz(func(t *testing.T, from, to, zone, by string) {
		question := usageQuestion{Period: Period{From: from, To: to, Zone: zone}, By: strings.Split(by, ",")}
		a, err := question.read("usage", noon)
		if err != nil {
			if err.Status != 400 || err.Message == "" {
				t.Errorf("%+v: %+v", question, err)
			}
			return
		}
		if !a.From.Before(a.To) || a.To.Sub(a.From) > MaxRange || len(a.By) == 0 || len(a.By) > MaxBy {
			t.Errorf("%+v: %+v", question, a)
		}
		question.From, question.To = a.From.Format(time.RFC3339Nano), a.To.Format(time.RFC3339Nano)
		again, err := question.read("usage", noon)
		if err != nil || !again.From.Equal(a.From) || !again.To.Equal(a.To) {
			t.Errorf("%+v: %+v, and written out again %+v, %v", question, a, again, err)
		}
	})
}
