// Package openai reads the calls and answers of the OpenAI API and of the many
// servers that speak it: chat completions, legacy completions, responses,
// embeddings, pictures, sound and batches, plain or streamed.
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
	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "openai"

// The operations.
const (
	chat          = "chat"
	completions   = "completions"
	responses     = "responses"
	embeddings    = "embeddings"
	images        = "images"
	transcription = "transcription"
	speech        = "speech"
	batch         = "batch"
	batchResults  = "batch_results"
)

// Dialect is the OpenAI way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect    = (*Dialect)(nil)
	_ tokenizer.UsageAsker = (*Dialect)(nil)
	_ tokenizer.Refuser    = (*Dialect)(nil)
	_ tokenizer.Changer    = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "openai".
func (*Dialect) Name() string { return Name }
