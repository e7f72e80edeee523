package openai

import "github.com/farebox/farebox/tokenizer/jsonscan"

// role says what a watched value is good for, whatever path it was found at.
type role uint8

const (
	idRole role = iota
	modelRole
	tierRole
	finishRole
	reasonRole // why a response is incomplete: tells more than its status
	kindRole   // type of a responses event
	errorRole
	textRole
	refusalRole    // text that says no
	callRole       // text of a call of a tool
	backgroundRole // whether a response is made in the background
	itemRole       // type of an item of a response's output
	actionRole     // what a search of the web did
	sizeRole
	qualityRole
	pictureRole
	durationRole
	statusRole
	aliasRole // of a batch: the file of its results
	countRole // of its requests, those that were answered
	drawnRole // what a hosted tool that makes pictures used
	drawsRole // the model that it made them with
	// Where usage may stand, the surest place last. Servers were seen to fill
	// more than one of them with the same counts.
	timingsRole     // llama.cpp, when usage was not asked for
	choiceUsageRole // Moonshot streams
	groqUsageRole   // Groq streams
	usageRole
)

// How much of a value is kept, in bytes, by role. Text passes unkept.
var keeps = [...]int{
	idRole: jsonscan.MaxWord, modelRole: jsonscan.MaxWord, tierRole: jsonscan.MaxWord, finishRole: jsonscan.MaxWord, reasonRole: jsonscan.MaxWord, kindRole: jsonscan.MaxWord,
	errorRole:      16, // null or not is all that matters
	backgroundRole: 8, itemRole: 32, actionRole: 32, sizeRole: 32, qualityRole: 32, pictureRole: 8, durationRole: 32, statusRole: 32, aliasRole: jsonscan.MaxWord, countRole: 24, drawnRole: 2 << 10, drawsRole: jsonscan.MaxWord,
	textRole: 0, refusalRole: 0, callRole: 0, timingsRole: 4 << 10, choiceUsageRole: maxUsage, groqUsageRole: maxUsage, usageRole: maxUsage,
}

// maxUsage bounds a usage object, in bytes.
const maxUsage = 16 << 10

type places = map[string]role

func keep(r role) int { return keeps[r] }

// chatScript reads chunks and whole answers of chat, legacy completions and
// embeddings. Both are read by one script: a chunk has deltas, an answer has
// messages, and neither has both.
var chatScript = jsonscan.MustScript(keep, places{
	"id":                      idRole,
	"model":                   modelRole,
	"service_tier":            tierRole,
	"usage":                   usageRole,
	"x_groq.usage":            groqUsageRole,
	"choices.*.usage":         choiceUsageRole,
	"timings":                 timingsRole,
	"error":                   errorRole,
	"*.error":                 errorRole, // Gemini's compatible endpoint wraps errors in a list
	"choices.*.finish_reason": finishRole,
	"choices.*.text":          textRole,
}, spoken("choices.*.delta."), spoken("choices.*.message."))

// spoken lists where a message has generated text. Reasoning stands at
// reasoning_content (DeepSeek, vLLM), reasoning (OpenRouter, Groq) or in thinking
// parts (Mistral).
func spoken(at string) places {
	return places{
		at + "content":                         textRole,
		at + "content.*.text":                  textRole,
		at + "content.*.thinking.*.text":       textRole,
		at + "refusal":                         refusalRole,
		at + "reasoning_content":               textRole,
		at + "reasoning":                       textRole,
		at + "audio.transcript":                textRole,
		at + "function_call.name":              callRole,
		at + "function_call.arguments":         callRole,
		at + "tool_calls.*.function.name":      callRole,
		at + "tool_calls.*.function.arguments": callRole,
		at + "tool_calls.*.custom.name":        callRole,
		at + "tool_calls.*.custom.input":       callRole,
	}
}

// responsesScript reads events and whole answers of the responses API. The text
// of a stream is in its deltas; the events that repeat it whole are not watched.
var responsesScript = jsonscan.MustScript(keep, places{
	"id":                                 idRole,
	"model":                              modelRole,
	"service_tier":                       tierRole,
	"status":                             finishRole,
	"incomplete_details.reason":          reasonRole,
	"usage":                              usageRole,
	"error":                              errorRole,
	"output.*.content.*.text":            textRole,
	"output.*.content.*.refusal":         refusalRole,
	"output.*.summary.*.text":            textRole,
	"output.*.name":                      callRole,
	"output.*.arguments":                 callRole,
	"output.*.input":                     callRole,
	"output.*.code":                      textRole,
	"type":                               kindRole,
	"delta":                              textRole,
	"response.id":                        idRole,
	"response.model":                     modelRole,
	"response.service_tier":              tierRole,
	"response.status":                    finishRole,
	"response.incomplete_details.reason": reasonRole,
	"response.usage":                     usageRole,
	"response.error":                     errorRole,
	"background":                         backgroundRole,
	"response.background":                backgroundRole,
	"output.*.type":                      itemRole,
	"output.*.action.type":               actionRole,
	"response.output.*.type":             itemRole,
	"response.output.*.action.type":      actionRole,
	"tool_usage.image_gen":               drawnRole,
	"tools.*.model":                      drawsRole,
	"response.tool_usage.image_gen":      drawnRole,
	"response.tools.*.model":             drawsRole,
})
