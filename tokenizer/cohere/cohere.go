// Package cohere reads the calls and answers of Cohere's API: chat of its two
// versions, plain and streamed, embeddings, rerankings, classifications and parsed
// documents. Rerankers of other makers, at the same paths, are read too.
//
// In come request bodies, whole, and answers in any pieces. Out go a Call and a
// Reading. The package knows no price, no team and no transport, and trusts no
// body: what cannot be read is counted.
//
// Shapes are those of https://docs.cohere.com/reference/chat and
// https://docs.cohere.com/v1/reference/chat.
package cohere

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "cohere"

// The operations.
const (
	chat       = "chat"
	embeddings = "embeddings"
	rerank     = "rerank"
	classify   = "classify"
	ocr        = "ocr"
)

// Dialect is Cohere's way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect       = (*Dialect)(nil)
	_ tokenizer.Refuser       = (*Dialect)(nil)
	_ tokenizer.StatusRefuser = (*Dialect)(nil)
	_ tokenizer.Changer       = (*Dialect)(nil)
	_ tokenizer.Embedder      = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "cohere".
func (*Dialect) Name() string { return Name }

var operations = map[string]string{"/chat": chat, "/embed": embeddings, "/rerank": rerank, "/classify": classify, "/parse": ocr}

// Match takes a POST whose path ends in a version and one of the operations, under
// any prefix.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	path = strings.TrimRight(path, "/")
	at := strings.LastIndexByte(path, '/')
	if method != "POST" || at < 0 {
		return "", false
	}
	if version := path[:at]; !strings.HasSuffix(version, "/v1") && !strings.HasSuffix(version, "/v2") {
		return "", false
	}
	operation, ok = operations[path[at:]]
	if operation == ocr && !strings.HasSuffix(path[:at], "/v2") {
		return "", false // parsing came with version 2
	}
	return operation, ok
}
