package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"
)

// batchStory is a batch of two requests, of which one fails, and how its results
// are come by.
type batchStory struct {
	dialect        string
	begin, request string
	begun          string
	ask, ended     string // about the batch; empty: nobody asks
	fetch, kind    string
	results        string
	model          string
	want           meters
}

func batchStories() []batchStory {
	return []batchStory{
		{
			dialect: "openai",
			begin:   "/v1/batches", request: `{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"}`,
			begun: `{"id":"batch_1","object":"batch","status":"validating","output_file_id":null}`,
			ask:   "/v1/batches/batch_1", ended: `{"id":"batch_1","object":"batch","status":"completed","output_file_id":"file-9","usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0}}`,
			fetch: "/v1/files/file-9/content", kind: "application/octet-stream",
			results: `{"id":"r1","custom_id":"1","response":{"status_code":200,"request_id":"q","body":{"id":"c1","model":"ferry","choices":[],"usage":{"prompt_tokens":30,"completion_tokens":9,"total_tokens":39,"prompt_tokens_details":{"cached_tokens":10}}}},"error":null}` + "\n" +
				`{"id":"r2","custom_id":"2","response":null,"error":{"code":"batch_expired","message":"no"}}` + "\n",
			model: "ferry", want: meters{tokenizer.Input: 20, tokenizer.CacheRead: 10, tokenizer.Output: 9, tokenizer.Requests: 1},
		},
		{
			dialect: "anthropic",
			begin:   "/v1/messages/batches", request: `{"requests":[{"custom_id":"1","params":{"model":"claude-ferry","max_tokens":9,"messages":[]}},{"custom_id":"2","params":{"model":"claude-ferry","max_tokens":9,"messages":[]}}]}`,
			begun: `{"id":"msgbatch_1","type":"message_batch","processing_status":"in_progress","request_counts":{"succeeded":0}}`,
			fetch: "/v1/messages/batches/msgbatch_1/results", kind: "application/binary",
			results: `{"custom_id":"1","result":{"type":"succeeded","message":{"model":"claude-ferry","usage":{"input_tokens":7,"cache_read_input_tokens":5,"output_tokens":3}}}}` + "\n" +
				`{"custom_id":"2","result":{"type":"errored","error":{"type":"error","error":{"type":"api_error"}}}}` + "\n",
			model: "claude-ferry", want: meters{tokenizer.Input: 7, tokenizer.CacheRead: 5, tokenizer.Output: 3, tokenizer.Requests: 1},
		},
		{
			dialect: "gemini",
			begin:   "/v1beta/models/gemini-ferry:batchGenerateContent", request: `{"batch":{"inputConfig":{"fileName":"files/in"}}}`,
			begun: `{"name":"batches/b1","metadata":{"model":"models/gemini-ferry","state":"BATCH_STATE_PENDING"}}`,
			ask:   "/v1beta/batches/b1", ended: `{"name":"batches/b1","metadata":{"model":"models/gemini-ferry"},"done":true,"response":{"responsesFile":"files/batch-b1"}}`,
			fetch: "/download/v1beta/files/batch-b1:download", kind: "application/octet-stream",
			results: `{"key":"1","response":{"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":2,"totalTokenCount":10},"modelVersion":"gemini-ferry"}}` + "\n" +
				`{"key":"2","error":{"code":3,"message":"no"}}` + "\n",
			model: "gemini-ferry", want: meters{tokenizer.Input: 8, tokenizer.Output: 2, tokenizer.Requests: 1},
		},
		{
			dialect: "mistral",
			begin:   "/v1/batch/jobs", request: `{"input_files":["f-1"],"endpoint":"/v1/ocr","model":"ocr-ferry"}`,
			begun: `{"id":"b-1","object":"batch","input_files":["f-1"],"endpoint":"/v1/ocr","model":"ocr-ferry","status":"QUEUED","succeeded_requests":0,"output_file":null}`,
			ask:   "/v1/batch/jobs/b-1", ended: `{"id":"b-1","object":"batch","endpoint":"/v1/ocr","model":"ocr-ferry","status":"SUCCESS","succeeded_requests":1,"output_file":"f-9"}`,
			fetch: "/v1/files/f-9/content", kind: "application/octet-stream",
			results: `{"id":"r-1","custom_id":"tides","response":{"status_code":200,"body":{"model":"ocr-ferry","pages":[],"usage_info":{"pages_processed":12,"doc_size_bytes":13002}}},"error":null}` + "\n" +
				`{"id":"r-2","custom_id":"charts","response":{"status_code":422,"body":{"detail":"no"}},"error":null}` + "\n",
			model: "ocr-ferry", want: meters{tokenizer.Pages: 12, tokenizer.Requests: 1},
		},
	}
}

// TestABatchIsPaidOnceByWhoBeganItWhoeverDownloadsItsResults: they come as bytes,
// and another team fetches them, twice.
func TestABatchIsPaidOnceByWhoBeganItWhoeverDownloadsItsResults(t *testing.T) {
	t.Parallel()
	for _, b := range batchStories() {
		t.Run(b.dialect, func(t *testing.T) {
			t.Parallel()
			answers := []replay.Answer{
				{Path: b.begin, Kind: replay.JSON, Body: []byte(b.begun)},
				{Path: b.fetch, Kind: b.kind, Body: []byte(b.results)},
			}
			if b.ask != "" {
				answers = append(answers, replay.Answer{Path: b.ask, Kind: replay.JSON, Body: []byte(b.ended)})
			}
			up, err := replay.Start(answers)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = up.Close() })
			o := harness.StackOptions{Config: tariff(b.dialect)}
			o.Envoy.Upstream = up.Addr()
			b.unfolds(t, kit.Start(t, o))
		})
	}
}

func (b batchStory) unfolds(t *testing.T, s *harness.Stack) {
	t.Helper()
	begun := ask(s, b.begin, b.request)
	if g := begun.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	var paths []string
	if b.ask != "" {
		paths = append(paths, b.ask)
	}
	for _, path := range append(paths, b.fetch, b.fetch) {
		fetch := ask(s, path, "")
		fetch.method = http.MethodGet
		fetch.header.Set("X-Team", "other")
		fetch.header.Del("Content-Type")
		g := fetch.run(t.Context())
		if g.err != nil || g.status != http.StatusOK || path == b.fetch && string(g.body) != b.results {
			t.Fatalf("%s: status %d, %v, %s", path, g.status, g.err, g.body)
		}
	}
	r := recordsOf(t, s, begun, 1)[0]
	got := meters{}
	for _, l := range r.Lines {
		got[l.Class] += l.Quantity
	}
	if r.Owner.Value("team") != "support" || r.Outcome != policy.Served || r.Source != tokenizer.Reported || r.Tier != "batch" || r.Model != b.model ||
		fmt.Sprint(got) != fmt.Sprint(b.want) || cost(r.Lines) != price(b.want) {
		t.Errorf("the record says %+v of %v, want %v", r, got, b.want)
	}
	if u, err := s.Farebox.Usage(t.Context(), "team"); err != nil || u.Total.Calls != 1 {
		t.Errorf("%+v are on record, %v", u, err)
	}
	if n := metric(t, s, "farebox_deferred_pending"); n != 0 {
		t.Errorf("%v works are still waited for", n)
	}
}

func TestAFileThatIsNoBatchsResultsPassesUntouched(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte{0, 1, '\n', 0xff}, megabyte/4)
	s := replayed(t, replay.Answer{Path: "/v1/files/file-model/content", Kind: "application/octet-stream", Body: file})
	fetch := ask(s, "/v1/files/file-model/content", "")
	fetch.method = http.MethodGet
	fetch.header.Del("Content-Type")
	if g := fetch.run(t.Context()); g.err != nil || g.status != http.StatusOK || !bytes.Equal(g.body, file) {
		t.Fatalf("status %d, %v, %d bytes", g.status, g.err, len(g.body))
	}
	for _, family := range []string{"farebox_deferred_total", "farebox_degraded_total", "farebox_unmetered_requests_total"} {
		if n := metric(t, s, family); n != 0 {
			t.Errorf("%s counts %v", family, n)
		}
	}
}
