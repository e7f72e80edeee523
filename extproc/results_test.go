package extproc_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/tokenizer"

	extprocfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
)

// resultFile is what a batch of two requests came to.
const resultFile = `{"custom_id":"1","response":{"status_code":200,"body":{"model":"m1","usage":{"prompt_tokens":11,"completion_tokens":4}}},"error":null}` + "\n" +
	`{"custom_id":"2","response":null,"error":{"code":"batch_expired"}}` + "\n"

func fileOf(id string) []string {
	return []string{":method", "GET", ":path", "/v1/files/" + id + "/content", ":authority", "api.openai.com", "accept-encoding", "gzip", "x-team", "support"}
}

// TestResultsOfABatchAreReadWhateverTheyAreCalled: plain or compressed, and
// wherever the file is cut.
func TestResultsOfABatchAreReadWhateverTheyAreCalled(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(resultFile)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, kind, encoding, body string }{
		{"bytes", "application/octet-stream", "", resultFile},
		{"binary", "application/binary", "", resultFile},
		{"lines", "application/x-jsonl", "", resultFile},
		{"text", "text/plain; charset=utf-8", "", resultFile},
		{"compressed bytes", "application/octet-stream", "gzip", packed.String()},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t, nil)
			s.cashier.awaits = "file-9"
			e := s.begin(t)
			if removed := e.send(requestHeaders(true, fileOf("file-9")...)).GetRequestHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders(); strings.Join(removed, " ") != "x-team accept-encoding" {
				t.Errorf("it takes off %v", removed)
			}
			head := []string{":status", "200", "content-type", c.kind}
			if c.encoding != "" {
				head = append(head, "content-encoding", c.encoding)
			}
			if mode := e.send(responseHeaders(false, head...)).GetModeOverride().GetResponseBodyMode(); mode != extprocfilterv3.ProcessingMode_STREAMED {
				t.Errorf("the file comes %v", mode)
			}
			for i := range len(c.body) {
				e.send(responseBody(c.body[i:i+1], i == len(c.body)-1))
			}
			o := s.cashier.settled(t)
			if len(o.Reading.Usage) != 1 || o.End != tokenizer.Complete || o.Reading.Deferred.ID != "" {
				t.Fatalf("settled as %+v", o)
			}
			if in, out := o.Reading.Usage[0].Totals(); in != 11 || out != 4 || o.Reading.Tier != "batch" {
				t.Errorf("%d in, %d out, tier %q", in, out, o.Reading.Tier)
			}
		})
	}
}

// TestOtherFilesPassUnread: not a byte of a file that is no batch's results comes
// here, and its request is not changed for our sake.
func TestOtherFilesPassUnread(t *testing.T) {
	s := newStand(t, nil)
	s.cashier.awaits = "file-9"
	e := s.begin(t)
	r := e.send(requestHeaders(true, fileOf("file-model")...))
	if removed := r.GetRequestHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders(); strings.Join(removed, " ") != "x-team" {
		t.Errorf("it takes off %v", removed)
	}
	if !e.closed() {
		t.Error("the exchange goes on")
	}
	if all := s.cashier.all(); len(all) != 0 {
		t.Errorf("settled: %+v", all)
	}
}

// TestResultsThatWereNotReadSettleNothing: what was hung up on, came empty or
// cannot be inflated leaves the batch to a later answer.
func TestResultsThatWereNotReadSettleNothing(t *testing.T) {
	goesOn := func(o policy.Outcome) bool {
		return o.End == tokenizer.Cut || o.Lost || o.Reading.Deferred.ID == "file-9" && len(o.Reading.Usage) == 0
	}
	for name, play := range map[string]func(*exchange){
		"hung up": func(e *exchange) {
			e.send(responseHeaders(false, ":status", "200", "content-type", "application/octet-stream"))
			e.send(responseBody(resultFile, false))
			e.hangUp()
		},
		"empty": func(e *exchange) { e.send(responseHeaders(true, ":status", "200", "content-length", "0")) },
		"torn": func(e *exchange) {
			e.send(responseHeaders(false, ":status", "200", "content-type", "application/octet-stream"))
			e.send(responseBody(resultFile[:len(resultFile)-9], true))
		},
		"not gzip": func(e *exchange) {
			e.send(responseHeaders(false, ":status", "200", "content-type", "application/octet-stream", "content-encoding", "gzip"))
			e.send(responseBody(resultFile, true))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			s.cashier.awaits = "file-9"
			e := s.begin(t)
			e.send(requestHeaders(true, fileOf("file-9")...))
			play(e)
			if o := s.cashier.settled(t); !goesOn(o) {
				t.Errorf("settled as %+v", o)
			}
		})
	}
}
