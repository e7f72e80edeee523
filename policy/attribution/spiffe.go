package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/names"
)

// Where Envoy tells the caller's certificate: whether there is one, the first URI
// of its names, and what a proxy before Envoy tells of its own caller's.
const (
	peerShown  = "connection.mtls"
	peerURI    = "connection.uri_san_peer_certificate"
	xfccHeader = "x-forwarded-client-cert"
)

// A pattern of SPIFFE IDs is compared part by part between slashes. In a part, *
// stands for any characters; at the very end it takes slashes too. {} stands for
// one part, or for some of it, and is the value; without it the whole ID is.
const (
	spiffeScheme = "spiffe://"
	taken        = "{}"
)

// CheckProxy reports what can be no pattern of Options.Proxies.
func CheckProxy(pattern string) error {
	if strings.Contains(pattern, taken) {
		return fmt.Errorf("%q takes a value: the ID of a proxy is only compared, write * in its place", pattern)
	}
	return checkPattern(pattern)
}

func checkPattern(p string) error {
	rest, is := strings.CutPrefix(p, spiffeScheme)
	switch {
	case !is:
		return fmt.Errorf("%q does not begin with %s", p, spiffeScheme)
	case len(p) > maxName || !policy.Printable(p) || strings.ContainsAny(p, " ,;\"\\?#"):
		return fmt.Errorf("a pattern of SPIFFE IDs is at most %d bytes that an ID can have", maxName)
	case strings.Count(p, taken) > 1:
		return fmt.Errorf("%q takes two values: write %s once", p, taken)
	case strings.ContainsAny(strings.Replace(p, taken, "", 1), "{}"):
		return fmt.Errorf("%q has a brace that is not %s", p, taken)
	}
	for part := range strings.SplitSeq(rest, "/") {
		switch {
		case part == "":
			return fmt.Errorf("%q has an empty part", p)
		case strings.Contains(part, taken) && strings.Contains(part, "*"):
			return fmt.Errorf("%q: in a part with %s there can be no *: it is not said where the value ends", p, taken)
		}
	}
	return nil
}

// fit returns what a pattern takes of an ID, which may be empty. It does not
// allocate.
func fit(id, pattern string) (value string, is reading) {
	if id == "" {
		return "", told
	}
	value = id
	for left, more := id, true; more; {
		var part, have string
		var deeper bool
		part, pattern, more = strings.Cut(pattern, "/")
		have, left, deeper = strings.Cut(left, "/")
		before, after, takes := strings.Cut(part, taken)
		switch {
		case takes:
			if len(have) < len(before)+len(after) || !strings.HasPrefix(have, before) || !strings.HasSuffix(have, after) {
				return "", misfit
			}
			value = have[len(before) : len(have)-len(after)]
		case !names.Fits(part, have):
			return "", misfit
		}
		if deeper != more && (more || !strings.HasSuffix(part, "*")) {
			return "", misfit
		}
	}
	return value, told
}

// caller returns the URI of the caller's certificate, or "". Where the header is
// believed and there, it alone counts: the certificate of this connection is then
// that of the proxy.
func (a *Attribution) caller(id policy.Identity) string {
	shown := ""
	if id.Attribute(peerShown) == "true" {
		shown = id.Attribute(peerURI)
	}
	if !a.trustXFCC || len(a.proxies) > 0 && !slices.ContainsFunc(a.proxies, func(p string) bool { return covers(p, shown) }) {
		return shown
	}
	if told := id.Header(xfccHeader); told != "" {
		return lastURI(told)
	}
	return shown
}

func covers(pattern, id string) bool {
	_, is := fit(id, pattern)
	return id != "" && is == told
}

// lastURI returns the URI in the last element of an x-forwarded-client-cert header:
// what the nearest proxy says of its own caller. A caller may have written all
// before it. It returns "" where that element has no URI or several, or cannot be
// read, and does not allocate.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
func lastURI(header string) (uri string) {
	n := 0
	for more := true; more; {
		pair, end := cutPair(header)
		key, value, _ := strings.Cut(strings.TrimSpace(header[:pair]), "=")
		if strings.EqualFold(key, "URI") {
			uri = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
			n++
		}
		switch end {
		case ',':
			uri, n = "", 0
		case 0:
			more = false
			continue
		case '"':
			return "" // it ends within quotes
		}
		header = header[pair+1:]
	}
	if n != 1 || strings.ContainsAny(uri, `"\`) {
		return ""
	}
	return uri
}

// cutPair returns where the first key and value of s end, and at what: a semicolon,
// a comma before the next element, 0 at the end, or a quote that is not closed.
func cutPair(s string) (at int, end byte) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ';' || c == ','):
			return i, c
		}
	}
	if quoted {
		return len(s), '"'
	}
	return len(s), 0
}
