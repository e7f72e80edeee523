package anthropic

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

const batches = "/v1/messages/batches"

func TestMatchBatches(t *testing.T) {
	for _, c := range []struct{ method, path, want, of string }{
		{"POST", batches, batch, ""},
		{"POST", "/anthropic" + batches + "/", batch, ""},
		{"GET", batches + "/msgbatch_1", batch, "msgbatch_1"},
		{"DELETE", batches + "/msgbatch_1", batch, "msgbatch_1"},
		{"POST", batches + "/msgbatch_1/cancel", batch, "msgbatch_1"},
		{"GET", batches + "/msgbatch_1/results", batchResults, "msgbatch_1"},
		{"GET", batches, "", ""},
		{"GET", batches + "/", "", ""},
		{"POST", batches + "/msgbatch_1", "", ""},
		{"POST", batches + "/msgbatch_1/results", "", ""},
		{"GET", batches + "/msgbatch_1/cancel", "", ""},
		{"GET", batches + "/msgbatch_1/results/more", "", ""},
		{"POST", batches + "x", "", ""},
		{"GET", "/v1/batches/batch_1", "", ""},
	} {
		got, ok := New().Match(c.method, c.path)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s: %q, %v", c.method, c.path, got, ok)
		}
		if !ok || c.of == "" {
			continue
		}
		call, err := New().Read(got, c.path, tokenizer.NoHead{}, nil)
		if err != nil || call.Of != c.of || call.Operation != got || call.Choices != 1 {
			t.Errorf("%s %s: %+v, %v", c.method, c.path, call, err)
		}
	}
}

func TestReadBatch(t *testing.T) {
	for _, c := range []struct {
		body string
		want tokenizer.Call
	}{
		{`{"requests":[{"custom_id":"no","params":{"model":"claude-a","max_tokens":10,"system":"1","messages":[{"role":"user","content":"12345"}]}},
			{"custom_id":"no","params":{"model":"claude-b","max_tokens":15,"inference_geo":"us","tools":[{}],"messages":[{"role":"user","content":"12"},{"role":"assistant","content":"1"}]}}]}`,
			tokenizer.Call{Model: "claude-a", Region: "us", Choices: 2, MaxOutput: 13, Shares: tokenizer.Shares{System: 1, History: 2, Last: 6, Tools: 4}}},
		{`{"requests":[{"params":{"model":"claude-a","max_tokens":10}},{"params":{"messages":[]}}]}`, tokenizer.Call{Model: "claude-a", Choices: 2}},
		{`{"requests":[]}`, tokenizer.Call{Choices: 1}},
		{`{"requests":[7,null,[],{"params":7}]}`, tokenizer.Call{Choices: 4}},
		{`{}`, tokenizer.Call{Choices: 1}},
	} {
		got, err := New().Read(batch, batches, tokenizer.NoHead{}, []byte(c.body))
		c.want.Dialect, c.want.Operation, c.want.Tier = Name, batch, batch
		if err != nil || got != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.body, got, err, c.want)
		}
	}
	for _, body := range []string{``, `[]`, `{"requests":[{}`} {
		if got, err := New().Read(batch, batches, tokenizer.NoHead{}, []byte(body)); !errors.Is(err, jsonscan.ErrMalformed) || got.Operation != batch || got.Choices != 1 {
			t.Errorf("%q: %+v, %v", body, got, err)
		}
	}
}

// about is one answer about a batch.
func about(of, op string, form tokenizer.Form, body string, end tokenizer.End, cuts ...int) tokenizer.Reading {
	m := New().NewMeter(tokenizer.Call{Operation: op, Of: of}, tokenizer.Answer{Status: 200, Form: form, Head: tokenizer.NoHead{}})
	at := 0
	for _, c := range append(cuts, len(body)) {
		p := []byte(body[at:c])
		m.Feed(p)
		clear(p) // nothing may be kept of a piece
		at = c
	}
	return m.Close(end)
}

func TestBatchGoesOn(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 30, 0, 500_000_000, time.UTC)
	const b1 = `{"id":"b1","type":"message_batch","processing_status":"%s","request_counts":{"processing":1,"succeeded":%d},"created_at":"2026-03-01T12:30:00.5Z","expires_at":"2026-03-02T12:30:00.5Z","ended_at":null}`
	for _, c := range []struct {
		name, of, body string
		end            tokenizer.End
		want           tokenizer.Deferred
	}{
		{"made", "", fmt.Sprintf(b1, "in_progress", 0), tokenizer.Complete, tokenizer.Deferred{ID: "b1", Expires: made.Add(resultsKept)}},
		{"goes on", "b1", fmt.Sprintf(b1, "in_progress", 0), tokenizer.Complete, tokenizer.Deferred{ID: "b1", Expires: made.Add(resultsKept)}},
		{"cancelled", "b1", fmt.Sprintf(b1, "canceling", 0), tokenizer.Complete, tokenizer.Deferred{ID: "b1", Expires: made.Add(resultsKept)}},
		{"ended", "b1", fmt.Sprintf(b1, "ended", 3), tokenizer.Complete, tokenizer.Deferred{ID: "b1", Expires: made.Add(resultsKept)}},
		{"ended for nothing", "b1", fmt.Sprintf(b1, "ended", 0), tokenizer.Complete, tokenizer.Deferred{}},
		{"ended, no counts", "b1", `{"id":"b1","processing_status":"ended","expires_at":"2026-03-02T12:30:00.5Z"}`, tokenizer.Complete, tokenizer.Deferred{ID: "b1", Expires: made.Add(resultsKept)}},
		{"deleted", "b1", `{"id":"b1","type":"message_batch_deleted"}`, tokenizer.Complete, tokenizer.Deferred{ID: "b1"}},
		{"not read", "b1", `<html>`, tokenizer.Complete, tokenizer.Deferred{ID: "b1"}},
		{"cut", "b1", `{"id":"b1","processing_status":"ended","request_counts":{"succeeded":0}`, tokenizer.Cut, tokenizer.Deferred{ID: "b1"}},
		{"refused", "", `{"type":"error","error":{"type":"invalid_request_error","message":"no"}}`, tokenizer.Failed, tokenizer.Deferred{}},
		{"no batch", "", `<html>`, tokenizer.Complete, tokenizer.Deferred{}},
	} {
		for cut := range c.body {
			r := about(c.of, batch, tokenizer.JSON, c.body, c.end, cut)
			if r.Deferred != c.want || len(r.Usage) != 0 || r.Tier != batch {
				t.Fatalf("%s at %d: %+v, want %+v", c.name, cut, r, c.want)
			}
		}
	}
}

// TestUnseenResults: an answer whose bytes nobody looks at settles nothing.
func TestUnseenResults(t *testing.T) {
	for _, op := range []string{batch, batchResults} {
		if r := about("b1", op, tokenizer.Opaque, "", tokenizer.Complete); r.Deferred.ID != "b1" || len(r.Usage) != 0 {
			t.Errorf("%s: %+v", op, r)
		}
	}
	if m := New().NewMeter(tokenizer.Call{Operation: batch}, tokenizer.Answer{Form: tokenizer.Opaque}); m != nil {
		t.Error("a meter of nothing")
	}
}

func result(kind, model, usage string) string {
	return `{"custom_id":"no","result":{"message":{"id":"no","model":"` + model + `","content":[{"type":"text","text":"{\n"}],"usage":` + usage + `},"type":"` + kind + `"}}` + "\n"
}

func TestResults(t *testing.T) {
	small := result("succeeded", "claude-a", `{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5,"output_tokens_details":{"thinking_tokens":1},"service_tier":"batch","inference_geo":"us"}`)
	body := small + `{"custom_id":"no","result":{"type":"errored","error":{"type":"error","error":{"type":"api_error"}}}}` + "\r\n\n" +
		result("succeeded", "claude-b", `{"input_tokens":1,"output_tokens":2,"iterations":[{"type":"compaction","input_tokens":9,"output_tokens":8},{"type":"message","input_tokens":1,"output_tokens":2}]}`) +
		`{"custom_id":"no","result":{"type":"expired"}}` + "\n" + strings.TrimSpace(small)
	const want = `claude-a {"cache_read":8,"input":6,"output":8,"reasoning":2} claude-b {"input":10,"output":10}`
	for cut := range body {
		r := about("b1", batchResults, tokenizer.NDJSON, body, tokenizer.Complete, cut)
		if got := classes(t, &r); got != want || r.Tier != batch || r.Region != "us" || r.Unreadable != 0 || r.Error || r.Deferred.ID != "" || r.ResponseID != "b1" || r.Model != "claude-a" {
			t.Fatalf("cut at %d: %s %+v", cut, got, r)
		}
	}
}

func TestResultsThatSettleNothing(t *testing.T) {
	good := result("succeeded", "claude-a", `{"input_tokens":3,"output_tokens":5}`)
	for _, c := range []struct {
		name, body string
		end        tokenizer.End
		goesOn     bool
		unreadable int
	}{
		{"cut", good + good[:20], tokenizer.Cut, true, 0},
		{"failed", `{"type":"error","error":{"type":"not_found_error"}}`, tokenizer.Failed, true, 0},
		{"error", `{"type":"error","error":{"type":"not_found_error"}}`, tokenizer.Complete, true, 0},
		{"page", "<html>\n", tokenizer.Complete, true, 1},
		{"no counts", result("succeeded", "claude-a", "null"), tokenizer.Complete, true, 1},
		{"none succeeded", `{"result":{"type":"canceled"}}`, tokenizer.Complete, false, 0},
		{"one line wrong", good + "oops{\n" + good, tokenizer.Complete, false, 1},
		{"the last line torn", good + good[:20], tokenizer.Complete, true, 1},
		{"empty", "\n", tokenizer.Complete, true, 0},
	} {
		r := about("b1", batchResults, tokenizer.NDJSON, c.body, c.end)
		if (r.Deferred.ID != "") != c.goesOn || r.Unreadable != c.unreadable || c.goesOn && len(r.Usage) != 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// TestResultsKeepLongContextsApart: many short contexts do not make a long one.
func TestResultsKeepLongContextsApart(t *testing.T) {
	var body strings.Builder
	for range 500 {
		body.WriteString(result("succeeded", "claude-a", `{"input_tokens":1000,"output_tokens":1}`))
	}
	body.WriteString(result("succeeded", "claude-a", `{"input_tokens":150000,"cache_read_input_tokens":60000,"output_tokens":2}`))
	r := about("b1", batchResults, tokenizer.NDJSON, body.String(), tokenizer.Complete)
	const want = `claude-a {"input":500000,"output":500} claude-a {"cache_read":60000,"input":150000,"output":2}`
	if got := classes(t, &r); got != want || r.Usage[0].Context != 1000 || r.Usage[1].Context != 210_000 {
		t.Errorf("%s of %d and %d", got, r.Usage[0].Context, r.Usage[1].Context)
	}
}

func FuzzResults(f *testing.F) {
	f.Add(result("succeeded", "claude-a", `{"input_tokens":1,"output_tokens":2}`)+`{"result":{"type":"errored"}}`, uint64(1))
	f.Add(`{"type":"error","error":{}}`, uint64(2))
	f.Fuzz(func(t *testing.T, body string, seed uint64) {
		for _, end := range []tokenizer.End{tokenizer.Complete, tokenizer.Cut} {
			for op, form := range map[string]tokenizer.Form{batch: tokenizer.JSON, batchResults: tokenizer.NDJSON} {
				whole := about("b1", op, form, body, end)
				pieces := about("b1", op, form, body, end, randomCuts(len(body), seed)...)
				if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", pieces) {
					t.Fatalf("%q:\n%+v\n%+v", body, whole, pieces)
				}
			}
		}
	})
}

func TestResultsAllocateLittle(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: batchResults, Of: "b1"}, tokenizer.Answer{Form: tokenizer.NDJSON})
	text := []byte(`{"custom_id":"no","result":{"message":{"content":[{"type":"text","text":"`)
	more := []byte(strings.Repeat("word ", 100))
	m.Feed(text)
	if n := testing.AllocsPerRun(100, func() { m.Feed(more) }); n != 0 {
		t.Errorf("%v allocations a piece", n)
	}
}
