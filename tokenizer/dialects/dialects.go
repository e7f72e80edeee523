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
	// asks: the provider documents stream_options.include_usage for chat
	// completions, so asking a stream for usage does not fail it.
	asks bool
}

var hosts = [...]host{
	{"api.openai.com", "openai", true},              // platform.openai.com/docs/api-reference/chat/create
	{".openai.azure.com", "azure", true},            // learn.microsoft.com/azure/ai-services/openai/reference (since 2024-09-01-preview)
	{".cognitiveservices.azure.com", "azure", true}, // the same service
	{".services.ai.azure.com", "azure", false},      // models of many makers, not all of which take it
	{"api.anthropic.com", "anthropic", true},        // docs.anthropic.com/en/api/openai-sdk
	{"generativelanguage.googleapis.com", "gemini", true},
	{"-aiplatform.googleapis.com", "vertex", false},
	{"aiplatform.googleapis.com", "vertex", false},
	{"api.groq.com", "groq", true},         // console.groq.com/docs/api-reference
	{"api.deepseek.com", "deepseek", true}, // api-docs.deepseek.com/api/create-chat-completion
	{"api.mistral.ai", "mistral", false},   // reports usage in every stream; unknown members are refused
	{"api.x.ai", "xai", true},              // docs.x.ai/docs/api-reference
	{"openrouter.ai", "openrouter", true},  // openrouter.ai/docs
	{"api.together.xyz", "together", true},
	{"api.together.ai", "together", true},
	{"api.fireworks.ai", "fireworks", true},
	{"api.cerebras.ai", "cerebras", true},
	{"api.perplexity.ai", "perplexity", false}, // reports cumulative usage in every chunk
	{"api.cohere.com", "cohere", false},
	{"api.cohere.ai", "cohere", false},
	{"dashscope.aliyuncs.com", "dashscope", true},
	{"dashscope-intl.aliyuncs.com", "dashscope", true},
	{"api.moonshot.ai", "moonshot", false},
	{"api.z.ai", "zai", false},
	{"router.huggingface.co", "huggingface", false},
	{"ai-gateway.vercel.sh", "vercel", false},
}

// Host returns the provider behind a lower-case host name without port, or "",
// and whether its streams may be asked for usage.
func Host(name string) (provider string, asks bool) {
	for i := range hosts {
		h := &hosts[i]
		if h.name == name || (h.name[0] == '.' || h.name[0] == '-') && strings.HasSuffix(name, h.name) {
			return h.provider, h.asks
		}
	}
	return "", false
}
