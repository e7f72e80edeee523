package replay

import "strings"

// Ollama answers chat, whole and as lines, and embeddings, with its counts beside
// its times.
func Ollama() []Answer {
	return []Answer{
		{Path: "/api/chat", Kind: JSON, Body: []byte(ollamaWhole)},
		{Path: "/api/chat", Streamed: true, Kind: NDJSON, Body: []byte(strings.Join(ollamaLines, "\n") + "\n")},
		{Path: "/api/embed", Kind: JSON, Body: []byte(`{"model":"ferry:1b","embeddings":[[0.25,-0.5,0.125]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}`)},
	}
}

const ollamaWhole = `{"model":"ferry:1b","created_at":"2026-01-01T00:00:00.123456789Z","message":{"role":"assistant","content":"The \"north\" quay \u2693."},` +
	`"done":true,"done_reason":"stop","total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,` +
	`"eval_count":28,"eval_duration":4535599000}`

var ollamaLines = []string{
	`{"model":"ferry:1b","created_at":"2026-01-01T00:00:01.1Z","message":{"role":"assistant","content":"At noon, "},"done":false}`,
	`{"model":"ferry:1b","created_at":"2026-01-01T00:00:01.2Z","message":{"role":"assistant","content":"as ever."},"done":false}`,
	`{"model":"ferry:1b","created_at":"2026-01-01T00:00:01.3Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",` +
		`"total_duration":190084083,"load_duration":40691625,"prompt_eval_count":16,"prompt_eval_duration":40168500,"eval_count":22,"eval_duration":108922125}`,
}
