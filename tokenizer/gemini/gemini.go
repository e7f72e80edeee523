// Package gemini reads the calls and answers of Google's generative models, at
// the Gemini API and at Vertex AI: content, plain or streamed, embeddings, images
// and videos, interactions, cached contents and batches.
//
// In come request bodies, whole, and answers in any pieces. Out go a Call and a
// Reading. The package knows no price, no team and no transport, and trusts no
// body: what cannot be read is counted.
//
// Shapes are those of https://ai.google.dev/api and of
// https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest. Both
// servers take names of members in camel case and in snake case, and write camel
// case; enumerations come by name, or by number where the caller asked for that.
package gemini

import (
	"strings"

	"github.com/farebox/farebox/tokenizer"
)

// Name is the dialect's name in the ledger.
const Name = "gemini"

// The operations.
const (
	content      = "generate_content"
	embeddings   = "embeddings"
	images       = "images"
	video        = "video"
	interactions = "interactions"
	batch        = "batch"
	batchFile    = "batch_results"
	cache        = "cached_content"
	uncache      = "delete_cached_content"
)

// Dialect is Google's way of speaking. It has no state.
type Dialect struct{}

var (
	_ tokenizer.Dialect = (*Dialect)(nil)
	_ tokenizer.Refuser = (*Dialect)(nil)
	_ tokenizer.Changer = (*Dialect)(nil)
)

// New makes the dialect.
func New() *Dialect { return &Dialect{} }

// Name is "gemini".
func (*Dialect) Name() string { return Name }

// target is what a path says. Its strings are pieces of the path.
type target struct {
	verb       string // after the colon: "generateContent"; empty: none
	collection string // "models", "batches", …; of a path that ends in a collection, empty
	name       string // what is named in the collection, or the collection itself
	before     string // everything before the collection, with a slash at its end
}

// aim takes a path apart: …/collection/name:verb.
func aim(path string) (t target) {
	path = strings.TrimRight(path, "/")
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return target{}
	}
	t.before, t.name = path[:slash+1], path[slash+1:]
	if colon := strings.LastIndexByte(t.name, ':'); colon >= 0 {
		t.name, t.verb = t.name[:colon], t.name[colon+1:]
	}
	parent := path[:slash]
	if t.verb == "" && isCollection(t.name) {
		return t
	}
	if t.verb == "" && t.name == "cancel" {
		t.verb = t.name
		slash = strings.LastIndexByte(parent, '/')
		t.name, parent = parent[slash+1:], parent[:max(slash, 0)]
	}
	slash = strings.LastIndexByte(parent, '/')
	t.before, t.collection = parent[:slash+1], parent[slash+1:]
	return t
}

func isCollection(name string) bool { return name == "interactions" || name == "cachedContents" }

// Match takes the methods of models, tuned models and endpoints that are paid
// for, under any prefix, and what makes, changes or asks after interactions,
// cached contents and batches. Counting tokens and lists are free: they pass.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	t := aim(path)
	switch t.collection {
	case "models", "tunedModels", "endpoints":
		if method == "POST" && t.name != "" {
			operation = t.modelCall()
		}
	case "interactions":
		if t.name != "" && (method == "GET" && t.verb == "" || method == "POST" && t.verb == "cancel") {
			operation = interactions
		}
	case "cachedContents":
		operation = t.cacheCall(method)
	case "batches":
		if method == "GET" && t.verb == "" && t.name != "" && t.isPreview() {
			operation = batch
		}
	case "files":
		if method == "GET" && t.verb == "download" && strings.HasPrefix(t.name, "batch-") {
			operation = batchFile
		}
	case "":
		operation = t.creation(method)
	}
	return operation, operation != ""
}

// creation is the operation of a path that ends in a collection.
func (t target) creation(method string) string {
	switch {
	case method != "POST" || t.verb != "":
	case t.name == "interactions":
		return interactions
	case t.name == "cachedContents":
		return cache
	}
	return ""
}

func (t target) cacheCall(method string) string {
	switch {
	case t.verb != "" || t.name == "":
	case method == "GET" || method == "PATCH":
		return cache
	case method == "DELETE":
		return uncache
	}
	return ""
}

// modelCall is the operation of a method of a model.
func (t target) modelCall() string {
	switch t.verb {
	case "generateContent", "streamGenerateContent":
		return content
	case "embedContent", "batchEmbedContents":
		return embeddings
	case "batchGenerateContent", "asyncBatchEmbedContent":
		return batch
	}
	switch {
	case t.collection != "models" || !t.isGoogles(): // anybody's model may predict
	case t.verb == "predictLongRunning":
		return video
	case t.verb == "predict" && strings.Contains(t.name, "embedding"):
		return embeddings
	case t.verb == "predict":
		return images
	}
	return ""
}

// isGoogles reports whether the model is Google's own: Vertex AI has those of
// other publishers too.
func (t target) isGoogles() bool {
	return !strings.Contains(t.before, "/publishers/") || strings.HasSuffix(t.before, "/publishers/google/")
}

// isPreview reports whether the version of the API is one that has batches. At
// /v1/batches other providers have theirs.
func (t target) isPreview() bool {
	version := strings.TrimSuffix(t.before, "/")
	version = version[strings.LastIndexByte(version, '/')+1:]
	return strings.HasPrefix(version, "v1beta") || version == "v1alpha"
}

// of is the provider's id of the earlier work that a path names, without project
// and location, which answers spell another way than paths do.
func (t target) of() string {
	switch t.collection {
	case "interactions":
		return strings.Clone(t.name)
	case "cachedContents", "batches", "files":
		return t.collection + "/" + t.name
	}
	return ""
}

// segment is the part of a path that follows a collection's name: the project of
// /projects/p/…, or empty.
func segment(path, collection string) string {
	_, rest, ok := strings.Cut(path, "/"+collection+"/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return strings.Clone(name)
}

// bare is a model's or other resource's name without what stands before the
// collection and the collection itself: models/m and publishers/google/models/m
// are m.
func bare(name string) string {
	for _, collection := range [...]string{"models/", "tunedModels/", "endpoints/"} {
		if i := strings.LastIndex(name, collection); i == 0 || i > 0 && name[i-1] == '/' {
			return name[i+len(collection):]
		}
	}
	return name
}

// within is a resource's name from the collection on.
func within(name, collection string) string {
	if i := strings.LastIndex(name, collection+"/"); i >= 0 {
		return name[i:]
	}
	return name
}
