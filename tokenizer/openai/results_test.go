package openai

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

// line is one of a file of results, as the API writes it.
func line(status int, body string) string {
	return fmt.Sprintf(`{"id":"batch_req_1","custom_id":"no","response":{"status_code":%d,"request_id":"r","body":%s},"error":null}`+"\n", status, body)
}

const (
	chatLine = `{"id":"c1","model":"m1","choices":[{"message":{"content":"{\n} \"usage\":"}}],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":1}}}`
	workLine = `{"id":"resp_1","model":"m1","output":[{"type":"web_search_call","action":{"type":"search"}}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}`
	meanLine = `{"object":"list","model":"e1","data":[{"embedding":[0.1,0.2]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`
	drawLine = `{"created":1,"data":[{"b64_json":"AAAA"}],"usage":{"input_tokens":5,"output_tokens":9,"total_tokens":14}}`
	failLine = `{"error":{"message":"no","code":"x"}}`
	goneLine = `{"id":"batch_req_2","custom_id":"no","response":null,"error":{"code":"batch_expired","message":"no"}}` + "\n"
)

// readResults reads a file cut at cuts.
func readResults(form tokenizer.Form, body string, end tokenizer.End, cuts ...int) tokenizer.Reading {
	m := New().NewMeter(tokenizer.Call{Operation: batchResults, Of: "file-9", Results: true}, tokenizer.Answer{Status: 200, Form: form, Head: tokenizer.NoHead{}})
	at := 0
	for _, c := range append(cuts, len(body)) {
		p := []byte(body[at:c])
		m.Feed(p)
		clear(p) // nothing may be kept of a piece
		at = c
	}
	return m.Close(end)
}

func told(t *testing.T, r *tokenizer.Reading) string {
	t.Helper()
	var parts []string
	for i := range r.Usage {
		text, err := json.Marshal(&r.Usage[i])
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, r.Usage[i].Model+string(text))
	}
	return strings.Join(parts, " ")
}

func TestMatchResults(t *testing.T) {
	for _, c := range []struct{ method, path, of string }{
		{"GET", "/v1/files/file-9/content", "file-9"},
		{"GET", "/openai/v1/files/file-9/content/", "file-9"},
		{"GET", "/openai/files/file-9/content", "file-9"},
		{"POST", "/v1/files/file-9/content", ""},
		{"GET", "/v1/files/file-9", ""},
		{"GET", "/v1/files/content", ""},
		{"GET", "/v1/containers/c/files/f/content", ""},
		{"GET", "/v1/batches/b/content", ""},
	} {
		operation, ok := New().Match(c.method, c.path)
		if ok != (c.of != "") || ok && operation != batchResults {
			t.Errorf("%s %s: %q, %v", c.method, c.path, operation, ok)
		}
		if !ok {
			continue
		}
		call, err := New().Read(operation, c.path, tokenizer.NoHead{}, nil)
		if err != nil || call.Of != c.of || !call.Results || call.Form("application/octet-stream") != tokenizer.NDJSON || call.Form("application/json") != tokenizer.JSON {
			t.Errorf("%s %s: %+v, %v", c.method, c.path, call, err)
		}
	}
}

// TestResultsAtEveryCut: each success is added up by model; errors of any shape
// count nothing.
func TestResultsAtEveryCut(t *testing.T) {
	body := line(200, chatLine) + line(400, failLine) + "\r\n" + line(200, workLine) + goneLine + line(200, meanLine) + line(500, chatLine) +
		line(200, drawLine) + strings.TrimSpace(line(200, chatLine))
	const want = `m1{"cache_read":12,"input":11,"output":8,"reasoning":2,"web_search":1} e1{"input":7} {"images":1,"input":5,"output_image":9}`
	for _, form := range []tokenizer.Form{tokenizer.NDJSON, tokenizer.JSON} {
		for cut := range body {
			r := readResults(form, body, tokenizer.Complete, cut)
			if got := told(t, &r); got != want || r.Tier != tierBatch || r.Model != "m1" || r.Unreadable != 0 || r.Error || r.Deferred.ID != "" {
				t.Fatalf("%v cut at %d: %s %+v", form, cut, got, r)
			}
		}
	}
}

func TestResultsThatSettleNothing(t *testing.T) {
	good := line(200, chatLine)
	for _, c := range []struct {
		name, body string
		end        tokenizer.End
		goesOn     bool
		unreadable int
	}{
		{"cut between lines", good, tokenizer.Cut, true, 0},
		{"cut within a line", good + good[:30], tokenizer.Cut, true, 0},
		{"torn", good + good[:30], tokenizer.Complete, true, 1},
		{"empty", "\n", tokenizer.Complete, true, 0},
		{"a page", "<html>\n", tokenizer.Complete, true, 1},
		{"no counts", line(200, `{"id":"c1"}`), tokenizer.Complete, true, 1},
		{"no results", `{"object":"file","id":"file-9"}`, tokenizer.Complete, true, 1},
		{"errors alone", goneLine + line(429, failLine), tokenizer.Complete, false, 0},
		{"one line wrong", good + "oops{\n" + good, tokenizer.Complete, false, 1},
	} {
		r := readResults(tokenizer.NDJSON, c.body, c.end)
		if (r.Deferred.ID == "file-9") != c.goesOn || r.Unreadable != c.unreadable || c.goesOn && len(r.Usage) != 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
	if m := New().NewMeter(tokenizer.Call{Operation: batchResults, Of: "file-9"}, tokenizer.Answer{Form: tokenizer.SSE}); m != nil {
		t.Error("a meter of what has no lines")
	}
}

// TestBatchOfShortCalls: a sum of many is not one long context, where the batch
// says how many they were.
func TestBatchOfShortCalls(t *testing.T) {
	w := work{call: tokenizer.Call{Operation: batch, Of: "batch_1"}, body: `{"id":"batch_1","status":"completed","request_counts":{"total":1000,"completed":999,"failed":1},"usage":{"input_tokens":999500,"output_tokens":10,"total_tokens":999510}}`}
	r := w.feed()
	if len(r.Usage) != 1 || r.Usage[0].Context != 1001 {
		t.Errorf("%+v", r.Usage)
	}
}

func TestResultsAllocateLittle(t *testing.T) {
	m := New().NewMeter(tokenizer.Call{Operation: batchResults, Of: "file-9"}, tokenizer.Answer{Form: tokenizer.NDJSON})
	piece := []byte(line(200, chatLine) + goneLine + line(200, workLine))
	m.Feed(piece)
	if n := testing.AllocsPerRun(100, func() { m.Feed(piece) }); n > 4 { // the names of models
		t.Errorf("%v allocations a piece of three lines", n)
	}
}

func FuzzResults(f *testing.F) {
	f.Add(line(200, chatLine)+goneLine+line(400, failLine), 9)
	f.Add(line(200, workLine)+line(200, drawLine), 40)
	f.Fuzz(func(t *testing.T, body string, cut int) {
		for _, end := range []tokenizer.End{tokenizer.Complete, tokenizer.Cut} {
			whole := readResults(tokenizer.NDJSON, body, end)
			pieces := readResults(tokenizer.NDJSON, body, end, min(max(cut, 0), len(body)))
			if !reflect.DeepEqual(whole, pieces) {
				t.Fatalf("%q cut at %d:\n%+v\n%+v", body, cut, whole, pieces)
			}
		}
	})
}
