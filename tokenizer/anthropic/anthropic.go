// Package anthropic reads the calls and answers of Anthropic's Messages API, at
// whoever serves it: messages plain or streamed, batches of them, and the old
// text completions.
//
// In come request bodies, whole, and answers in any pieces. Out go a Call and a
// Reading. Other framings of the same events, as Bedrock's, are read by feeding
// Events. The package knows no price, no team and no transport, and trusts no
// body: what cannot be read is counted.
//
// Shapes are those of https://platform.claude.com/docs/en/api/messages, with what
// other servers were seen to add; each addition is named where it is read.
package anthropic

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "anthropic"

// The operations.
const (
	messages     = "messages"
	complete     = "complete"
	batch        = "batch" // also the tier of what it does
	batchResults = "batch_results"
)

// Dialect is the Anthropic way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect = (*Dialect)(nil)
	_ tokenizer.Refuser = (*Dialect)(nil)
	_ tokenizer.Changer = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "anthropic".
func (*Dialect) Name() string { return Name }

// Match takes a POST of messages, under any prefix, at Anthropic's own path and at
// Vertex AI's, a POST of an old completion, and all that makes, asks after or
// changes one batch. A slash at the end is overlooked. Counting tokens and lists
// of batches are free and not taken.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	path = strings.TrimRight(path, "/")
	if operation, _, ok = ofBatch(method, path); ok {
		return operation, true
	}
	if method != "POST" {
		return "", false
	}
	switch v, vertex := tokenizer.OnVertex(path, Name); {
	case vertex && v.Model == countTokens:
		return "", false
	case vertex:
		return messages, true
	case strings.HasSuffix(path, "/v1/messages"):
		return messages, true
	case strings.HasSuffix(path, "/v1/complete"):
		return complete, true
	}
	return "", false
}

// countTokens stands in the place of a model where Vertex AI counts tokens.
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens
const countTokens = "count-tokens"
