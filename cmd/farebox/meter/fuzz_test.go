package meter

import "testing"

// FuzzCuts reads anything, as anything, cut anywhere: nothing panics, and the cuts
// change nothing.
func FuzzCuts(f *testing.F) {
	f.Add([]byte(plainChat), "/v1/chat/completions", "application/json", 7, 90)
	f.Add([]byte(streamedChat), "/v1/chat/completions", "text/event-stream", 30, 31)
	f.Add([]byte(streamedChat+streamedChat), "/v1/chat/completions", "", 200, 500)
	f.Add([]byte("event: message_start\ndata: {}\n\n"), "/v1/messages", "text/event-stream", 0, 1)
	f.Add([]byte(`[{"candidates":[]}]`), "/v1beta/models/m:streamGenerateContent", "application/json", 3, 3)
	f.Add([]byte{0, 0, 0, 16, 0, 0, 0, 0}, "/model/m/converse-stream", "application/vnd.amazon.eventstream", 4, 5)
	m := newMeter(f, "")
	f.Fuzz(func(t *testing.T, body []byte, path, kind string, a, b int) {
		c := Capture{URL: "https://example.com" + path, Headers: map[string]string{"content-type": kind}, Body: body}
		if c.URL == "https://example.com" || len(body) == 0 {
			return
		}
		want := read(t, m, c)
		c.Cuts = []int{int(uint(a) % uint(len(body))), int(uint(b) % uint(len(body)))}
		same(t, "cut", read(t, m, c), want)
	})
}
