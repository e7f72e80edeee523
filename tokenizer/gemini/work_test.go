package gemini

import (
	"testing"
	"time"

	"github.com/farebox/farebox/tokenizer"
)

// after is a call that asks after earlier work.
func after(operation, of string) tokenizer.Call {
	return tokenizer.Call{Operation: operation, Choices: 1, Of: of}
}

func put(off tokenizer.Deferred, id, model string) tokenizer.Reading {
	return tokenizer.Reading{Deferred: off, ResponseID: id, Model: model}
}

var (
	batches = tokenizer.Call{Operation: batch, Choices: 1}
	caches  = tokenizer.Call{Operation: cache, Choices: 1}
	expiry  = time.Date(2026, 5, 1, 10, 0, 0, 500_000_000, time.UTC)
)

const (
	cachedBody = `{"name":"projects/12/locations/l/cachedContents/c1","model":"projects/p/locations/l/publishers/google/models/gemini-2.5-pro","expireTime":"2026-05-01T10:00:00.5Z","usageMetadata":{"totalTokenCount":2500,"textCount":9000}}`
	doneBatch  = `{"name":"batches/b1","metadata":{"model":"models/gemini-2.5-flash","state":"BATCH_STATE_SUCCEEDED"},"done":true,"response":{"inlinedResponses":{"inlinedResponses":[
		{"response":{"candidates":[{"content":{"parts":[{"text":"not kept"}]},"groundingMetadata":{"webSearchQueries":["a","b"]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":17,"thoughtsTokenCount":2},"modelVersion":"gemini-2.5-flash"}},
		{"error":{"code":3}},
		{"response":{"candidates":[{"groundingMetadata":{"webSearchQueries":["a"]}}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"gemini-2.5-flash"}}]}}}`
)

// works are answers about work that goes on, or content that is kept.
var works = []answer{
	{"batch begun", batches, tokenizer.JSON, `{"name":"batches/b1","metadata":{"model":"models/gemini-2.5-flash","state":"BATCH_STATE_PENDING"}}`, true, "",
		served(put(tokenizer.Deferred{ID: "batches/b1"}, "batches/b1", "gemini-2.5-flash"), "batch")},
	{"batch refused", batches, tokenizer.JSON, `{"error":{"code":400}}`, true, "", tokenizer.Reading{Error: true, Tier: "batch"}},
	{"batch goes on", after(batch, "batches/b1"), tokenizer.JSON, `{"name":"batches/b1","metadata":{"model":"models/m","state":"BATCH_STATE_RUNNING"}}`, true, "",
		served(put(tokenizer.Deferred{ID: "batches/b1"}, "", "m"), "batch")},
	{"batch done", after(batch, "batches/b1"), tokenizer.JSON, doneBatch, true, `{"input":11,"output":7,"reasoning":2,"web_search":2}`, served(tokenizer.Reading{Model: "gemini-2.5-flash"}, "batch")},
	{"batch failed", after(batch, "batches/b1"), tokenizer.JSON, `{"name":"batches/b1","done":true,"error":{"code":13}}`, true, "", tokenizer.Reading{Error: true, Tier: "batch"}},
	{"batch done into a file", after(batch, "batches/b1"), tokenizer.JSON, `{"name":"batches/b1","done":true,"response":{"responsesFile":"files/batch-b1"},"metadata":{"output":{"responsesFile":"files/batch-b1"}}}`, true, "",
		served(put(tokenizer.Deferred{ID: "batches/b1", Alias: "files/batch-b1"}, "", ""), "batch")},
	{"file of results", after(batchFile, "files/batch-b1"), tokenizer.JSON, "{\"key\":\"1\",\"response\":{\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":5},\"modelVersion\":\"m\"}}\n\r\n" +
		"{\"key\":\"2\",\"error\":{}}\n{\"key\":\nnot json\n{\"response\":{\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2}}}", false, `{"input":11,"output":7}`,
		tokenizer.Reading{Model: "m", Tier: "batch", Unreadable: 2}},
	{"file of errors", after(batchFile, "files/batch-b1"), tokenizer.NDJSON, "{\"key\":\"1\",\"error\":{\"code\":3}}\n", false, "", served(tokenizer.Reading{}, "batch")},
	{"file that is torn", after(batchFile, "files/batch-b1"), tokenizer.NDJSON, "{\"key\":\"1\",\"response\":{\"usageMetadata\":{\"promptTokenCount\":10}}}\n{\"key\":\"2\"", false, `{"input":10}`,
		tokenizer.Reading{Tier: "batch", Unreadable: 1, Deferred: tokenizer.Deferred{ID: "files/batch-b1"}}},
	{"error in place of a file", after(batchFile, "files/batch-b1"), tokenizer.NDJSON, `{"error":{"code":404}}`, false, "", served(put(tokenizer.Deferred{ID: "files/batch-b1"}, "", ""), "batch")},
	{"empty file", after(batchFile, "files/batch-b1"), tokenizer.NDJSON, "\n", false, "", served(put(tokenizer.Deferred{ID: "files/batch-b1"}, "", ""), "batch")},

	{"cached", caches, tokenizer.JSON, cachedBody, true, `{"cache_write":2500,"output":0}`,
		put(tokenizer.Deferred{ID: "cachedContents/c1", Expires: expiry, Stored: 2500}, "cachedContents/c1", "gemini-2.5-pro")},
	{"kept longer", after(cache, "cachedContents/c1"), tokenizer.JSON, cachedBody, true, "",
		put(tokenizer.Deferred{ID: "cachedContents/c1", Expires: expiry, Stored: 2500}, "cachedContents/c1", "gemini-2.5-pro")},
	{"not cached", caches, tokenizer.JSON, `{"error":{"code":400}}`, true, "", tokenizer.Reading{Error: true}},
	{"still kept", after(cache, "cachedContents/c1"), tokenizer.JSON, `{`, false, "", tokenizer.Reading{Unreadable: 1, Deferred: tokenizer.Deferred{ID: "cachedContents/c1"}}},
	{"kept no more", after(uncache, "cachedContents/c1"), tokenizer.JSON, "{}\n", true, "", tokenizer.Reading{}},
	{"kept no more, said without a word", after(uncache, "cachedContents/c1"), tokenizer.JSON, "", false, "", tokenizer.Reading{}},

	{"interaction in the background", acts, tokenizer.JSON, `{"id":"v1_a","status":"in_progress","agent":"deep-research"}`, true, "",
		put(tokenizer.Deferred{ID: "v1_a"}, "v1_a", "deep-research")},
	{"interaction goes on", after(interactions, "v1_a"), tokenizer.JSON, `{"id":"v1_a","status":"queued"}`, true, "", put(tokenizer.Deferred{ID: "v1_a"}, "v1_a", "")},
	{"interaction over", after(interactions, "v1_a"), tokenizer.JSON, `{"id":"v1_a","status":"completed","model":"m","usage":{"total_input_tokens":3,"total_output_tokens":4}}`, true, `{"input":3,"output":4}`,
		reading(tokenizer.Reading{}, "v1_a", "m", "completed")},
	{"interaction cancelled", after(interactions, "v1_a"), tokenizer.JSON, `{"id":"v1_a","status":"cancelled"}`, true, "", reading(tokenizer.Reading{}, "v1_a", "", "cancelled")},
	{"interaction told again", after(interactions, "v1_a"), tokenizer.SSE, sseOf(
		`{"interaction":{"id":"v1_a","status":"in_progress"},"event_type":"interaction.created"}`,
		`{"interaction":{"id":"v1_a","status":"completed","usage":{"total_input_tokens":3}},"event_type":"interaction.completed"}`), true, `{"input":3}`, reading(tokenizer.Reading{}, "v1_a", "", "completed")},
	{"interaction told in part", after(interactions, "v1_a"), tokenizer.SSE, sseOf(`{"interaction":{"id":"v1_a","status":"in_progress"},"event_type":"interaction.created"}`), false, "",
		put(tokenizer.Deferred{ID: "v1_a"}, "v1_a", "")},
	{"stream of a call ends early", acts, tokenizer.SSE, sseOf(`{"interaction":{"id":"v1_a","status":"in_progress"},"event_type":"interaction.created"}`), false, "", reading(tokenizer.Reading{}, "v1_a", "", "")},
}

func TestWorkEveryCut(t *testing.T) { everyCut(t, works) }

// TestOpaque: nothing is learned of what cannot be read, but that earlier work is
// not known to be over.
func TestOpaque(t *testing.T) {
	opaque := tokenizer.Answer{Status: 200, Form: tokenizer.Opaque, Head: tokenizer.NoHead{}}
	if m := New().NewMeter(asks, opaque); m != nil {
		t.Error("a meter for nothing")
	}
	m := New().NewMeter(after(batchFile, "files/batch-1"), opaque)
	if r := m.Close(tokenizer.Complete); r.Deferred.ID != "files/batch-1" || r.Unreadable != 0 {
		t.Errorf("%+v", r)
	}
}

// TestCutFile: a part of the results settles nothing.
func TestCutFile(t *testing.T) {
	a := answer{call: after(batchFile, "files/batch-1"), form: tokenizer.NDJSON, body: `{"response":{"usageMetadata":{"promptTokenCount":10}}}` + "\n" + `{"resp`}
	r, _ := meterOf(a, tokenizer.Cut)
	if r.Deferred.ID != "files/batch-1" || r.Unreadable != 0 {
		t.Errorf("%+v", r)
	}
}
