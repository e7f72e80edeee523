package gemini

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

const (
	// maxChoices bounds the answers that a request may make us believe it asks for.
	maxChoices = 1 << 16
	// maxSeconds bounds the video that it may.
	maxSeconds = 1 << 20
	// videoSeconds is the length of a video when the request does not say: the
	// default of Veo 2 and Veo 3.
	videoSeconds = 8
)

// Headers by which calls of Vertex AI choose how they are served.
// https://cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo
const (
	sharedTypeHeader = "x-vertex-ai-llm-shared-request-type" // priority, flex
	typeHeader       = "x-vertex-ai-llm-request-type"        // dedicated, shared
)

// request is what a body said.
type request struct {
	operation          string
	model, agent, tier string
	size               string
	stream             bool
	maxOutput, choices int64
	samples, seconds   int64 // of predictions
	requests           int64 // that a batch holds
	system, tools      int64 // bytes
	turns              turns
}

// Read reads a request body in one pass. A call that asks after earlier work says
// that in its path; what stands in its body matters to nobody here.
func (*Dialect) Read(operation, path string, head tokenizer.Head, body []byte) (tokenizer.Call, error) {
	t := aim(path)
	call := tokenizer.Call{
		Dialect: Name, Operation: operation, Choices: 1, Tier: askedTier(head),
		Region: segment(path, "locations"), Account: segment(path, "projects"), Of: t.of(), Results: operation == batchFile,
	}
	if call.Of != "" {
		return call, nil
	}
	if t.collection != "" {
		call.Model = strings.Clone(t.name)
	}
	call.Stream = t.verb == "streamGenerateContent"
	r := request{operation: operation}
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	for key := range w.Members {
		r.member(key, w)
	}
	if err := w.End(); err != nil {
		return call, fmt.Errorf("read %s request: %w", operation, err)
	}
	if !object {
		return call, fmt.Errorf("read %s request: %w: no object", operation, jsonscan.ErrMalformed)
	}
	r.fill(&call)
	return call, nil
}

// askedTier is the service tier that a header asks for; empty: none does.
func askedTier(head tokenizer.Head) string {
	if tier := head.Header(sharedTypeHeader); tier != "" {
		return tierName(tier)
	}
	if head.Header(typeHeader) == "dedicated" {
		return provisioned
	}
	return ""
}

// fill makes the call of what was read.
func (r *request) fill(call *tokenizer.Call) {
	if call.Model == "" {
		call.Model = bare(r.model)
	}
	if call.Model == "" {
		call.Model = r.agent
	}
	if r.tier != "" {
		call.Tier = tierName(r.tier)
	}
	if r.operation == batch {
		call.Tier = batch
	}
	call.Stream = call.Stream || r.operation == interactions && r.stream
	call.Size = r.size
	call.Choices = int(min(max(r.choices, 1)*min(max(r.requests, 1), maxChoices), maxChoices))
	switch r.operation {
	case content, batch, interactions:
		call.MaxOutput = r.maxOutput
	case images:
		call.Choices = int(min(max(r.samples, 1), maxChoices))
	case video:
		call.Seconds = min(max(r.samples, 1), maxChoices) * r.length()
	}
	r.turns.end()
	call.Shares = r.turns.shares
	call.Shares.System += r.system
	call.Shares.Tools += r.tools
}

// length is how many seconds one video of a request is long.
func (r *request) length() int64 {
	if r.seconds == 0 {
		return videoSeconds
	}
	return min(r.seconds, maxSeconds)
}

// member reads one member of a request, whose value w stands before.
func (r *request) member(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "model":
		r.model = jsonscan.Word(w.Raw())
	case "agent":
		r.agent = jsonscan.Word(w.Raw())
	case "stream":
		r.stream = string(w.Raw()) == "true"
	case "serviceTier", "service_tier":
		r.tier = jsonscan.Word(w.Raw())
	case "generationConfig", "generation_config", "parameters", "imageConfig", "image_config":
		for key := range w.Members {
			r.setting(key, w)
		}
	case "tools":
		r.tools += jsonscan.Weight(w.Raw())
	case "systemInstruction", "system_instruction":
		r.system += r.turns.text(w)
	case "contents":
		r.turns.contents(w)
	case "content":
		r.turns.since += r.turns.text(w)
	case "input":
		r.turns.input(w)
	case "instances":
		r.turns.instances(w)
	default:
		if isHolder(key) {
			r.holder(w, nesting)
		}
	}
}

// setting reads one member of a configuration.
func (r *request) setting(key []byte, w *jsonscan.Walker) {
	switch string(key) {
	case "maxOutputTokens", "max_output_tokens":
		r.maxOutput = jsonscan.Numeric(w.Raw())
	case "candidateCount", "candidate_count":
		r.choices = min(jsonscan.Numeric(w.Raw()), maxChoices)
	case "sampleCount", "sample_count", "numberOfImages", "numberOfVideos":
		r.samples = jsonscan.Number(w.Raw())
	case "durationSeconds", "duration_seconds":
		r.seconds = jsonscan.Number(w.Raw())
	case "resolution", "sampleImageSize", "imageSize", "image_size":
		r.size = jsonscan.Word(w.Raw())
	case "imageConfig", "image_config":
		r.member(key, w)
	}
}

// nesting is how deep the list of a batch's requests lies: in
// batch.inputConfig.requests.requests.
const nesting = 3

// holder reads what holds requests: a list of them, or an object in which, so
// many levels down at most, there is one.
func (r *request) holder(w *jsonscan.Walker, levels int) {
	switch {
	case w.Kind() == '[':
		for range w.Elements {
			r.one(w)
		}
	case levels > 0 && w.Kind() == '{':
		for key := range w.Members {
			if isHolder(key) {
				r.holder(w, levels-1)
			}
		}
	}
}

func isHolder(key []byte) bool {
	switch string(key) {
	case "requests", "batch", "inputConfig", "input_config":
		return true
	}
	return false
}

// one reads one request of many: it stands in a member of its own, or as it is.
func (r *request) one(w *jsonscan.Walker) {
	r.requests++
	for key := range w.Members {
		if string(key) != "request" {
			r.leaf(key, w)
			continue
		}
		for key := range w.Members {
			r.leaf(key, w)
		}
	}
	r.turns.end()
}

// leaf reads a member of a request that holds no others.
func (r *request) leaf(key []byte, w *jsonscan.Walker) {
	if !isHolder(key) {
		r.member(key, w)
	}
}
