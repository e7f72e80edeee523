package extproc_test

import (
	"strings"
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// answers1K is what a small JSON call sends, with the headers that Envoy adds.
func answers1K() []*extprocv3.ProcessingRequest {
	body := `{"model":"gpt-4o","messages":[{"role":"user","content":"` + strings.Repeat("word ", 180) + `"}]}`
	answer := `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("word ", 140) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":190,"completion_tokens":140,"total_tokens":330}}`
	return []*extprocv3.ProcessingRequest{
		requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "api.openai.com", ":scheme", "http",
			"content-type", "application/json", "content-length", itoa(len(body)), "user-agent", "bench", "authorization", "Bearer sk-1",
			"x-team", "support", "x-project", "bot", "x-forwarded-proto", "http", "x-request-id", "6f1ed002-ab5f-4c14-8a9b-000000000000"),
		requestBody(body),
		responseHeaders(false, ":status", "200", "content-type", "application/json", "content-length", itoa(len(answer)), "date", "now", "server", "x"),
		responseBody(answer, true),
	}
}

func BenchmarkJSON1K(b *testing.B) {
	s := newStand(b, nil)
	messages := answers1K()
	b.ReportAllocs()
	for b.Loop() {
		e := s.begin(b)
		for _, m := range messages {
			e.send(m)
		}
		if err := e.stream.CloseSend(); err != nil {
			b.Fatal(err)
		}
		e.stream.Recv()
		e.hangUp()
	}
}
