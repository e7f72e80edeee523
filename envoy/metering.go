package envoy

import "fmt"

// Metering is who counts the tokens of answers.
type Metering string

// Inline: Farebox, from the bytes of each answer; right for every dialect and
// every ending. Native: Envoy, which shows Farebox the count alone; cheapest on
// long streams, blind to what docs/dialects.md lists. Auto: Envoy for the paths
// that it knows, Farebox for the rest.
const (
	Inline Metering = "inline"
	Native Metering = "native"
	Auto   Metering = "auto"
)

// nativePaths are those of the APIs that Envoy 1.40 can count: OpenAI's chat and
// responses, Anthropic's messages, Gemini's generateContent. The colon of the
// last may come escaped.
const nativePaths = `.*/(chat/completions|responses|v1/messages|models/[^/]+(:|%3A)(generateContent|streamGenerateContent))`

// route is one way of metering. The first that matches counts.
type route struct {
	Name   string
	Paths  string // regular expression of the whole path; empty: any
	Native bool
}

// routes are in the order in which Envoy tries them.
func (m Metering) routes() (list []route, native bool, err error) {
	switch m {
	case Inline, "":
		return []route{{Name: "llm"}}, false, nil
	case Native:
		return []route{{Name: "llm-native", Native: true}}, true, nil
	case Auto:
		return []route{{Name: "llm-native", Paths: nativePaths, Native: true}, {Name: "llm"}}, true, nil
	}
	return nil, false, fmt.Errorf("use metering %q: it is inline, native or auto", m)
}
