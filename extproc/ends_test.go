package extproc_test

import (
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/farebox/farebox/extproc"
	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/bedrock"
	"github.com/farebox/farebox/tokenizer/gemini"
)

// TestAnEndThatComesTwiceIsOne: Envoy may say more than once that an answer is
// over. Each message is replied to, and the call is settled once.
func TestAnEndThatComesTwiceIsOne(t *testing.T) {
	for name, ends := range map[string][]*extprocv3.ProcessingRequest{
		"an end after the last event": {responseBody(sse, false), responseBody("", true), responseBody("", true)},
		"the last event ends twice":   {responseBody(sse, true), responseBody("", true)},
		"an end, then trailers":       {responseBody(sse, true), responseTrailers(), responseTrailers()},
		"the stream again":            {responseBody(sse, true), responseBody(sse, true)},
		"headers again":               {responseBody(sse, true), responseHeaders(true, ":status", "503")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, nil)
			e := s.begin(t)
			e.chat(streamed)
			e.send(responseHeaders(false, ":status", "200", "content-type", "text/event-stream"))
			for _, m := range ends {
				e.send(m) // fails the test when no reply comes
			}
			if err := e.stream.CloseSend(); err != nil || !e.closed() {
				t.Errorf("the stream did not end: %v", err)
			}
			o := s.cashier.settled(t) // and no more than once
			if n, _ := o.Reading.Usage[0].Count(tokenizer.Input); n != 9 || o.End != tokenizer.Complete || o.Status != 200 {
				t.Errorf("settled as %v of %d with %d input tokens", o.End, o.Status, n)
			}
		})
	}
}

// TestWhatDoesNotInflatePassesAndIsCounted: an answer that cannot be decoded
// reaches its caller as it came, and is settled as one that nobody saw.
func TestWhatDoesNotInflatePassesAndIsCounted(t *testing.T) {
	const answer = `{"id":"x","usage":{"prompt_tokens":1,"completion_tokens":2}}`
	for encoding, reason := range map[string]string{"gzip": "broken_encoding", "br": "broken_encoding", "zstd": "broken_encoding", "x-own": "unknown_encoding"} {
		s := newStand(t, nil)
		e := s.begin(t)
		e.chat(`{"model":"gpt-4o","messages":[]}`)
		e.send(responseHeaders(false, ":status", "200", "content-type", "application/json", "content-encoding", encoding))
		if reason == "broken_encoding" {
			if got := passed(e.send(responseBody(answer, true)), answer); got != answer {
				t.Errorf("%s: the caller got %q", encoding, got)
			}
		}
		if o := s.cashier.settled(t); !o.Lost || len(o.Reading.Usage) != 0 {
			t.Errorf("%s: settled as seen, lost %v, %+v", encoding, o.Lost, o.Reading)
		}
		if got := gathered(t, s); !strings.Contains(got, `farebox_degraded_total{reason="`+reason+`"} 1`) {
			t.Errorf("%s: not counted as %s:\n%s", encoding, reason, got)
		}
	}
}

// TestEncodedPathsAreRead: clients write the colons and slashes of a path as they
// like, and the call is the same.
func TestEncodedPathsAreRead(t *testing.T) {
	for path, want := range map[string]tokenizer.Call{
		"/v1beta/models/gemini-x%3AgenerateContent?alt=json":                                         {Dialect: "gemini", Operation: "generate_content", Model: "gemini-x"},
		"/v1/models/gemini-x%3agenerateContent":                                                      {Dialect: "gemini", Operation: "generate_content", Model: "gemini-x"},
		"/v1%2Fmodels/gemini-x:generateContent":                                                      {Dialect: "gemini", Operation: "generate_content", Model: "gemini-x"},
		"/model/eu.anthropic.claude-x-v1%3A0/converse":                                               {Dialect: "bedrock", Operation: "converse", Model: "eu.anthropic.claude-x-v1:0"},
		"/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A12%3Ainference-profile%2Feu.claude-x%3A0/converse": {Dialect: "bedrock", Operation: "converse", Model: "eu.claude-x:0", Region: "eu-west-1", Account: "12"},
	} {
		s := newStand(t, func(o *extproc.Options) { o.Dialects = []tokenizer.Dialect{gemini.New(), bedrock.New()} })
		e := s.begin(t)
		e.send(requestHeaders(false, ":method", "POST", ":path", path, ":authority", "a", "content-length", "2"))
		e.send(requestBody("{}"))
		got := s.cashier.admitted[0].Call
		if got.Dialect != want.Dialect || got.Operation != want.Operation || got.Model != want.Model || got.Region != want.Region || got.Account != want.Account {
			t.Errorf("%s: read as %+v", path, got)
		}
		e.hangUp()
	}
}
