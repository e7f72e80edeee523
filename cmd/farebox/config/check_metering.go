package config

// unseen is what Farebox does not learn where Envoy counts.
var unseen = []string{
	"an answer that is cut, and a stream whose caller did not ask for its usage, are settled at an estimate",
	"an error of the provider is settled at an estimate: Envoy tells nothing, not even the status, at the end of an answer without usage",
	"what is written to a cache for five minutes and for an hour is one count, priced as writes of no told time",
	"sound and pictures are counted as the text beside them, and priced so",
	"searches and other units that are no tokens, the service tier as served and work that goes on after the answer are not seen",
}

func checkMetering(c *Config) (found []Finding) {
	const key = "metering.mode"
	m := &c.Metering
	if m.Mode != MeteringInline {
		where := "where Envoy counts, "
		hint := "routes where that matters need inline"
		for _, what := range unseen {
			found = append(found, Finding{Note, key, where + what, hint})
		}
	}
	if m.Mode == MeteringNative {
		found = append(found, warn(key, "what Envoy cannot count (embeddings, completions, Bedrock, Cohere, Ollama and others) is settled at an estimate",
			"write `mode: auto`, unless every call is OpenAI's chat or responses, Anthropic's messages or Gemini's generateContent"))
	}
	if m.OnUnmetered == UnmeteredRefuse && c.Mode == Observe {
		found = append(found, warn("metering.on_unmetered", "mode observe refuses nothing; what is not metered is only counted", "write `mode: enforce` to refuse it"))
	}
	return found
}
