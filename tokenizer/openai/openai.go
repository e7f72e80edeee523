// Package openai reads the calls and answers of the OpenAI API and of the many
// servers that speak it: chat completions, legacy completions, responses and
// embeddings, plain or streamed.
//
// In come request bodies, whole, and answers in any pieces. Out go a Call, a
// Reading, the edits that ask a stream for its usage, and the pieces of the
// stream with every trace of the asking removed. The package knows no price, no
// team and no transport, and trusts no body: what cannot be read is counted.
//
// Shapes are those of https://platform.openai.com/docs/api-reference, with what
// other servers were seen to add; each addition is named where it is read.
package openai

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "openai"

// The operations.
const (
	chat        = "chat"
	completions = "completions"
	responses   = "responses"
	embeddings  = "embeddings"
)

// Dialect is the OpenAI way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect    = (*Dialect)(nil)
	_ tokenizer.UsageAsker = (*Dialect)(nil)
	_ tokenizer.Refuser    = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "openai".
func (*Dialect) Name() string { return Name }

// paths end in one of these, the longest first.
var paths = [...]struct{ end, operation string }{
	{"/chat/completions", chat},
	{"/completions", completions},
	{"/responses", responses},
	{"/embeddings", embeddings},
}

// Match takes a POST whose path ends in one of the four operations, under any
// prefix: gateways, Azure deployments and servers behind a folder all have one.
// A slash at the end is overlooked, as many servers do.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	if method != "POST" {
		return "", false
	}
	path = strings.TrimRight(path, "/")
	for _, p := range paths {
		if strings.HasSuffix(path, p.end) {
			return p.operation, true
		}
	}
	return "", false
}

// deployment is the model that an Azure path names: the segment after
// "deployments", or empty.
func deployment(path string) string {
	_, rest, ok := strings.Cut(path, "/deployments/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return strings.Clone(name)
}
