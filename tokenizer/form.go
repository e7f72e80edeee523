package tokenizer

import "strings"

// Form is how the pieces of an answer are framed.
type Form uint8

// JSON is one value, an array of chunks too. SSE is server-sent events. NDJSON is
// a JSON value in each line. EventStream is AWS's binary frames. Opaque is
// anything else: sound, pictures, plain text.
const (
	JSON Form = iota
	SSE
	NDJSON
	EventStream
	Opaque
)

var formNames = [...]string{JSON: "json", SSE: "sse", NDJSON: "ndjson", EventStream: "eventstream", Opaque: "opaque"}

func (f Form) String() string { return formNames[f] }

// FormOf reads a content type; one that is not said is JSON.
func FormOf(contentType string) Form {
	if i := strings.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	switch mime := strings.ToLower(strings.TrimSpace(contentType)); {
	case mime == "text/event-stream":
		return SSE
	case mime == "application/json", mime == "":
		return JSON
	case mime == "application/x-ndjson", mime == "application/ndjson", mime == "application/jsonl",
		mime == "application/x-jsonl", mime == "application/stream+json":
		return NDJSON
	case mime == "application/vnd.amazon.eventstream":
		return EventStream
	case strings.HasSuffix(mime, "+json"):
		return JSON
	}
	return Opaque
}
