package replay

import (
	"net/http"
	"testing"
)

// signedCall was signed by AWS's own client for Python, with the secret story.
func signedCall() Call {
	return Call{
		Method: http.MethodPost, Host: "127.0.0.1:9", escaped: "/model/eu.ferry-v1%3A0/converse", Body: []byte(`{"q":"where"}`),
		Header: http.Header{
			"Content-Type": {JSON}, "X-Amz-Date": {"20260101T000000Z"}, "X-Team": {"support"},
			"Authorization": {"AWS4-HMAC-SHA256 Credential=story/20260101/eu-north-1/bedrock/aws4_request, " +
				"SignedHeaders=content-type;host;x-amz-date, Signature=56f772937a0bb21bc055d01883c198b56af1b5936106dc3bafe12785e58627a1"},
		},
	}
}

func TestWhatASignatureCoversMustNotChange(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Call)
		breaks bool
	}{
		"nothing":                {func(*Call) {}, false},
		"a header not signed":    {func(c *Call) { c.Header.Del("X-Team") }, false},
		"the method":             {func(c *Call) { c.Method = http.MethodPut }, true},
		"the path":               {func(c *Call) { c.escaped = "/model/eu.ferry-v1:0/converse" }, true},
		"the host":               {func(c *Call) { c.Host = "127.0.0.1:10" }, true},
		"the body":               {func(c *Call) { c.Body = []byte(`{"q": "where"}`) }, true},
		"a signed header":        {func(c *Call) { c.Header.Set("Content-Type", "text/plain") }, true},
		"a signed header, gone":  {func(c *Call) { c.Header.Del("Content-Type") }, true},
		"the signature, gone":    {func(c *Call) { c.Header.Del("Authorization") }, true},
		"the signature, another": {func(c *Call) { c.Header.Set("Authorization", "Bearer story") }, true},
	} {
		call := signedCall()
		c.change(&call)
		if err := call.Signed("story"); (err != nil) != c.breaks {
			t.Errorf("%s: %v", name, err)
		}
	}
	if signedCall().Signed("another") == nil {
		t.Error("another secret signs the same")
	}
}
