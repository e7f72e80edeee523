package capacity

import "github.com/farebox/farebox/policy/names"

// searching are models that search, or run other tools of their provider, for calls
// that name none: patterns, in lower case, of names as they are at any provider.
//
//   - https://docs.perplexity.ai/getting-started/models
//   - https://platform.openai.com/docs/guides/tools-web-search
//   - https://console.groq.com/docs/compound
//   - https://ai.google.dev/gemini-api/docs/deep-research
//   - https://openrouter.ai/docs/guides/features/model-variants/online
var searching = []string{
	"sonar", "sonar-*", "*-sonar-*", "*-sonar", "r1-1776-online", "*-online", "*:online", "perplexity-*",
	"gpt-*-search-preview*", "gpt-*-search-api*", "*deep-research*", "*-search",
	"compound", "compound-*",
}

// toldTo are models of OpenAI that others have search by themselves. At OpenAI each
// call must name the tools.
// https://platform.openai.com/docs/guides/deep-research
var toldTo = []string{"o3-deep-research", "o4-mini-deep-research"}

// Searches reports whether a model searches by itself, as far as its name tells, or
// that of the model which is deployed by it. It allocates nothing.
func (t *Table) Searches(provider, model string) bool {
	if t != nil {
		var room [names.MaxName]byte
		if real, ok := t.deployments[string(names.Lower(room[:0], model))]; ok {
			model = real
		}
	}
	return searches(provider, model)
}

func searches(provider, model string) bool {
	return names.ModelFits(searching, model) && (!names.OneFits(openaiHosts, provider) || !names.ModelFits(toldTo, model))
}
