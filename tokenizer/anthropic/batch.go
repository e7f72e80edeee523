package anthropic

import (
	"fmt"
	"strings"

	"github.com/farebox/farebox/tokenizer"
	"github.com/farebox/farebox/tokenizer/jsonscan"
)

// maxRequests bounds the requests of a batch that we believe in; the API takes
// 100,000.
const maxRequests = 1 << 20

// ofBatch reads a path …/v1/messages/batches, …/batches/{id}, …/{id}/cancel or
// …/{id}/results. A list of batches, which a GET of the first asks for, is free.
func ofBatch(method, path string) (operation, id string, ok bool) {
	_, rest, ok := strings.Cut(path, "/v1/messages/batches")
	if !ok {
		return "", "", false
	}
	if rest == "" {
		return batch, "", method == "POST"
	}
	id, verb, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case rest[0] != '/' || id == "":
		return "", "", false
	case verb == "" && (method == "GET" || method == "DELETE"), verb == "cancel" && method == "POST":
		return batch, id, true
	case verb == "results" && method == "GET":
		return batchResults, id, true
	}
	return "", "", false
}

// batchID is the batch that a path names, or empty.
func batchID(path string) string {
	_, rest, _ := strings.Cut(path, "/v1/messages/batches/")
	id, _, _ := strings.Cut(rest, "/")
	return strings.Clone(id)
}

// readBatch reads the requests of a new batch into call: their texts are added up.
// The model, and the place, are those of the first request that names one, and
// each of them is one answer; their bound is the mean, so that all may generate as
// much as they allow together. One request without a bound leaves all without.
func readBatch(call *tokenizer.Call, body []byte) error {
	call.Tier = batch
	var n, most int64
	bounded := true
	w := jsonscan.Walk(body)
	object := w.Kind() == '{'
	for key := range w.Members {
		if string(key) != "requests" {
			continue
		}
		for range w.Elements {
			r := oneOf(w)
			if n++; n > maxRequests {
				continue
			}
			bounded = bounded && r.maxTokens > 0
			most += min(r.maxTokens, maxBound)
			addShares(&call.Shares, r.shares())
			call.Model = first(call.Model, r.model)
			call.Region = first(call.Region, r.region)
		}
	}
	if err := w.End(); err != nil {
		return fmt.Errorf("read %s request: %w", call.Operation, err)
	}
	if !object {
		return fmt.Errorf("read %s request: %w: no object", call.Operation, jsonscan.ErrMalformed)
	}
	n = min(max(n, 1), maxRequests)
	call.Choices = int(n)
	if bounded {
		call.MaxOutput = (most + n - 1) / n
	}
	return nil
}

// maxBound is the most output that one request is believed to allow, in tokens.
const maxBound = 1 << 32

// oneOf reads the params of the request that w stands before.
func oneOf(w *jsonscan.Walker) (r request) {
	for key := range w.Members {
		if string(key) == "params" {
			r = request{}
			r.read(w)
		}
	}
	return r
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func addShares(to *tokenizer.Shares, s tokenizer.Shares) {
	to.System += s.System
	to.History += s.History
	to.Last += s.Last
	to.Tools += s.Tools
	to.Media += s.Media
}
