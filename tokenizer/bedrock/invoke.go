package bedrock

import (
	"strconv"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/anthropic"
	"github.com/farebox/farebox/tokenizer/jsonscan"
	"github.com/farebox/farebox/tokenizer/openai"
)

// Bounds of what a request may make us believe it asks for.
const (
	maxChoices = 1 << 16
	maxSide    = 1 << 20 // pixels of an image's side
	perRerank  = 100     // documents that one search of a reranker covers
	fewSteps   = 50      // of Stability's first models: more of them cost more
)

// request is what the top level of an InvokeModel body said. The makers' shapes
// share few members, and none with different meanings, so that one reading does
// for all.
type request struct {
	call *tokenizer.Call
	head tokenizer.Head
	body []byte

	turns                turns
	shape                shape
	errand               string // taskType of Amazon's image and embedding models
	choices              int64
	width, height, steps int64
	quality              string
	documents            int
}

// shape is the set of members that tell whose shape a body is.
type shape uint16

const (
	hasVersion  shape = 1 << iota // anthropic_version, which Anthropic's must have
	hasMessages                   // Anthropic, OpenAI, Nova
	hasNova                       // a member that only Nova's and Converse's bodies have
	hasPrompt                     // text to go on with, or to make an image of
	hasImage                      // a member of those who make images
	hasEmbed                      // a member of those who embed
	hasQuery                      // a reranker's
)

func (s shape) all(of shape) bool { return s&of == of }

// read reads a body that is not Converse's.
func (r *request) read(w *jsonscan.Walker) error {
	for key := range w.Members {
		if k := string(key); !r.text(k, w) && !r.bound(k, w) {
			r.image(k, w)
		}
	}
	r.turns.end()
	call := r.call
	call.Operation = r.operation()
	call.Shares = r.turns.shares
	call.Choices = int(min(max(r.choices, 1), maxChoices))
	switch call.Operation {
	case messages:
		return r.borrow(anthropic.New(), "/v1/messages")
	case chat:
		return r.borrow(openai.New(), "/v1/chat/completions")
	case rerank:
		call.Choices = max((r.documents+perRerank-1)/perRerank, 1)
	case images:
		call.MaxOutput, call.Size, call.Quality = 0, r.size(), r.grade()
	case embeddings:
		call.MaxOutput = 0
	}
	return nil
}

// borrow lets the dialect whose shape the body is read what it asks.
func (r *request) borrow(d tokenizer.Dialect, path string) error {
	operation, _ := d.Match("POST", path)
	read, err := d.Read(operation, path, r.head, r.body)
	if err != nil {
		return err
	}
	r.call.Shares, r.call.MaxOutput, r.call.Choices = read.Shares, read.MaxOutput, read.Choices
	if r.call.Tier == "" {
		r.call.Tier = read.Tier
	}
	return nil
}

// operation is what the call is for. The body tells more surely than the id,
// which may be that of a profile or of somebody's own model.
func (r *request) operation() string {
	model := r.call.Model
	switch s := r.shape; {
	case s.all(hasMessages | hasVersion):
		return messages
	case s.all(hasQuery):
		return rerank
	case strings.HasSuffix(r.errand, "_EMBEDDING"), s.all(hasEmbed), strings.Contains(model, "embed"):
		return embeddings
	case r.errand != "", s.all(hasImage), made(model, "stability."):
		return images
	case s.all(hasNova), made(model, "amazon.nova"):
		return invoke
	case s.all(hasMessages) && made(model, "anthropic."):
		return messages
	case s.all(hasMessages):
		return chat
	case s.all(hasPrompt):
		return completions
	}
	return invoke
}

// text takes a member that has text, or tools, or what is sent beside text.
func (r *request) text(key string, w *jsonscan.Walker) bool {
	t := &r.turns
	switch key {
	case "anthropic_version":
		r.shape |= hasVersion
	case "messages":
		r.shape |= hasMessages
		t.messages(w)
	case "system":
		t.shares.System += t.content(w, 0)
	case "preamble": // Cohere
		t.shares.System += jsonscan.StringWeight(w.Raw())
	case "chat_history":
		t.shares.History += jsonscan.Weight(w.Raw())
	case "prompt", "message", "inputText":
		r.shape |= hasPrompt
		t.sinceReply += t.content(w, 0)
	case "texts", "inputs", "singleEmbeddingParams", "segmentedEmbeddingParams":
		r.shape |= hasEmbed
		t.shares.Last += jsonscan.Weight(w.Raw())
	case "query":
		r.shape |= hasQuery
		t.shares.Last += jsonscan.StringWeight(w.Raw())
	case "documents": // of a reranker, or that an answer is to cite
		for range w.Elements {
			r.documents++
			raw := w.Raw()
			t.shares.Last += jsonscan.StringWeight(raw) + jsonscan.Weight(raw)
		}
	case "toolConfig", "tools":
		t.shares.Tools += jsonscan.Weight(w.Raw())
	case "inputImage", "image", "images", "init_image", "mask":
		raw := w.Raw()
		t.shares.Media += jsonscan.StringWeight(raw) + jsonscan.Weight(raw)
	default:
		return false
	}
	return true
}

// bound takes a member that bounds the answer, or asks for several.
func (r *request) bound(key string, w *jsonscan.Walker) bool {
	switch key {
	case "max_tokens", "maxTokens", "max_gen_len", "max_tokens_to_sample", "max_completion_tokens", "max_new_tokens":
		r.call.MaxOutput = max(r.call.MaxOutput, jsonscan.Number(w.Raw()))
	case "inferenceConfig":
		r.shape |= hasNova
		r.call.MaxOutput = number(w, "maxTokens", "max_new_tokens")
	case "schemaVersion":
		r.shape |= hasNova
	case "textGenerationConfig": // Titan
		r.call.MaxOutput = number(w, "maxTokenCount")
	case "num_generations", "numResults":
		r.choices = jsonscan.Number(w.Raw())
	case "dimensions", "normalize", "embeddingTypes", "embedding_types", "input_type", "embeddingConfig":
		r.shape |= hasEmbed
	case "service_tier":
		if r.call.Tier == "" {
			r.call.Tier = jsonscan.Word(w.Raw())
		}
	default:
		return false
	}
	return true
}

// image takes a member of those who make images.
func (r *request) image(key string, w *jsonscan.Walker) {
	switch key {
	case "taskType":
		r.errand = jsonscan.Word(w.Raw())
	case "textToImageParams", "inPaintingParams", "outPaintingParams", "imageVariationParams", "colorGuidedGenerationParams", "backgroundRemovalParams":
		r.shape |= hasImage
		r.turns.shares.Last += r.turns.content(w, 0)
	case "text_prompts": // Stability's first models
		r.shape |= hasImage | hasPrompt
		r.turns.shares.Last += r.turns.content(w, 0)
	case "imageGenerationConfig":
		r.shape |= hasImage
		r.config(w)
	case "width":
		r.width = jsonscan.Number(w.Raw())
	case "height":
		r.height = jsonscan.Number(w.Raw())
	case "steps":
		r.steps = jsonscan.Number(w.Raw())
	case "samples":
		r.choices = jsonscan.Number(w.Raw())
	}
}

// config reads the part of Amazon's image requests that costs.
func (r *request) config(w *jsonscan.Walker) {
	for key := range w.Members {
		switch string(key) {
		case "numberOfImages":
			r.choices = jsonscan.Number(w.Raw())
		case "width":
			r.width = jsonscan.Number(w.Raw())
		case "height":
			r.height = jsonscan.Number(w.Raw())
		case "quality":
			r.quality = jsonscan.Word(w.Raw())
		}
	}
}

// size is that of the images asked for, "1024x768".
func (r *request) size() string {
	if r.width <= 0 || r.height <= 0 || r.width > maxSide || r.height > maxSide {
		return ""
	}
	return strconv.FormatInt(r.width, 10) + "x" + strconv.FormatInt(r.height, 10)
}

// grade is the quality asked for. Stability's first models have prices by the
// number of steps instead, in two classes: up to 50, and more.
func (r *request) grade() string {
	switch {
	case r.quality != "" || r.steps == 0:
		return r.quality
	case r.steps <= fewSteps:
		return "50-steps"
	}
	return "max-steps"
}
