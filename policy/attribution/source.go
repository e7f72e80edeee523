package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
)

// Source is one place to look for a value. Exactly one of its fields is set.
type Source struct {
	Header    string // name of a request header
	Body      string // names of members of the request's JSON, from the top, joined by dots; a text or a number is taken
	APIKey    string // "team": whose the caller's API key is, as the owners know it
	Route     string // "name", "cluster" or "metadata.KEY": what Envoy's routing says
	Workload  string // "namespace", "service_account" or "name" of the workload whose sidecar Envoy is
	Attribute string // name of an Envoy attribute
	Path      string // name that a configured route has for a part of the request's path
	Trace     bool   // the trace id of traceparent
	SPIFFE    string // pattern of the SPIFFE ID in the caller's certificate, see spiffe.go
	JWT       Claim  // a claim of the caller's token
}

// Claim is a member of the payload of a token that Envoy has verified.
type Claim struct {
	Provider string // as Envoy's filter calls who signs such tokens: payload_in_metadata
	Name     string // of the claim; dots lead into objects ("act.sub")
}

// Sources that have one of a few words.
var (
	RouteWords    = []string{"name", "cluster"}
	WorkloadWords = []string{"namespace", "service_account", "name"}
)

// Bounds of a path into the body, and of the name of an attribute in bytes.
const (
	MaxSteps = 8
	maxPath  = 128
	maxName  = 256
)

// MetadataPrefix begins Source.Route where a value of the route's metadata is
// meant: in the namespace MetadataNamespace, under the key that follows.
const (
	MetadataPrefix    = "metadata."
	MetadataNamespace = "farebox"
)

type kind uint8

const (
	fromHeader kind = iota
	fromBody
	fromKey
	fromAttribute
	fromWorkload
	fromPath
	fromTrace
	fromCertificate
	fromClaim
)

// source is a Source made ready.
type source struct {
	kind kind
	name string // of a header, path, attribute, claim or word; or a pattern
	of   string // the provider of a claim
	says string // "header x-team"
}

// Identifies reports whether a source says what Envoy or a key proves, and not
// what a caller merely writes.
func (s *Source) Identifies() bool {
	return s.APIKey != "" || s.Route != "" || s.Workload != "" || s.Attribute != "" || s.SPIFFE != "" || s.JWT != Claim{}
}

// Check reports what is wrong with a source, nil when nothing is.
func (s *Source) Check() error {
	_, err := s.ready()
	return err
}

// String names the source as the rule of an Attribute does ("header x-team").
func (s *Source) String() string {
	r, err := s.ready()
	if err != nil {
		return ""
	}
	return r.says
}

// Attributes names what of Envoy's the source reads, and that must therefore be
// sent.
func (s *Source) Attributes() []string {
	r, err := s.ready()
	switch {
	case err != nil:
		return nil
	case r.kind == fromAttribute:
		return []string{r.name}
	case r.kind == fromCertificate:
		return []string{peerShown, peerURI}
	case r.kind == fromWorkload:
		return workloadAttributes(r.name)
	}
	return nil
}

func (s *Source) ready() (r source, err error) {
	if n := s.given(); n != 1 {
		return r, fmt.Errorf("a source names %d places, it must be one", n)
	}
	switch {
	case s.Header != "":
		r = source{kind: fromHeader, name: strings.ToLower(s.Header), says: "header " + strings.ToLower(s.Header)}
		err = checkHeader(s.Header)
	case s.Body != "":
		r = source{kind: fromBody, name: s.Body, says: "body " + s.Body}
		err = checkPath(s.Body)
	case s.APIKey != "":
		r = source{kind: fromKey, says: "api key"}
		err = oneOf(s.APIKey, Team)
	case s.Route != "":
		r, err = route(s.Route)
	case s.Workload != "":
		r = source{kind: fromWorkload, name: s.Workload, says: "workload " + s.Workload}
		err = oneOf(s.Workload, WorkloadWords...)
	case s.Attribute != "":
		r = source{kind: fromAttribute, name: s.Attribute, says: "attribute " + s.Attribute}
		err = checkAttribute(s.Attribute)
	case s.SPIFFE != "":
		r = source{kind: fromCertificate, name: s.SPIFFE, says: "spiffe " + s.SPIFFE}
		err = checkPattern(s.SPIFFE)
	case s.JWT != Claim{}:
		r = source{kind: fromClaim, name: s.JWT.Name, of: s.JWT.Provider, says: "jwt claim " + s.JWT.Name + " of " + s.JWT.Provider}
		err = s.JWT.check()
	case s.Path != "":
		r = source{kind: fromPath, name: s.Path, says: "path " + s.Path}
		if !ValidName(s.Path) {
			err = fmt.Errorf("%q is no name of a part of a path: it must match [a-z][a-z0-9_]{0,31}", s.Path)
		}
	default:
		r = source{kind: fromTrace, says: "trace id"}
	}
	return r, err
}

func (s *Source) given() (n int) {
	for _, text := range [...]string{s.Header, s.Body, s.APIKey, s.Route, s.Workload, s.Attribute, s.Path, s.SPIFFE} {
		if text != "" {
			n++
		}
	}
	if s.Trace {
		n++
	}
	if s.JWT != (Claim{}) {
		n++
	}
	return n
}

func oneOf(word string, allowed ...string) error {
	if slices.Contains(allowed, word) {
		return nil
	}
	return fmt.Errorf("%q is not possible, but %s", word, strings.Join(allowed, ", "))
}

func route(word string) (source, error) {
	if key, ok := strings.CutPrefix(word, MetadataPrefix); ok {
		if !validKey(key) {
			return source{}, fmt.Errorf("%q is no key of metadata: it must match [A-Za-z0-9_-]{1,64}", key)
		}
		return source{kind: fromAttribute, name: "xds.route_metadata.filter_metadata['" + MetadataNamespace + "']['" + key + "']", says: "route " + word}, nil
	}
	if err := oneOf(word, RouteWords...); err != nil {
		return source{}, fmt.Errorf("%w or %sKEY", err, MetadataPrefix)
	}
	return source{kind: fromAttribute, name: "xds." + map[string]string{"name": "route_name", "cluster": "cluster_name"}[word], says: "route " + word}, nil
}

func validKey(key string) bool {
	return key != "" && len(key) <= 64 && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// secrets are names of headers that hold what must be in no record.
var secrets = []string{"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key"}

func checkHeader(name string) error {
	switch {
	case !ValidHeader(name):
		return fmt.Errorf("%q is not the name of a header that can be read and removed", name)
	case slices.Contains(secrets, strings.ToLower(name)):
		return fmt.Errorf("%q holds a secret, which would be written into every record", name)
	}
	return nil
}

// prompts are members of requests, in any dialect, that hold what callers ask.
var prompts = []string{
	"messages", "message", "input", "inputs", "prompt", "prompts", "instructions", "system", "systemInstruction", "system_instruction",
	"contents", "content", "chat_history", "preamble", "documents", "texts", "query", "suffix", "tools", "functions",
}

func checkPath(path string) error {
	steps := strings.Split(path, ".")
	switch {
	case len(path) > maxPath || !policy.Printable(path) || strings.TrimSpace(path) != path:
		return fmt.Errorf("a path is at most %d bytes that can be seen", maxPath)
	case len(steps) > MaxSteps:
		return fmt.Errorf("%q has %d steps, at most %d are possible", path, len(steps), MaxSteps)
	case slices.Contains(steps, ""):
		return fmt.Errorf("%q has an empty step", path)
	case slices.Contains(prompts, steps[0]):
		return fmt.Errorf("%q holds what callers ask, which would be written into every record", steps[0])
	}
	return nil
}

func checkAttribute(name string) error {
	lower := strings.ToLower(name)
	holds := func(secret string) bool { return strings.Contains(lower, secret) }
	switch {
	case len(name) > maxName || !policy.Printable(name) || strings.TrimSpace(name) != name:
		return fmt.Errorf("the name of an attribute is at most %d bytes that can be seen", maxName)
	case slices.ContainsFunc(secrets, holds):
		return fmt.Errorf("%q holds a secret, which would be written into every record", name)
	}
	return nil
}

// reading is how a source was read.
type reading uint8

// told: what is there may be a value. ofNobody: there is a key that nobody listed
// has. misfit: there is something, of another form than the source takes.
const (
	told reading = iota
	ofNobody
	misfit
)

// read returns what the source gives, "" for nothing.
func (s *source) read(r *policy.Request, a *Attribution) (raw string, is reading) {
	switch s.kind {
	case fromHeader:
		return r.Identity.Header(s.name), told
	case fromBody:
		return r.Identity.Body(s.name), told
	case fromAttribute:
		return r.Identity.Attribute(s.name), told
	case fromWorkload:
		return workload(s.name, r.Identity), told
	case fromPath:
		return r.Identity.Part(s.name), told
	case fromTrace:
		return r.TraceID, told
	case fromCertificate:
		return fit(a.caller(r.Identity), s.name)
	case fromClaim:
		value, one := r.Identity.Claim(s.of, s.name)
		if !one {
			return "", misfit
		}
		return value, told
	case fromKey:
		if r.KeyHash != "" {
			team, listed := a.owners.ByKey(r.KeyHash, r.At)
			if !listed {
				return "", ofNobody
			}
			return team, told
		}
	}
	return "", told
}
