// Package mistral reads the calls and answers of Mistral's API: chat, of models
// and of agents, filling in the middle, conversations, embeddings, documents,
// sound, moderations, classifications and batches, plain or streamed; and those of
// Mistral's models at Vertex AI.
//
// In come request bodies, whole, and answers in any pieces. Out go a Call and a
// Reading. What is shaped as OpenAI's is read by that dialect's own readers. The
// package knows no price, no team and no transport, and trusts no body: what
// cannot be read is counted.
//
// Shapes are those of https://docs.mistral.ai/api.
package mistral

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/openai"
)

// Name is the dialect's name in the ledger, and that of the provider whose it is.
const Name = "mistral"

// publisher is Mistral's name at Vertex AI.
const publisher = "mistralai"

// The operations.
const (
	chat            = "chat"
	agents          = "agents" // a chat of an agent, which has instructions of its own
	fim             = "fim"    // filling in the middle
	conversations   = "conversations"
	embeddings      = "embeddings"
	moderations     = "moderations"
	classifications = "classifications"
	ocr             = "ocr"
	transcription   = "transcription"
	speech          = "speech"
	batch           = "batch" // also the tier of what it does
	batchResults    = "batch_results"
)

// Dialect is Mistral's way of speaking.
type Dialect struct{ shape *openai.Dialect }

var (
	_ tokenizer.Dialect  = (*Dialect)(nil)
	_ tokenizer.Homebody = (*Dialect)(nil)
	_ tokenizer.Embedder = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{shape: openai.New()} }

// Name is "mistral".
func (*Dialect) Name() string { return Name }

// paths end in one of these. Azure has its documents behind a folder.
// https://learn.microsoft.com/azure/ai-foundry/how-to/use-image-models
var paths = [...]struct{ end, operation string }{
	{"/chat/completions", chat},
	{"/agents/completions", agents},
	{"/fim/completions", fim},
	{"/v1/embeddings", embeddings},
	{"/v1/moderations", moderations},
	{"/v1/chat/moderations", moderations},
	{"/v1/classifications", classifications},
	{"/v1/chat/classifications", classifications},
	{"/v1/ocr", ocr},
	{"/azure/ocr", ocr},
	{"/v1/audio/transcriptions", transcription},
	{"/v1/audio/speech", speech},
}

// Match takes a POST whose path ends in one of the operations, under any prefix,
// one to a model of Mistral's at Vertex AI, one that begins or goes on with a
// conversation, and what makes, asks after or cancels one batch; and a GET of a
// file, which may be the results of one. A slash at the end is overlooked.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	path = strings.TrimRight(path, "/")
	if _, ok = ofBatch(method, path); ok {
		return batch, true
	}
	if _, ok = ofFile(path); ok && method == "GET" {
		return batchResults, true
	}
	if method != "POST" {
		return "", false
	}
	for i := range paths {
		if strings.HasSuffix(path, paths[i].end) {
			return paths[i].operation, true
		}
	}
	if _, ok = tokenizer.OnVertex(path, publisher); ok {
		return chat, true // or what Read makes of it
	}
	return conversations, converses(path)
}

// AtHome reports whether elsewhere the same paths mean conversations and
// moderations that cost nothing, or batches and files of other things.
func (*Dialect) AtHome(operation string) bool {
	switch operation {
	case conversations, moderations, classifications, batch, batchResults:
		return true
	}
	return false
}

// converses reports whether a path is …/v1/conversations, …/{id} or
// …/{id}/restart.
func converses(path string) bool {
	_, rest, found := strings.Cut(path, "/v1/conversations")
	if !found || rest == "" {
		return found
	}
	id, verb, _ := strings.Cut(rest[1:], "/")
	return rest[0] == '/' && id != "" && (verb == "" || verb == "restart")
}

// ofBatch reads a path …/v1/batch/jobs, …/jobs/{id} or …/{id}/cancel. A list of
// jobs, which a GET of the first asks for, is free.
func ofBatch(method, path string) (id string, ok bool) {
	_, rest, found := strings.Cut(path, "/v1/batch/jobs")
	if !found {
		return "", false
	}
	if rest == "" {
		return "", method == "POST"
	}
	id, verb, _ := strings.Cut(rest[1:], "/")
	switch {
	case rest[0] != '/' || id == "":
		return "", false
	case verb == "" && method == "GET", verb == "cancel" && method == "POST":
		return id, true
	}
	return "", false
}

// batchID is the batch that a path names, or empty.
func batchID(path string) string {
	_, rest, _ := strings.Cut(path, "/v1/batch/jobs/")
	id, _, _ := strings.Cut(rest, "/")
	return strings.Clone(id)
}

// ofFile reads a path …/v1/files/{id}/content.
func ofFile(path string) (id string, ok bool) {
	_, rest, found := strings.Cut(path, "/v1/files/")
	id, verb, _ := strings.Cut(rest, "/")
	return id, found && id != "" && verb == "content"
}
