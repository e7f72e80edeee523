package mistral

import "github.com/farebox/farebox/tokenizer"

// others are of https://docs.mistral.ai/api: what is sent by POST, PUT or PATCH and
// not metered. What is set up costs nothing, what it does then does.
var others = []tokenizer.Other{
	{Tail: "files", Operation: "files", Free: true},
	{Tail: "models/*/archive", Operation: "models", Free: true},
	{Tail: "fine_tuning/models/**", Operation: "models", Free: true},
	{Tail: "fine_tuning/jobs/*/cancel", Operation: "fine_tuning", Free: true},
	{Tail: "fine_tuning/**", Operation: "fine_tuning"},
	{Tail: "responses/input_tokens", Operation: "count_tokens", Free: true},
	{Tail: "libraries/*/documents/**", Operation: "document_library"}, // documents are read by the page, and embedded
	{Tail: "libraries/**", Operation: "document_library", Free: true},
	{Tail: "connectors/*/tools/*/call", Operation: "connectors"},
	{Tail: "connectors/**", Operation: "connectors", Free: true},
	{Tail: "audio/voices/**", Operation: "voices", Free: true},
	{Tail: "audio/agents/**", Operation: "agents", Free: true},
	{Tail: "audio/**", Operation: "realtime"}, // a session that it opens is billed, and not seen
	{Tail: "client/sessions", Operation: "realtime"},
	{Tail: "agents/**", Operation: "agents", Free: true},
	{Tail: "prompts/**", Operation: "prompts", Free: true},
	{Tail: "skills/**", Operation: "skills", Free: true},
	{Tail: "service-accounts/**", Operation: "organization", Free: true},
	{Tail: "webhooks/**", Operation: "webhooks", Free: true},
	{Tail: "context/search-indexes/**", Operation: "vector_search"},
	{Tail: "rag/**", Operation: "vector_search"},
	{Tail: "workflows/**", Operation: "workflows"},
	{Tail: "observability/judges/*/live-judging", Operation: "evals"}, // judges are models
	{Tail: "observability/dataset-records/*/live-judging", Operation: "evals"},
	{Tail: "observability/optimizations/**", Operation: "evals"},
	{Tail: "observability/**", Operation: "observability", Free: true},
}

var _ tokenizer.Neighbour = (*Dialect)(nil)

// Other names what of the API is not metered.
func (*Dialect) Other(_, path string) (operation string, free, ok bool) {
	return tokenizer.FindOther(others, path)
}
