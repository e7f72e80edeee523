package openai

import "strings"

// paths end in one of these, the longest first. Writer's older API has its chat at
// /v1/chat, OpenRouter its pictures at /v1/images.
var paths = [...]struct{ end, operation string }{
	{"/chat/completions", chat},
	{"/completions", completions},
	{"/responses", responses},
	{"/responses/compact", responses},
	{"/embeddings", embeddings},
	{"/images/generations", images},
	{"/images/edits", images},
	{"/images/variations", images},
	{"/v1/images", images},
	{"/audio/transcriptions", transcription},
	{"/audio/translations", transcription},
	{"/audio/speech", speech},
	{"/v1/batches", batch},
	{"/openai/batches", batch}, // Azure
	{"/v1/chat", chat},
}

// Match takes a POST whose path ends in one of the operations, under any prefix:
// gateways, Azure deployments and servers behind a folder all have one. A slash at
// the end is overlooked, as many servers do. A response or a batch that is asked
// after, or cancelled, is taken by its id.
func (*Dialect) Match(method, path string) (operation string, ok bool) {
	path = strings.TrimRight(path, "/")
	if operation, id := earlier(method, path); id != "" {
		return operation, true
	}
	if method != "POST" {
		return "", false
	}
	for _, p := range paths {
		if strings.HasSuffix(path, p.end) {
			return p.operation, true
		}
	}
	return "", false
}

// earlier is the work that a request asks after: GET …/responses/{id} or
// …/batches/{id}, and POST of the same with /cancel behind it; and GET
// …/files/{id}/content, which may be the results of a batch.
func earlier(method, path string) (operation, id string) {
	switch method {
	case "GET":
	case "POST":
		var cancels bool
		if path, cancels = strings.CutSuffix(path, "/cancel"); !cancels {
			return "", ""
		}
	default:
		return "", ""
	}
	path, content := strings.CutSuffix(path, "/content")
	at := strings.LastIndexByte(path, '/')
	if at < 0 || at == len(path)-1 {
		return "", ""
	}
	switch id = strings.Clone(path[at+1:]); {
	case content:
		if method != "GET" || !strings.HasSuffix(path[:at], "/v1/files") && !strings.HasSuffix(path[:at], "/openai/files") {
			return "", ""
		}
		return batchResults, id
	case strings.HasSuffix(path[:at], "/responses"):
		return responses, id
	case strings.HasSuffix(path[:at], "/v1/batches"), strings.HasSuffix(path[:at], "/openai/batches"):
		return batch, id
	}
	return "", ""
}

// earlierAt is earlier of a path that was matched, whatever its method: only work
// that is asked after has something behind its operation.
func earlierAt(path string) (operation, id string) {
	path = strings.TrimSuffix(strings.TrimRight(path, "/"), "/cancel")
	return earlier("GET", path)
}

// deployment is the model that an Azure path names: the segment after
// "deployments", or empty.
func deployment(path string) string {
	_, rest, ok := strings.Cut(path, "/deployments/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return strings.Clone(name)
}
