package mistral

import "github.com/farebox/farebox/tokenizer/jsonscan"

// role says what a watched value is good for.
type role uint8

const (
	idRole role = iota
	conversationRole
	modelRole
	kindRole // type of an event
	errorRole
	textRole
	pageRole // of a document
	usageRole

	// Of a batch.
	statusRole
	endpointRole
	succeededRole
	fileRole // of its results
	resultModelRole
	resultUsageRole
	resultTextRole // that was read from sound
)

// maxUsage bounds a usage object, in bytes.
const maxUsage = 4 << 10

func keep(r role) int {
	switch r {
	case textRole:
		return 0
	case usageRole, resultUsageRole:
		return maxUsage
	case errorRole, pageRole, resultTextRole:
		return 16 // there or not is all that matters
	case succeededRole:
		return 24
	default:
		return jsonscan.MaxWord
	}
}

// script reads what is not shaped as OpenAI's: whole answers and events of all
// operations, whose members do not collide. The chunk of an event's content is a
// string or an object.
var script = jsonscan.MustScript(keep, map[string]role{
	"id": idRole, "conversation_id": conversationRole, "model": modelRole, "outputs.*.model": modelRole,
	"type": kindRole, "error": errorRole,
	"usage": usageRole, "usage_info": usageRole, "pages.*": pageRole,

	"text": textRole, "arguments": textRole,
	"content": textRole, "content.text": textRole, "content.thinking.*.text": textRole,
	"outputs.*.content": textRole, "outputs.*.content.*.text": textRole, "outputs.*.content.*.thinking.*.text": textRole,
	"outputs.*.arguments": textRole,

	"status": statusRole, "endpoint": endpointRole, "succeeded_requests": succeededRole, "output_file": fileRole,
}, result("outputs.*.response.body."))

// lineScript reads a line of the file of a batch's results.
// https://docs.mistral.ai/capabilities/batch
var lineScript = jsonscan.MustScript(keep, map[string]role{
	"error": errorRole, "response.status_code": statusRole, "response.body.error": errorRole,
}, result("response.body."))

// result lists where a request of a batch that was answered says what.
func result(at string) map[string]role {
	return map[string]role{at + "model": resultModelRole, at + "usage": resultUsageRole, at + "usage_info": resultUsageRole, at + "text": resultTextRole}
}
