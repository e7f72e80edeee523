package dialects

import (
	"testing"

	"github.com/farebox/farebox/tokenizer"
)

func TestHost(t *testing.T) {
	for _, c := range []struct {
		name, provider string
		asks           bool
	}{
		{"api.openai.com", "openai", true},
		{"eu.api.openai.com", "openai", true},
		{"myorg.openai.azure.com", "azure", true},
		{"myorg.cognitiveservices.azure.com", "azure", true},
		{"myorg.services.ai.azure.com", "azure", false},
		{"api.anthropic.com", "anthropic", true},
		{"generativelanguage.googleapis.com", "gemini", true},
		{"us-central1-aiplatform.googleapis.com", "vertex", false},
		{"aiplatform.googleapis.com", "vertex", false},
		{"aiplatform.eu.rep.googleapis.com", "vertex", false},
		{"api.mistral.ai", "mistral", false},
		{"openrouter.ai", "openrouter", false},
		{"api.groq.com", "groq", false},
		{"api.deepseek.com", "deepseek", false},
		{"api.perplexity.ai", "perplexity", false},
		{"api.x.ai", "xai", false},
		{"api.together.xyz", "together", false},
		{"api.fireworks.ai", "fireworks", false},
		{"api.cerebras.ai", "cerebras", false},
		{"router.huggingface.co", "huggingface", false},
		{"ai-gateway.vercel.sh", "vercel", false},
		{"api.z.ai", "zai", false},
		{"api.moonshot.ai", "moonshot", false},
		{"dashscope-intl.aliyuncs.com", "dashscope", true},
		{"api.cohere.com", "cohere", false},
		{"api.voyageai.com", "voyage", false},
		{"api.jina.ai", "jina_ai", false},
		{"ollama.com", "ollama", true},
		{"", "", false},
		{"openai.azure.com", "", false},
		{"evilapi.openai.com", "", false},
		{"api.openai.com.evil.example", "", false},
		{"xopenrouter.ai", "", false},
	} {
		if h, known := Host(c.name); h.Provider != c.provider || h.AsksUsage != c.asks || known != (c.provider != "") {
			t.Errorf("%q: %+v, %v", c.name, h, known)
		}
	}
}

func TestHostRegion(t *testing.T) {
	for name, want := range map[string]tokenizer.Host{
		"us-central1-aiplatform.googleapis.com":                       {Provider: "vertex", Region: "us-central1"},
		"aiplatform.googleapis.com":                                   {Provider: "vertex"},
		"bedrock-runtime.eu-west-1.amazonaws.com":                     {Provider: "bedrock", Region: "eu-west-1"},
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com":            {Provider: "bedrock", Region: "us-gov-west-1"},
		"bedrock-runtime.us-east-1.api.aws":                           {Provider: "bedrock", Region: "us-east-1"},
		"vpce-0a1b-2c3d.bedrock-runtime.us-east-1.vpce.amazonaws.com": {Provider: "bedrock", Region: "us-east-1"},
		"bedrock-agent-runtime.us-east-1.amazonaws.com":               {Provider: "bedrock", Region: "us-east-1"},
		"bedrock-runtime.amazonaws.com":                               {},
		"bedrock-runtime..amazonaws.com":                              {},
		"bedrock-runtime.a.b.amazonaws.com":                           {},
		"xbedrock-runtime.us-east-1.amazonaws.com":                    {},
		"x.bedrock-runtime.us-east-1.amazonaws.com":                   {},
		".bedrock-runtime.us-east-1.vpce.amazonaws.com.evil.example":  {},
		"bedrock-runtime.us-east-1.amazonaws.com.evil.example":        {},
		"s3.us-east-1.amazonaws.com":                                  {},
		"bedrock.us-east-1.amazonaws.com":                             {},
		"us-east-1.amazonaws.com":                                     {},
		"amazonaws.com":                                               {},
	} {
		if h, known := Host(name); h != want || known != (want.Provider != "") {
			t.Errorf("%q: %+v, %v; want %+v", name, h, known, want)
		}
	}
}

func TestHostsAreTold(t *testing.T) {
	seen := map[string]bool{}
	for _, h := range hosts {
		if h.name == "" || h.provider == "" || seen[h.name] {
			t.Errorf("%+v is empty or there twice", h)
		}
		seen[h.name] = true
	}
}

// TestAll: names are kept in the ledger, so no two dialects may share one, and
// each call of the map of paths belongs to the dialect that is meant.
func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range All() {
		if d.Name() == "" || seen[d.Name()] {
			t.Errorf("%q is empty or there twice", d.Name())
		}
		seen[d.Name()] = true
	}
	for path, want := range map[string]string{
		"/v1/chat/completions": "openai",
		"/v1/responses":        "openai",
		"/v1/embeddings":       "openai",
		"/v1/messages":         "anthropic",
		"/v1/messages/batches": "anthropic",
		"/v2/chat":             "cohere",
		"/v1/rerank":           "cohere",
		"/v2/parse":            "cohere",
		"/api/chat":            "ollama",
		"/api/embed":           "ollama",
		"/v1/models":           "",

		"/v1/fim/completions":          "openai",
		"/v1/ocr":                      "mistral",
		"/providers/mistral/azure/ocr": "mistral",
		"/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict": "mistral",

		"/model/amazon.nova-lite-v1:0/converse":                                          "bedrock",
		"/model/amazon.nova-lite-v1:0/converse-stream":                                   "bedrock",
		"/model/arn:aws:bedrock:eu-west-1:1:inference-profile/eu.meta.llama3/invoke":     "bedrock",
		"/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/invoke-with-response-stream": "bedrock",
		"/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens":                "",
		"/v1beta/models/gemini-2.5-flash:generateContent":                                "gemini",
		"/v1beta/interactions":                        "gemini",
		"/v1beta/cachedContents":                      "gemini",
		"/v1beta/models/gemini-2.5-flash:countTokens": "",
		"/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:streamGenerateContent": "gemini",
	} {
		if got := first(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestAllAtHome: whose host it is reads the call in his own words, and what costs
// nothing elsewhere is taken nowhere else.
func TestAllAtHome(t *testing.T) {
	for _, c := range []struct{ host, path, dialect, operation string }{
		{"api.mistral.ai", "/v1/chat/completions", "mistral", "chat"},
		{"api.mistral.ai", "/v1/fim/completions", "mistral", "fim"},
		{"api.mistral.ai", "/v1/agents/completions", "mistral", "agents"},
		{"api.mistral.ai", "/v1/conversations", "mistral", "conversations"},
		{"api.mistral.ai", "/v1/moderations", "mistral", "moderations"},
		{"api.mistral.ai", "/v1/classifications", "mistral", "classifications"},
		{"api.mistral.ai", "/v1/embeddings", "mistral", "embeddings"},
		{"api.mistral.ai", "/v1/audio/transcriptions", "mistral", "transcription"},
		{"api.mistral.ai", "/v1/batch/jobs", "mistral", "batch"},
		{"api.mistral.ai", "/v1/responses", "openai", "responses"},
		{"europe-west4-aiplatform.googleapis.com", "/v1/projects/p/locations/l/publishers/mistralai/models/m:streamRawPredict", "mistral", "chat"},
		{"x.services.ai.azure.com", "/providers/mistral/azure/ocr", "mistral", "ocr"},
		{"api.openai.com", "/v1/moderations", "", ""},
		{"api.openai.com", "/v1/conversations", "", ""},
		{"x.openai.azure.com", "/openai/v1/conversations", "", ""},
		{"vllm.example", "/v1/classifications", "", ""},
		{"jobs.example", "/v1/batch/jobs", "", ""},
	} {
		h, _ := Host(c.host)
		d, operation, ok := tokenizer.Find(All(), h.Provider, "POST", c.path)
		if ok != (c.dialect != "") || ok && (d.Name() != c.dialect || operation != c.operation) {
			t.Errorf("%s%s: %v, %q, %v; want %q, %q", c.host, c.path, d, operation, ok, c.dialect, c.operation)
		}
	}
}

func first(path string) string {
	for _, d := range All() {
		if _, _, ok := tokenizer.Find([]tokenizer.Dialect{d}, "", "POST", path); ok {
			return d.Name()
		}
	}
	return ""
}

// Each call has its own dialects: nobody can change another's list.
func TestAllIsNew(t *testing.T) {
	a := All()
	a[0] = tokenizer.Dialect(nil)
	if All()[0] == nil {
		t.Error("the list is shared")
	}
}
