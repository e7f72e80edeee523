package extproc_test

import (
	"net/url"
	"slices"
	"testing"
)

// signedBy are headers of a request that is signed in three ways; covers are what
// each signature covers.
func signedBy(way, covers string) []string {
	const path = "/v1/chat/completions"
	switch way {
	case "one region":
		return []string{":path", path, "authorization", "AWS4-HMAC-SHA256 Credential=A/1/r/bedrock/aws4_request, SignedHeaders=" + covers + ", Signature=0"}
	case "several regions":
		return []string{":path", path, "authorization", "AWS4-ECDSA-P256-SHA256 Credential=A/1/bedrock/aws4_request, SignedHeaders=" + covers + ", Signature=0"}
	case "the query":
		return []string{":path", path + "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=" + url.QueryEscape(covers) + "&X-Amz-Signature=0"}
	}
	return []string{":path", path + "?x=1", "authorization", "Bearer x"}
}

// TestSignedHeadersStay: what an AWS signature covers is not taken off.
func TestSignedHeadersStay(t *testing.T) {
	for _, c := range []struct {
		name, way, covers string
		want              []string
	}{
		{"not signed", "", "", []string{"x-team", "accept-encoding"}},
		{"signed, but not these", "one region", "host;x-amz-date", []string{"x-team", "accept-encoding"}},
		{"one is signed", "one region", "host;x-amz-date;x-team", []string{"accept-encoding"}},
		{"both are", "one region", "accept-encoding;host;x-team", nil},
		{"a longer name is", "one region", "host;x-team-of", []string{"x-team", "accept-encoding"}},
		{"one, for several regions", "several regions", "host;x-team", []string{"accept-encoding"}},
		{"one, in the query", "the query", "host;x-team", []string{"accept-encoding"}},
		{"none, in the query", "the query", "host", []string{"x-team", "accept-encoding"}},
	} {
		e := newStand(t, nil).begin(t)
		r := e.send(requestHeaders(false, append(signedBy(c.way, c.covers), ":method", "POST", ":authority", "a")...))
		got := r.GetRequestHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders()
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q are taken off, want %q", c.name, got, c.want)
		}
		e.hangUp()
	}
}

// TestASignedRequestIsLeftAsItIs: neither is its stream asked for usage, nor is it
// bounded, whichever way it is signed.
func TestASignedRequestIsLeftAsItIs(t *testing.T) {
	for way, asked := range map[string]bool{"": true, "one region": false, "several regions": false, "the query": false} {
		s := newStand(t, nil)
		s.cashier.change.MaxOutput = 9
		e := s.begin(t)
		e.send(requestHeaders(false, append(signedBy(way, "host"), ":method", "POST", ":authority", "api.openai.com", "content-length", itoa(len(streamed)))...))
		r := e.send(requestBody(streamed)).GetRequestBody().GetResponse()
		if edited := r.GetBodyMutation() != nil; edited != asked {
			t.Errorf("signed for %q: the body was changed: %v, want %v", way, edited, asked)
		}
		if admitted := s.cashier.admitted[0]; admitted.Signed == asked || (admitted.Changes != 0) != asked {
			t.Errorf("signed for %q: signed %v, may change %v", way, admitted.Signed, admitted.Changes)
		}
		e.hangUp()
	}
}
