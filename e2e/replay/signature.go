package replay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Signed reports why a call does not carry AWS's signature, version 4, made with a
// secret; nil: it does, and nothing that it covers was changed on the way.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (c Call) Signed(secret string) error {
	fields := map[string]string{}
	parts, ok := strings.CutPrefix(c.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	for _, field := range strings.Split(parts, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	_, scope, scoped := strings.Cut(fields["Credential"], "/") // behind the key's name
	steps := strings.Split(scope, "/")
	if !ok || !scoped || fields["SignedHeaders"] == "" {
		return errors.New("verify signature: there is none")
	}
	request, err := c.canonical(fields["SignedHeaders"])
	if err != nil {
		return err
	}
	text := strings.Join([]string{"AWS4-HMAC-SHA256", c.Header.Get("X-Amz-Date"), scope, digest([]byte(request))}, "\n")
	key := []byte("AWS4" + secret)
	for _, step := range append(steps, text) {
		key = keyed(key, step)
	}
	if got := hex.EncodeToString(key); got != fields["Signature"] {
		return fmt.Errorf("verify signature: it is %s, and of this request %s", fields["Signature"], got)
	}
	return nil
}

// canonical is the request as it is signed, with the signed headers, which are
// separated by semicolons.
func (c Call) canonical(signed string) (string, error) {
	var headers strings.Builder
	for _, name := range strings.Split(signed, ";") {
		value := strings.Join(c.Header.Values(name), ",")
		if name == "host" {
			value = c.Host
		}
		if value == "" {
			return "", fmt.Errorf("verify signature: the signed header %s is gone", http.CanonicalHeaderKey(name))
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	// The path is encoded a second time; what was encoded once has percent signs
	// and nothing else that needs it.
	path := strings.ReplaceAll(c.escaped, "%", "%25")
	return strings.Join([]string{c.Method, path, "", headers.String(), signed, digest(c.Body)}, "\n"), nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
