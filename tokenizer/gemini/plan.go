package gemini

import "github.com/farebox/farebox/tokenizer/jsonscan"

// role says what a watched value is good for, whatever path it was found at.
type role uint8

const (
	idRole role = iota
	modelRole
	agentRole // who worked, where no model is named
	tierRole
	finishRole
	blockRole  // why a prompt was not answered
	kindRole   // type of an event
	statusRole // of an interaction
	nameRole   // of work that goes on, or of content that is kept
	fileRole   // of the results of a batch
	expireRole
	doneRole
	errorRole
	failedRole // one of many was not answered
	keyRole    // what one of many is called
	textRole
	argsRole  // arguments of a call that the model makes: an object, or a string
	mediaRole // a piece of sound or a picture
	madeRole  // a picture or a song, as a prediction
	tokensRole
	charactersRole
	queriesRole // what was searched for
	webRole     // a source found by a search, or that the prompt names
	mapsRole    // a source found on the map
	stepRole    // type of a step
	usageRole
	itemRole // usage of one of many
)

// How much of a value is kept, in bytes, by role. Text passes unkept; of some
// values it only matters that they are there.
var keeps = [...]int{
	idRole: jsonscan.MaxWord, modelRole: jsonscan.MaxWord, agentRole: jsonscan.MaxWord, tierRole: jsonscan.MaxWord,
	finishRole: jsonscan.MaxWord, blockRole: jsonscan.MaxWord, kindRole: jsonscan.MaxWord, statusRole: jsonscan.MaxWord,
	nameRole: jsonscan.MaxWord, fileRole: jsonscan.MaxWord, expireRole: jsonscan.MaxWord, stepRole: jsonscan.MaxWord,
	doneRole: present, errorRole: present, failedRole: present, keyRole: present, mediaRole: present, madeRole: present, webRole: present, mapsRole: present,
	textRole: 0, argsRole: 64 << 10, tokensRole: jsonscan.MaxWord, charactersRole: jsonscan.MaxWord,
	queriesRole: 16 << 10, usageRole: maxUsage, itemRole: maxUsage,
}

const (
	// present is enough to tell null from something.
	present = 8
	// maxUsage bounds a usage object, in bytes.
	maxUsage = 16 << 10
)

type places = map[string]role

func keep(r role) int { return keeps[r] }

// answerScript reads answers to contents, embeddings and predictions: one JSON
// value, an event of a stream, or the whole list of what would be its events.
var answerScript = jsonscan.MustScript(keep, chunk(""), chunk("*."), places{
	"predictions.*.bytesBase64Encoded":                madeRole,
	"predictions.*.gcsUri":                            madeRole,
	"predictions.*.embeddings.statistics.token_count": tokensRole,
	"metadata.billableCharacterCount":                 charactersRole,
	"name":                                            nameRole,
})

// chunk lists where an answer, or a chunk of one, says what.
func chunk(at string) places {
	const part = "candidates.*.content.parts.*."
	const ground = "candidates.*.groundingMetadata."
	return places{
		at + "responseId":                                    idRole,
		at + "modelVersion":                                  modelRole,
		at + "usageMetadata":                                 usageRole,
		at + "promptFeedback.blockReason":                    blockRole,
		at + "error":                                         errorRole,
		at + "candidates.*.finishReason":                     finishRole,
		at + part + "text":                                   textRole,
		at + part + "executableCode.code":                    textRole,
		at + part + "functionCall.name":                      textRole,
		at + part + "functionCall.args":                      argsRole,
		at + part + "functionCall.partialArgs.*.stringValue": textRole,
		at + part + "inlineData.data":                        mediaRole,
		at + ground + "webSearchQueries":                     queriesRole,
		at + ground + "groundingChunks.*.web":                webRole,
		at + ground + "groundingChunks.*.maps":               mapsRole,
	}
}

// interactionScript reads interactions, and the events of one. The text of a
// stream is in its deltas.
var interactionScript = jsonscan.MustScript(keep, interaction(""), interaction("interaction."), places{
	"event_type":               kindRole,
	"interaction_id":           idRole,
	"metadata.total_usage":     usageRole,
	"step.type":                stepRole,
	"step.name":                textRole,
	"delta.text":               textRole,
	"delta.content.text":       textRole,
	"delta.arguments":          argsRole,
	"steps.*.type":             stepRole,
	"steps.*.name":             textRole,
	"steps.*.arguments":        argsRole,
	"steps.*.content.*.text":   textRole,
	"steps.*.summary.*.text":   textRole,
	"outputs.*.type":           stepRole, // before steps took the place of outputs
	"outputs.*.name":           textRole,
	"outputs.*.text":           textRole,
	"outputs.*.arguments":      argsRole,
	"outputs.*.summary.*.text": textRole,
})

func interaction(at string) places {
	return places{
		at + "id":           idRole,
		at + "model":        modelRole,
		at + "agent":        agentRole,
		at + "status":       statusRole,
		at + "usage":        usageRole,
		at + "service_tier": tierRole,
		at + "error":        errorRole,
	}
}

// workScript reads what is said of work that goes on, and of content that is
// kept: operations with their results, and cached contents.
var workScript = jsonscan.MustScript(keep, item("response.inlinedResponses.inlinedResponses.*."), places{
	"name":                          nameRole,
	"model":                         modelRole,
	"metadata.model":                modelRole,
	"metadata.output.responsesFile": fileRole,
	"response.responsesFile":        fileRole,
	"expireTime":                    expireRole,
	"done":                          doneRole,
	"error":                         errorRole,
	"usageMetadata":                 usageRole,
})

// lineScript reads a line of the results of a batch: what was answered, or why it
// was not.
var lineScript = jsonscan.MustScript(keep, item(""), places{"key": keyRole, "error": failedRole})

// item lists where a result of a batch says what.
func item(at string) places {
	return places{
		at + "response.usageMetadata":                                   itemRole,
		at + "response.modelVersion":                                    modelRole,
		at + "response.candidates.*.groundingMetadata.webSearchQueries": queriesRole,
	}
}
