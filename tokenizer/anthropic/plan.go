package anthropic

import "github.com/farebox/farebox/tokenizer/jsonscan"

// role says what a watched value is good for, whatever path it was found at.
type role uint8

const (
	idRole role = iota
	modelRole
	finishRole
	kindRole // type of an event
	errorRole
	textRole
	objectRole     // input of a tool, whole
	startUsageRole // counts when a streamed message begins
	usageRole      // counts of a whole message, or those that replace earlier ones
)

// How much of a value is kept, in bytes, by role. Text passes unkept.
var keeps = [...]int{
	idRole: jsonscan.MaxWord, modelRole: jsonscan.MaxWord, finishRole: jsonscan.MaxWord, kindRole: jsonscan.MaxWord,
	errorRole: 16, // null or not is all that matters
	textRole:  0, objectRole: 64 << 10, startUsageRole: maxUsage, usageRole: maxUsage,
}

// maxUsage bounds a usage object, in bytes: each of its iterations takes about
// 250, and a loop of hosted tools has some tens of them.
const maxUsage = 128 << 10

type places = map[string]role

func keep(r role) int { return keeps[r] }

// script reads whole messages and the events of streams: no two shapes share a
// path that means different things.
var script = jsonscan.MustScript(keep, places{
	// A whole message.
	"id":                 idRole,
	"model":              modelRole,
	"stop_reason":        finishRole,
	"usage":              usageRole, // and of message_delta
	"error":              errorRole, // and of an error event
	"content.*.text":     textRole,
	"content.*.thinking": textRole,
	"content.*.name":     textRole,
	"content.*.input":    objectRole,
	"content.*.content":  textRole, // a summary that compaction made
	"completion":         textRole, // and the events of an old text completion

	// The events of a message.
	"type":                   kindRole,
	"message.id":             idRole,
	"message.model":          modelRole,
	"message.usage":          startUsageRole,
	"content_block.text":     textRole,
	"content_block.thinking": textRole,
	"content_block.name":     textRole,
	"delta.text":             textRole,
	"delta.thinking":         textRole,
	"delta.partial_json":     textRole,
	"delta.content":          textRole, // a summary that compaction made
	"delta.stop_reason":      finishRole,
})
