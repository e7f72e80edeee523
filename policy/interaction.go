package policy

import (
	"slices"
	"strings"
)

// interactionAttribute is the owner attribute that names an interaction.
const interactionAttribute = "interaction"

// maxInteraction bounds a name of an interaction, in bytes, as attribution bounds
// values.
const maxInteraction = 256

// InteractionOf names what a call is a part of, from the point of view of the
// person served: the owner's attribute "interaction", else the trace, else the
// request, else the call alone. A name that is too long or cannot be printed is
// passed over.
func InteractionOf(t *Ticket) string {
	for _, name := range []string{t.Owner.Value(interactionAttribute), t.TraceID, t.RequestID} {
		if name != "" && name != Unattributed && len(name) <= maxInteraction && Printable(name) {
			return name
		}
	}
	return t.ID.String()
}

// shortfalls are the finish reasons of answers that end well on the wire and do
// not do their job: they were cut at a limit, filtered, refused by the model's
// guard, or given up. The words are those of the dialects' documents, in lower
// case: OpenAI (chat and responses), Anthropic, Gemini, Bedrock, Cohere.
var shortfalls = []string{
	"length", "incomplete", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded",
	"content_filter", "content_filtered", "guardrail_intervened", "refusal", "safety", "recitation", "blocklist", "prohibited_content", "spii",
	"image_safety", "error", "error_toxic", "error_limit", "failed", "cancelled", "malformed_function_call", "malformed_model_output",
	"malformed_tool_use", "insufficient_system_resource",
}

// Succeeds reports whether the answer to the call of r did its job, as far as the
// wire tells: it came whole (or from a cache) with a 2xx status, and does not say
// that it was filtered or cut short. A finish reason that is not known counts as
// success.
func (r *Record) Succeeds() bool {
	whole := r.Outcome == Served || r.Outcome == Cached
	return whole && r.Status >= 200 && r.Status <= 299 && !slices.Contains(shortfalls, strings.ToLower(r.Finish))
}
