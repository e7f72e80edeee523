// Package bedrock reads the calls and answers of Amazon Bedrock's runtime:
// Converse and InvokeModel, plain or streamed.
//
// In come request bodies, whole, and answers in any pieces: JSON, or messages of
// AWS's event stream. Out go a Call and a Reading. InvokeModel passes each
// maker's own shape: those of Anthropic and of OpenAI are read by their dialects,
// the others here, and where a body counts nothing the headers or the metrics
// that Bedrock adds do. The package knows no price and no team. Whether a request
// is signed, so that it must not be changed, is for those to know who ask for a
// change.
//
// Shapes are those of
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
// and https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html;
// what was only seen in answers is named where it is read.
package bedrock

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "bedrock"

// The operations. What InvokeModel is used for is read from the body and the
// model's id; invoke remains where they do not tell, and for Amazon Nova, whose
// bodies are those of Converse.
const (
	converse    = "converse"
	invoke      = "invoke"
	messages    = "messages" // in Anthropic's shape
	chat        = "chat"     // in OpenAI's
	completions = "completions"
	embeddings  = "embeddings"
	images      = "images"
	rerank      = "rerank"
)

// Dialect is Amazon Bedrock's way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect       = (*Dialect)(nil)
	_ tokenizer.Refuser       = (*Dialect)(nil)
	_ tokenizer.Changer       = (*Dialect)(nil)
	_ tokenizer.StatusRefuser = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "bedrock".
func (*Dialect) Name() string { return Name }

// verbs end a path, after the model's id.
var verbs = [...]struct {
	name, operation string
	stream          bool
}{
	{"converse", converse, false},
	{"converse-stream", converse, true},
	{"invoke", invoke, false},
	{"invoke-with-response-stream", invoke, true},
}

// Match takes a POST to /model/{id}/converse, converse-stream, invoke or
// invoke-with-response-stream, under any prefix. An id may be an ARN, with
// slashes and colons in it. Counting tokens is free and not matched; calls that
// run on asynchronously, and those of two-way streams, cannot be metered here.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	if method != "POST" {
		return "", false
	}
	_, operation, _, ok = parse(path)
	return operation, ok
}

// parse takes a path apart.
func parse(path string) (id, operation string, stream, ok bool) {
	_, rest, found := strings.Cut(path, "/model/")
	slash := strings.LastIndexByte(rest, '/')
	if !found || slash <= 0 {
		return "", "", false, false
	}
	for _, v := range verbs {
		if rest[slash+1:] == v.name {
			return rest[:slash], v.operation, v.stream, true
		}
	}
	return "", "", false, false
}
