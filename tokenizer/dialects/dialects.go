// Package dialects is the explicit list of what this build speaks, and of the
// hosts it knows. In comes a host name, out goes who is behind it. It knows no
// bodies: that is each dialect's own business.
package dialects

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/openai"
)

// All returns a new dialect of each kind, in the order in which paths are tried.
func All() []tokenizer.Dialect { return []tokenizer.Dialect{openai.New()} }

// host is one well-known host. A name that begins with a dot or a dash is the
// end of a host name.
type host struct {
	name     string
	provider string
	// asks: chat streams report usage only when asked to, and the provider
	// documents stream_options.include_usage as the way to ask. Where usage comes
	// unasked, asking gains nothing, and hiding what the asking added would take
	// out what the provider sends anyway.
	asks bool
}

var hosts = [...]host{
	{"api.openai.com", "openai", true},                    // platform.openai.com/docs/api-reference/chat/create
	{".api.openai.com", "openai", true},                   // regions: eu.api.openai.com
	{".openai.azure.com", "azure", true},                  // learn.microsoft.com/azure/ai-services/openai/reference, API versions since 2024-09-01-preview
	{".cognitiveservices.azure.com", "azure", true},       // the same service
	{".services.ai.azure.com", "azure", false},            // models of many makers, not all of which take it
	{"api.anthropic.com", "anthropic", true},              // docs.anthropic.com/en/api/openai-sdk
	{"generativelanguage.googleapis.com", "gemini", true}, // ai.google.dev/gemini-api/docs/openai
	{"-aiplatform.googleapis.com", "vertex", false},
	{"aiplatform.googleapis.com", "vertex", false},
	{"api.groq.com", "groq", false},         // unasked, in x_groq.usage of the last chunk
	{"api.deepseek.com", "deepseek", false}, // unasked, in the last chunk with a choice
	{"api.mistral.ai", "mistral", false},    // unasked; members it does not know it refuses with 422
	{"api.x.ai", "xai", false},              // unasked, in a last chunk without choices
	{"openrouter.ai", "openrouter", false},  // unasked; openrouter.ai/docs/use-cases/usage-accounting
	{"api.together.xyz", "together", false}, // not documented
	{"api.together.ai", "together", false},
	{"api.fireworks.ai", "fireworks", false},   // not documented
	{"api.cerebras.ai", "cerebras", false},     // unasked, in the last chunk with a choice
	{"api.perplexity.ai", "perplexity", false}, // unasked, cumulative in every chunk
	{"api.cohere.com", "cohere", false},
	{"api.cohere.ai", "cohere", false},
	{"dashscope.aliyuncs.com", "dashscope", true}, // alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope
	{"dashscope-intl.aliyuncs.com", "dashscope", true},
	{"api.moonshot.ai", "moonshot", false}, // unasked, within the last choice
	{"api.z.ai", "zai", false},             // unasked, in the last chunk with a choice
	{"router.huggingface.co", "huggingface", false},
	{"ai-gateway.vercel.sh", "vercel", false},
}

// Host returns the provider behind a lower-case host name without port, or "",
// and whether its chat streams need asking, and may be asked, for usage.
func Host(name string) (provider string, asks bool) {
	for i := range hosts {
		h := &hosts[i]
		if h.name == name || (h.name[0] == '.' || h.name[0] == '-') && strings.HasSuffix(name, h.name) {
			return h.provider, h.asks
		}
	}
	return "", false
}
