package e2e_test

import (
	"maps"

	"github.com/farebox/farebox/e2e/replay"
	"github.com/farebox/farebox/tokenizer"
)

// houses are the providers beside OpenAI. What they answer stands in e2e/replay.
func houses() []house {
	return []house{
		{"anthropic", replay.Anthropic, anthropicPython(), anthropicNPM()},
		{"gemini", replay.Gemini, geminiPython(), nil},
		{"bedrock", replay.Bedrock, bedrockPython(), nil},
		{"cohere", replay.Cohere, coherePython(), nil},
		{"mistral", replay.Mistral, mistralPython(), nil},
		{"ollama", replay.Ollama, ollamaPython(), nil},
	}
}

// whereabouts is what a chat begins with, in most dialects.
var whereabouts = []args{{"role": "user", "content": "Where is the ferry?"}}

// but are arguments with others added.
func but(a, more args) args {
	out := maps.Clone(a)
	maps.Copy(out, more)
	return out
}

// claude is what is on record of Anthropic's two answers.
func claude() (whole, streamed entry) {
	whole = entry{operation: "messages", model: "claude-ferry-5", id: "msg_quay01", meters: meters{
		tokenizer.Input: 21, tokenizer.CacheRead: 1200, tokenizer.CacheWrite5m: 100, tokenizer.CacheWrite1h: 200,
		tokenizer.Output: 47, tokenizer.Reasoning: 30, tokenizer.WebSearch: 2,
	}}
	streamed = entry{operation: "messages", model: "claude-ferry-5", id: "msg_quay02", stream: true, meters: meters{
		tokenizer.Input: 55, tokenizer.CacheRead: 512, tokenizer.CacheWrite5m: 64, tokenizer.Output: 57, tokenizer.Reasoning: 33,
	}}
	return whole, streamed
}

const (
	claudeText     = "The ferry lies at the \"north\" quay \u2693."
	claudeStreamed = "Let me look it up: \u2693."
)

func anthropicPython() []visit {
	whole, streamed := claude()
	ask := args{"model": "claude-ferry", "messages": whereabouts, "max_tokens": 200}
	return []visit{
		{"anthropic.create", ask, claudeText, whole},
		{"anthropic.stream", ask, claudeStreamed, streamed},
		{do: "anthropic.count_tokens", args: args{"model": "claude-ferry", "messages": whereabouts}},
	}
}

func anthropicNPM() []visit {
	whole, streamed := claude()
	ask := args{"model": "claude-ferry", "messages": whereabouts, "max_tokens": 200}
	prompt := args{"model": "claude-ferry", "prompt": "Where is the ferry?", "maxOutputTokens": 200}
	return []visit{
		{"anthropic.create", ask, claudeText, whole},
		{"anthropic.stream", ask, claudeStreamed, streamed},
		{do: "anthropic.countTokens", args: args{"model": "claude-ferry", "messages": whereabouts}},
		{"ai.generateText", prompt, claudeText, whole},
		{"ai.streamText", prompt, claudeStreamed, streamed},
	}
}

func geminiPython() []visit {
	ask := args{"model": "gemini-ferry", "contents": "Where is the ferry?"}
	return []visit{
		{"gemini.generate_content", ask, "At noon, from the \"north\" quay.", entry{
			operation: "generate_content", model: "gemini-ferry-2", id: "quayG1", meters: meters{
				tokenizer.Input: 200, tokenizer.InputImage: 258, tokenizer.InputAudio: 42, tokenizer.InputTool: 50, tokenizer.CacheRead: 400,
				tokenizer.Output: 60, tokenizer.Reasoning: 90,
			},
		}},
		{"gemini.generate_content_stream", ask, "Here is the quay: ", entry{
			operation: "generate_content", model: "gemini-ferry-2", id: "quayG2", stream: true, meters: meters{
				tokenizer.Input: 33, tokenizer.Output: 10, tokenizer.OutputImage: 1290, tokenizer.Reasoning: 20,
			},
		}},
		{"gemini.embed_content", ask, "", entry{operation: "embeddings", model: "gemini-ferry", source: tokenizer.Estimated}},
	}
}

func bedrockPython() []visit {
	const model = "eu.anthropic.claude-ferry-5-v1:0"
	ask := args{"modelId": model, "messages": []args{{"role": "user", "content": []args{{"text": "Where is the ferry?"}}}}}
	invoke := args{"modelId": model, "body": `{"anthropic_version":"bedrock-2023-05-31","max_tokens":200,"messages":[{"role":"user","content":"Where is the ferry?"}]}`}
	return []visit{
		{"bedrock.converse", ask, "Noon, from the north quay \u2693.", entry{operation: "converse", model: model, id: "quay-0000-0001", meters: meters{
			tokenizer.Input: 30, tokenizer.CacheRead: 1000, tokenizer.CacheWrite1h: 100, tokenizer.Output: 20,
		}}},
		{"bedrock.converse_stream", ask, "Noon, from the north quay.", entry{operation: "converse", model: model, id: "quay-0000-0001", stream: true, meters: meters{
			tokenizer.Input: 15, tokenizer.CacheRead: 512, tokenizer.CacheWrite: 48, tokenizer.Output: 25,
		}}},
		{"bedrock.invoke_model", invoke, "The ferry is late.", entry{operation: "messages", model: model, id: "msg_bdrk_quay01", meters: meters{
			tokenizer.Input: 44, tokenizer.CacheRead: 700, tokenizer.Output: 19,
		}}},
		{"bedrock.invoke_model_with_response_stream", invoke, "The ferry is on time.", entry{
			operation: "messages", model: model, id: "msg_bdrk_quay02", stream: true, meters: meters{tokenizer.Input: 61, tokenizer.Output: 88},
		}},
	}
}

func coherePython() []visit {
	ask := args{"model": "command-ferry", "messages": whereabouts}
	return []visit{
		{"cohere.chat", ask, "At noon \u2693.", entry{operation: "chat", model: "command-ferry", id: "quay-c1", meters: meters{
			tokenizer.Input: 12, tokenizer.Output: 7,
		}}},
		{"cohere.chat_stream", ask, "At noon, the \"north\" quay.", entry{operation: "chat", model: "command-ferry", id: "quay-c2", stream: true, meters: meters{
			tokenizer.Input: 14, tokenizer.Output: 9,
		}}},
		{"cohere.embed", args{"model": "embed-ferry", "texts": []string{"ferry"}, "input_type": "search_query", "embedding_types": []string{"float"}}, "", entry{
			operation: "embeddings", model: "embed-ferry", id: "quay-c3", meters: meters{tokenizer.Input: 5},
		}},
		{"cohere.rerank", args{"model": "rerank-ferry", "query": "ferry", "documents": []string{"a bus", "a ferry"}}, "", entry{
			operation: "rerank", model: "rerank-ferry", id: "quay-c4", meters: meters{tokenizer.RerankUnits: 3},
		}},
	}
}

func mistralPython() []visit {
	ask := args{"model": "mistral-ferry", "messages": whereabouts}
	return []visit{
		{"mistral.complete", ask, "The \"north\" quay \u2693.", entry{operation: "chat", model: "mistral-ferry", id: "quaym1", meters: meters{
			tokenizer.Input: 17, tokenizer.Output: 24,
		}}},
		{"mistral.stream", ask, "At noon, as ever.", entry{operation: "chat", model: "mistral-ferry", id: "quaym2", stream: true, meters: meters{
			tokenizer.Input: 19, tokenizer.Output: 26,
		}}},
		{"mistral.embeddings", args{"model": "mistral-ferry", "inputs": []string{"ferry"}}, "", entry{
			operation: "embeddings", model: "mistral-ferry", id: "quaym3", meters: meters{tokenizer.Input: 6},
		}},
		{"mistral.agents/complete", args{"agent_id": "ag_quay", "messages": whereabouts}, "Gulls.", entry{operation: "agents", model: "voxtral-ferry", id: "quaym4", meters: meters{
			tokenizer.Input: 9, tokenizer.AudioSeconds: 31, tokenizer.Output: 40,
		}}},
		{"mistral.fim/complete", args{"model": "codestral-ferry", "prompt": "def quay():", "suffix": "quay()"}, "return \"quay\"", entry{
			operation: "fim", model: "codestral-ferry", id: "quaym5", meters: meters{tokenizer.Input: 8, tokenizer.Output: 4},
		}},
		{"mistral.fim/stream", args{"model": "codestral-ferry", "prompt": "def quay():"}, "return noon", entry{
			operation: "fim", model: "codestral-ferry", id: "quaym6", stream: true, meters: meters{tokenizer.Input: 9, tokenizer.Output: 5},
		}},
		{"mistral.conversations/start", args{"model": "mistral-ferry", "inputs": "Where is the ferry?"}, "At noon \u2693.", entry{
			operation: "conversations", model: "mistral-ferry", id: "conv_quay1", meters: meters{
				tokenizer.Input: 177, tokenizer.InputTool: 3929, tokenizer.Output: 34, tokenizer.WebSearch: 2,
			},
		}},
		{"mistral.conversations/start_stream", args{"agent_id": "ag_quay", "inputs": "Where is the ferry?"}, "At noon, as ever.", entry{
			operation: "conversations", model: "mistral-ferry", id: "conv_quay2", stream: true, meters: meters{
				tokenizer.Input: 188, tokenizer.InputTool: 7112, tokenizer.Output: 55, tokenizer.WebSearch: 1,
			},
		}},
		{"mistral.ocr/process", args{"model": "ocr-ferry", "document": args{"type": "document_url", "document_url": "https://quay.example/tides.pdf"}}, "# Tides", entry{
			operation: "ocr", model: "ocr-ferry", meters: meters{tokenizer.Pages: 3},
		}},
		{"mistral.speech/complete", args{"model": "tts-ferry", "input": "The ferry is late.", "voice_id": "v"}, "SUQzBAAAAAAA", entry{
			operation: "speech", model: "tts-ferry", meters: meters{tokenizer.Characters: 18},
		}},
	}
}

func ollamaPython() []visit {
	ask := args{"model": "ferry:1b", "messages": whereabouts}
	return []visit{
		{"ollama.chat", ask, "The \"north\" quay \u2693.", entry{operation: "chat", model: "ferry:1b", meters: meters{
			tokenizer.Input: 26, tokenizer.Output: 28,
		}}},
		{"ollama.chat", but(ask, args{"stream": true}), "At noon, as ever.", entry{operation: "chat", model: "ferry:1b", stream: true, meters: meters{
			tokenizer.Input: 16, tokenizer.Output: 22,
		}}},
		{"ollama.embed", args{"model": "ferry:1b", "input": "ferry"}, "", entry{
			operation: "embeddings", model: "ferry:1b", meters: meters{tokenizer.Input: 8},
		}},
	}
}
