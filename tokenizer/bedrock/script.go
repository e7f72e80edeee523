package bedrock

import "github.com/farebox/farebox/tokenizer/jsonscan"

// role says what a watched value is good for, whatever path it was found at.
type role uint8

const (
	usageRole   role = iota // a usage object
	metricsRole             // what Bedrock counts of an InvokeModel stream
	inputRole               // a count of the input alone
	outputRole              // a count of the output so far
	resultRole              // a count of one result of several
	imageRole               // an image that was made
	idRole
	modelRole
	routedRole // the model that a prompt router chose
	tierRole
	latencyRole
	finishRole
	errorRole
	objectRole // generated text that is an object: the input of a tool
	textRole
)

// How much of a value is kept, in bytes, by role. Text passes unkept.
var keeps = [...]int{
	usageRole: 16 << 10, metricsRole: 4 << 10, inputRole: maxNumber, outputRole: maxNumber, resultRole: maxNumber,
	imageRole: 1, // that it is there is all that matters
	idRole:    jsonscan.MaxWord, modelRole: jsonscan.MaxWord, routedRole: jsonscan.MaxWord, tierRole: jsonscan.MaxWord,
	latencyRole: jsonscan.MaxWord, finishRole: jsonscan.MaxWord,
	errorRole:  16, // null or not is all that matters
	objectRole: 64 << 10, textRole: 0,
}

// maxNumber bounds a number, in bytes.
const maxNumber = 32

type places = map[string]role

func keep(r role) int { return keeps[r] }

// metricsPlace is where the last event of an InvokeModel stream has Bedrock's own
// counts.
const metricsPlace = "amazon-bedrock-invocationMetrics"

// converseScript reads whole answers and events of Converse. An event's name is
// a header of its message; Nova's InvokeModel streams, and those who send events
// on as server-sent ones, wrap it around the event.
var converseScript = jsonscan.MustScript(keep, conversed())

func conversed() places {
	return places{
		"usage":                       usageRole,
		"serviceTier.type":            tierRole,
		"performanceConfig.latency":   latencyRole,
		"stopReason":                  finishRole,
		"trace." + routed:             routedRole,
		"delta.text":                  textRole,
		"delta.toolUse.input":         textRole,
		"delta.reasoningContent.text": textRole,
		"start.toolUse.name":          textRole,

		"output.message.content.*.text":                                textRole,
		"output.message.content.*.toolUse.name":                        textRole,
		"output.message.content.*.toolUse.input":                       objectRole,
		"output.message.content.*.reasoningContent.reasoningText.text": textRole,
		"output.message.content.*.citationsContent.content.*.text":     textRole,

		"metadata.usage":                                usageRole,
		"metadata.serviceTier.type":                     tierRole,
		"metadata.performanceConfig.latency":            latencyRole,
		"metadata.trace." + routed:                      routedRole,
		"messageStop.stopReason":                        finishRole,
		"contentBlockDelta.delta.text":                  textRole,
		"contentBlockDelta.delta.toolUse.input":         textRole,
		"contentBlockDelta.delta.reasoningContent.text": textRole,
		"contentBlockStart.start.toolUse.name":          textRole,

		"internalServerException":     errorRole,
		"modelStreamErrorException":   errorRole,
		"modelTimeoutException":       errorRole,
		"validationException":         errorRole,
		"throttlingException":         errorRole,
		"serviceUnavailableException": errorRole,

		metricsPlace: metricsRole,
	}
}

const routed = "promptRouter.invokedModelId"

// makersScript reads what the models' makers answer through InvokeModel, beside
// Anthropic and OpenAI: each shape is that of the page of its model's parameters.
var makersScript = jsonscan.MustScript(keep, conversed(), places{
	"inputTextTokenCount":        inputRole, // Titan
	"results.*.tokenCount":       resultRole,
	"results.*.outputText":       textRole,
	"results.*.completionReason": finishRole,
	"outputText":                 textRole,
	"totalOutputTextTokenCount":  outputRole,
	"completionReason":           finishRole,

	"generation":             textRole, // Llama
	"prompt_token_count":     inputRole,
	"generation_token_count": outputRole,
	"stop_reason":            finishRole,

	"completion":            textRole, // Claude's first shape
	"outputs.*.text":        textRole, // Mistral
	"outputs.*.stop_reason": finishRole,

	"generations.*.text":                  textRole, // Cohere
	"generations.*.finish_reason":         finishRole,
	"text":                                textRole,
	"finish_reason":                       finishRole,
	"generation_id":                       idRole,
	"completions.*.data.text":             textRole, // AI21
	"completions.*.finishReason.reason":   finishRole,
	"id":                                  idRole,
	"model":                               modelRole, // of models that somebody brought along
	"choices.*.text":                      textRole,
	"choices.*.message.content":           textRole,
	"choices.*.message.reasoning_content": textRole,
	"choices.*.delta.content":             textRole,
	"choices.*.delta.reasoning_content":   textRole,
	"choices.*.stop_reason":               finishRole,
	"choices.*.finish_reason":             finishRole,

	"images.*":         imageRole, // Amazon, Stability
	"artifacts.*.seed": imageRole, // Stability's first models
	"error":            errorRole,
})

// besideScript reads what Bedrock adds to an answer that another dialect reads,
// and why a choice ended where Mistral's and DeepSeek's answers have it.
var besideScript = jsonscan.MustScript(keep, places{
	metricsPlace:            metricsRole,
	"choices.*.stop_reason": finishRole,
})
