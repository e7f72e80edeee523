package e2e_test

import (
	"net/http"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/tokenizer"
)

// TestABatchOfDocumentsIsPaidOnceByWhoBeganItWhoeverFetchesItsResults, which come
// as a file of bytes.
func TestABatchOfDocumentsIsPaidOnceByWhoBeganItWhoeverFetchesItsResults(t *testing.T) {
	t.Parallel()
	const results = `{"id":"r-1","custom_id":"tides","response":{"status_code":200,"body":{"model":"ocr-ferry","pages":[],"usage_info":{"pages_processed":3,"doc_size_bytes":13002}}},"error":null}` + "\n" +
		`{"id":"r-2","custom_id":"charts","response":{"status_code":200,"body":{"model":"ocr-ferry","pages":[],"usage_info":{"pages_processed":9}}},"error":null}` + "\n"
	up, err := replay.Start([]replay.Answer{
		{Path: "/v1/batch/jobs", Kind: replay.JSON, Body: []byte(`{"id":"b-1","object":"batch","input_files":["f-1"],"endpoint":"/v1/ocr","model":"ocr-ferry","status":"QUEUED","succeeded_requests":0,"output_file":null}`)},
		{Path: "/v1/batch/jobs/b-1", Kind: replay.JSON, Body: []byte(`{"id":"b-1","object":"batch","endpoint":"/v1/ocr","model":"ocr-ferry","status":"SUCCESS","succeeded_requests":2,"output_file":"f-9"}`)},
		{Path: "/v1/files/f-9/content", Kind: "application/octet-stream", Body: []byte(results)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = up.Close() })
	o := harness.StackOptions{Config: tariff("mistral")}
	o.Envoy.Upstream = up.Addr()
	s := kit.Start(t, o)

	begun := ask(s, "/v1/batch/jobs", `{"input_files":["f-1"],"endpoint":"/v1/ocr","model":"ocr-ferry"}`)
	if g := begun.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	for _, path := range []string{"/v1/batch/jobs/b-1", "/v1/files/f-9/content", "/v1/files/f-9/content", "/v1/batch/jobs/b-1"} {
		fetch := ask(s, path, "")
		fetch.method = http.MethodGet
		fetch.header.Set("X-Team", "other")
		fetch.header.Del("Content-Type")
		if g := fetch.run(t.Context()); g.err != nil || g.status != http.StatusOK || path == "/v1/files/f-9/content" && string(g.body) != results {
			t.Fatalf("%s: status %d, %v, %q", path, g.status, g.err, g.body)
		}
	}
	r := recordsOf(t, s, begun, 1)[0]
	want := price(meters{tokenizer.Pages: 12, tokenizer.Requests: 1})
	if r.Owner.Value("team") != "support" || r.Operation != "batch" || r.Tier != "batch" || r.Model != "ocr-ferry" || cost(r.Lines) != want {
		t.Errorf("the record says %s of %s at %q for %v: %s USD, want %s", r.Operation, r.Model, r.Tier, r.Owner, cost(r.Lines), want)
	}
	if u, err := s.Farebox.Usage(t.Context(), "operation"); err != nil || u.Total.Calls != 1 {
		t.Errorf("%d calls are on record, %v", u.Total.Calls, err)
	}
}
