package e2e_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/farebox/farebox/envoy"
)

// issuer signs the tokens of a story.
type issuer struct {
	name string
	key  *ecdsa.PrivateKey
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	return &issuer{name: name, key: newKey(t)}
}

// url64 is how tokens write bytes.
var url64 = base64.RawURLEncoding

// jwks is the issuer's set of keys (RFC 7517).
func (i *issuer) jwks(t *testing.T) string {
	t.Helper()
	point, err := i.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"story","x":%q,"y":%q}]}`, url64.EncodeToString(point[1:33]), url64.EncodeToString(point[33:]))
}

// claims are the payload of a token.
type claims map[string]any

// token is a token that the issuer signed, which holds for an hour unless claims
// say otherwise (RFC 7519).
func (i *issuer) token(t *testing.T, more claims) string {
	t.Helper()
	payload := claims{"iss": i.name, "aud": "llm", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range more {
		payload[name] = value
	}
	text := part(t, claims{"alg": "ES256", "typ": "JWT", "kid": "story"}) + "." + part(t, payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + url64.EncodeToString(signature)
}

// unsigned is a token as somebody writes it who has no key.
func unsigned(t *testing.T, payload claims) string {
	t.Helper()
	return part(t, claims{"alg": "none", "typ": "JWT"}) + "." + part(t, payload) + "."
}

func part(t *testing.T, v claims) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return url64.EncodeToString(text)
}

// verified is how Envoy verifies the issuer's tokens, in the header x-identity.
func (i *issuer) verified(t *testing.T, provider string) envoy.JWT {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(i.jwks(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	return envoy.JWT{Provider: provider, Issuer: i.name, Audiences: []string{"llm"}, JWKS: file, Header: "x-identity"}
}

// published is verified, with keys that Envoy fetches.
func (i *issuer) published(t *testing.T, provider string) envoy.JWT {
	t.Helper()
	text := i.jwks(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	t.Cleanup(server.Close)
	v := i.verified(t, provider)
	v.JWKS = server.URL + "/keys"
	return v
}
