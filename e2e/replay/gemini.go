package replay

// Gemini answers calls of models: content whole, with three modalities, a cache,
// a tool and thoughts; content streamed, with a picture and counts that grow; and
// embeddings, which report no usage.
func Gemini() []Answer {
	return []Answer{
		{Path: ":generateContent", Kind: JSON, Body: []byte(geminiWhole)},
		{Path: ":streamGenerateContent", Kind: "text/event-stream", Body: unnamed(geminiChunks, "\r\n\r\n")},
		{Path: ":batchEmbedContents", Kind: JSON, Body: []byte(`{"embeddings":[{"values":[0.25,-0.5,0.125]}]}`)},
		{Path: ":embedContent", Kind: JSON, Body: []byte(`{"embedding":{"values":[0.25,-0.5,0.125]}}`)},
	}
}

const geminiWhole = `{
  "candidates": [{
    "content": {"parts": [{"text": "A ferry leaves.", "thought": true}, {"text": "At noon, from the \"north\" quay."}], "role": "model"},
    "finishReason": "STOP", "index": 0
  }],
  "usageMetadata": {
    "promptTokenCount": 900, "candidatesTokenCount": 60, "totalTokenCount": 1100, "cachedContentTokenCount": 400,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 600}, {"modality": "IMAGE", "tokenCount": 258}, {"modality": "AUDIO", "tokenCount": 42}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 400}],
    "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 60}],
    "toolUsePromptTokenCount": 50, "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}],
    "thoughtsTokenCount": 90
  },
  "modelVersion": "gemini-ferry-2", "responseId": "quayG1"
}
`

var geminiChunks = []string{
	`{"candidates":[{"content":{"parts":[{"text":"Here is "}],"role":"model"},"index":0}],` +
		`"usageMetadata":{"promptTokenCount":33,"totalTokenCount":33,"promptTokensDetails":[{"modality":"TEXT","tokenCount":33}]},` +
		`"modelVersion":"gemini-ferry-2","responseId":"quayG2"}`,
	`{"candidates":[{"content":{"parts":[{"text":"the quay: "},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}],"role":"model"},"index":0}],` +
		`"usageMetadata":{"promptTokenCount":33,"candidatesTokenCount":5,"totalTokenCount":38,"promptTokensDetails":[{"modality":"TEXT","tokenCount":33}]},` +
		`"modelVersion":"gemini-ferry-2","responseId":"quayG2"}`,
	`{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],` +
		`"usageMetadata":{"promptTokenCount":33,"candidatesTokenCount":1300,"totalTokenCount":1353,"thoughtsTokenCount":20,` +
		`"promptTokensDetails":[{"modality":"TEXT","tokenCount":33}],` +
		`"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"IMAGE","tokenCount":1290}]},` +
		`"modelVersion":"gemini-ferry-2","responseId":"quayG2"}`,
}
