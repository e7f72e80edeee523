// Package ollama reads the calls and answers of Ollama's own API: chat, generate
// and embeddings. What Ollama serves under /v1 is OpenAI's way of speaking.
//
// In come request bodies, whole, and answers in any pieces, one JSON value or one a
// line. Out go a Call and a Reading. The package knows no price, no team and no
// transport, and trusts no body: what cannot be read is counted.
//
// Shapes are those of https://docs.ollama.com/api.
package ollama

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "ollama"

// The operations.
const (
	chat       = "chat"
	generate   = "generate"
	embeddings = "embeddings"
)

// Dialect is Ollama's way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect  = (*Dialect)(nil)
	_ tokenizer.Refuser  = (*Dialect)(nil)
	_ tokenizer.Changer  = (*Dialect)(nil)
	_ tokenizer.Embedder = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "ollama".
func (*Dialect) Name() string { return Name }

var ends = [...]struct{ path, operation string }{
	{"/api/chat", chat}, {"/api/generate", generate}, {"/api/embed", embeddings}, {"/api/embeddings", embeddings},
}

// Match takes a POST whose path ends in one of the operations, under any prefix.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	if method != "POST" {
		return "", false
	}
	path = strings.TrimRight(path, "/")
	for _, e := range ends {
		if strings.HasSuffix(path, e.path) {
			return e.operation, true
		}
	}
	return "", false
}
