package extproc_test

import (
	"slices"
	"testing"
)

// TestSignedHeadersStay: what an AWS signature covers is not taken off.
func TestSignedHeadersStay(t *testing.T) {
	for _, c := range []struct {
		name, authorization string
		want                []string
	}{
		{"not signed", "Bearer x", []string{"x-team", "accept-encoding"}},
		{"signed, but not these", "AWS4-HMAC-SHA256 Credential=A/1/r/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=0", []string{"x-team", "accept-encoding"}},
		{"one is signed", "AWS4-HMAC-SHA256 Credential=A/1/r/bedrock/aws4_request, SignedHeaders=host;x-amz-date;x-team, Signature=0", []string{"accept-encoding"}},
		{"both are", "AWS4-HMAC-SHA256 SignedHeaders=accept-encoding;host;x-team,Signature=0", nil},
		{"a longer name is", "AWS4-HMAC-SHA256 SignedHeaders=host;x-team-of, Signature=0", []string{"x-team", "accept-encoding"}},
	} {
		e := newStand(t, nil).begin(t)
		r := e.send(requestHeaders(false, ":method", "POST", ":path", "/v1/chat/completions", ":authority", "a", "authorization", c.authorization))
		got := r.GetRequestHeaders().GetResponse().GetHeaderMutation().GetRemoveHeaders()
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q are taken off, want %q", c.name, got, c.want)
		}
		e.hangUp()
	}
}
