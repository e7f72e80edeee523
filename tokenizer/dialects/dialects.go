// Package dialects is the explicit list of what this build speaks, and of the
// hosts it knows. In comes a host name, out goes who is behind it. It knows no
// bodies: that is each dialect's own business.
package dialects

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/anthropic"
	"github.com/farebox/farebox/tokenizer/bedrock"
	"github.com/farebox/farebox/tokenizer/cohere"
	"github.com/farebox/farebox/tokenizer/gemini"
	"github.com/farebox/farebox/tokenizer/mistral"
	"github.com/farebox/farebox/tokenizer/ollama"
	"github.com/farebox/farebox/tokenizer/openai"
)

// All returns a new dialect of each kind, in the order in which paths are tried.
func All() []tokenizer.Dialect {
	return []tokenizer.Dialect{openai.New(), anthropic.New(), gemini.New(), bedrock.New(), cohere.New(), ollama.New(), mistral.New()}
}

// host is one well-known host. A name that begins with a dot or a dash is the
// end of a host name. One label of a name may be a star: it is the region.
type host struct {
	name     string
	provider string
	// asks: chat streams report usage only when asked to, and the provider
	// documents stream_options.include_usage as the way to ask. Where usage comes
	// unasked, asking gains nothing, and hiding what the asking added would take
	// out what the provider sends anyway.
	asks bool
	// regional: what stands before the end is a region.
	regional bool
}

var hosts = [...]host{
	{name: "api.openai.com", provider: "openai", asks: true},                    // platform.openai.com/docs/api-reference/chat/create
	{name: ".api.openai.com", provider: "openai", asks: true, regional: true},   // regions: eu.api.openai.com
	{name: ".openai.azure.com", provider: "azure", asks: true},                  // learn.microsoft.com/azure/ai-services/openai/reference, API versions since 2024-09-01-preview
	{name: ".cognitiveservices.azure.com", provider: "azure", asks: true},       // the same service
	{name: ".services.ai.azure.com", provider: "azure"},                         // models of many makers, not all of which take it
	{name: "api.anthropic.com", provider: "anthropic", asks: true},              // docs.anthropic.com/en/api/openai-sdk
	{name: "generativelanguage.googleapis.com", provider: "gemini", asks: true}, // ai.google.dev/gemini-api/docs/openai
	{name: "-aiplatform.googleapis.com", provider: "vertex", regional: true},
	{name: "aiplatform.googleapis.com", provider: "vertex"},
	{name: "aiplatform.*.rep.googleapis.com", provider: "vertex"}, // docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
	{name: "api.groq.com", provider: "groq"},                      // unasked, in x_groq.usage of the last chunk
	{name: "api.deepseek.com", provider: "deepseek"},              // unasked, in the last chunk with a choice
	{name: "api.mistral.ai", provider: "mistral"},                 // unasked; members it does not know it refuses with 422
	{name: "api.x.ai", provider: "xai"},                           // unasked, in a last chunk without choices
	{name: "openrouter.ai", provider: "openrouter"},               // unasked; openrouter.ai/docs/use-cases/usage-accounting
	{name: "api.together.xyz", provider: "together"},              // not documented
	{name: "api.together.ai", provider: "together"},
	{name: "api.fireworks.ai", provider: "fireworks"},   // not documented
	{name: "api.cerebras.ai", provider: "cerebras"},     // unasked, in the last chunk with a choice
	{name: "api.perplexity.ai", provider: "perplexity"}, // unasked, cumulative in every chunk
	{name: "api.cohere.com", provider: "cohere"},
	{name: "api.cohere.ai", provider: "cohere"},
	{name: "api.voyageai.com", provider: "voyage"},
	{name: "api.jina.ai", provider: "jina_ai"},
	{name: "ollama.com", provider: "ollama", asks: true},                // docs.ollama.com/api/openai-compatibility
	{name: "dashscope.aliyuncs.com", provider: "dashscope", asks: true}, // alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope
	{name: "dashscope-intl.aliyuncs.com", provider: "dashscope", asks: true},
	{name: "api.moonshot.ai", provider: "moonshot"}, // unasked, within the last choice
	{name: "api.z.ai", provider: "zai"},             // unasked, in the last chunk with a choice
	{name: "router.huggingface.co", provider: "huggingface"},
	{name: "ai-gateway.vercel.sh", provider: "vercel"},
	{name: "bedrock-runtime.*.amazonaws.com", provider: "bedrock"}, // docs.aws.amazon.com/general/latest/gr/bedrock.html
	{name: "bedrock-runtime-fips.*.amazonaws.com", provider: "bedrock"},
	{name: "bedrock-runtime.*.api.aws", provider: "bedrock"},
	{name: "bedrock-runtime-fips.*.api.aws", provider: "bedrock"},
	{name: ".bedrock-runtime.*.vpce.amazonaws.com", provider: "bedrock"}, // docs.aws.amazon.com/bedrock/latest/userguide/vpc-interface-endpoints.html
	{name: "bedrock-mantle.*.api.aws", provider: "bedrock"},              // speaks as OpenAI and Anthropic do; asking is not documented
	{name: "bedrock-agent-runtime.*.amazonaws.com", provider: "bedrock"}, // bills, and is not metered
}

// Host returns what is known of a lower-case host name without port.
func Host(name string) (tokenizer.Host, bool) {
	for i := range hosts {
		h := &hosts[i]
		if region, ok := h.is(name); ok {
			return tokenizer.Host{Provider: h.provider, AsksUsage: h.asks, Region: region}, true
		}
	}
	return tokenizer.Host{}, false
}

// is reports whether name is that of the host. region is the one in it: where the
// star is, as in bedrock-runtime.us-east-1.amazonaws.com, or what stands before a
// known end, as in us-central1-aiplatform.googleapis.com and eu.api.openai.com.
func (h *host) is(name string) (region string, ok bool) {
	known := h.name
	if head, tail, starred := strings.Cut(known, "*"); starred {
		rest, ends := strings.CutSuffix(name, tail)
		at := strings.LastIndexByte(rest, '.') + 1
		if name, region, known = rest[:at], rest[at:], head; !ends || region == "" {
			return "", false
		}
	}
	switch before, ends := strings.CutSuffix(name, known); {
	case !ends || before != "" && known[0] != '.' && known[0] != '-':
		return "", false
	case h.regional:
		region = before
	}
	return region, true
}
