package tokenizer

import "strings"

// VertexCall is what a path of Vertex AI says of a call to a model that another
// maker publishes there.
type VertexCall struct {
	Project, Location, Model string
	Stream                   bool
}

// OnVertex reads a path
// …/projects/{p}/locations/{l}/publishers/{publisher}/models/{m}:rawPredict, or
// :streamRawPredict. The strings it returns alias path.
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models
func OnVertex(path, publisher string) (v VertexCall, ok bool) {
	place, rest, found := strings.Cut(path, "/publishers/")
	model, is := strings.CutPrefix(rest, publisher)
	model, models := strings.CutPrefix(model, "/models/")
	if !found || !is || !models {
		return VertexCall{}, false
	}
	var verb string
	v.Model, verb, _ = strings.Cut(model, ":")
	v.Stream = verb == "streamRawPredict"
	v.Project, v.Location = segmentAfter(place, "/projects/"), segmentAfter(place, "/locations/")
	return v, v.Stream || verb == "rawPredict"
}

// Ask is path, which v was read from, with another model.
func (v VertexCall) Ask(path, model string) string {
	at := strings.LastIndex(path, "/models/"+v.Model) + len("/models/")
	return JoinPath(path[:at], model, path[at+len(v.Model):])
}

// segmentAfter is the segment of path that follows name, or empty.
func segmentAfter(path, name string) string {
	_, rest, ok := strings.Cut(path, name)
	if !ok {
		return ""
	}
	segment, _, _ := strings.Cut(rest, "/")
	return segment
}
