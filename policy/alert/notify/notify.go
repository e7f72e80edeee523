// Package notify carries notices to those who are told: by e-mail, to Slack, to a
// webhook, to PagerDuty and to Alertmanager.
//
// In comes a notice, out goes a message over the network; an error says whether it
// is worth trying again. It refuses to know who is told of what, and when. Secrets
// are files that are read for each message, so that a new one needs no restart, and
// they stand in no error. Notifiers are safe for concurrent use.
package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/farebox/farebox/policy/alert"
)

// Secret is the path of a file with a secret. The space around it does not count.
type Secret string

// maxSecret bounds a secret, in bytes.
const maxSecret = 4096

func (s Secret) read() (string, error) {
	f, err := os.Open(string(s))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("read secret: %s holds none", s)
	}
	return secret, nil
}

// TLSWith trusts the authorities in a PEM file; without one, the system's.
func TLSWith(file string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return c, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read authorities: %s holds no certificate in PEM form", file)
	}
	return c, nil
}

// HTTP is how messages are posted. The zero value is ready.
type HTTP struct {
	TLS   *tls.Config // nil: the system's authorities
	Token Secret      // of a bearer token; empty: none
}

// client posts to one place, and does not follow it elsewhere: what is posted is
// for that place alone.
func (h HTTP) client() *http.Client {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: h.TLS, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: idle,
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// poster posts JSON.
type poster struct {
	client *http.Client
	token  Secret
}

func newPoster(h HTTP) poster { return poster{h.client(), h.Token} }

// post sends body to a place, of which errors tell the host alone.
func (p poster) post(ctx context.Context, to string, body []byte, header http.Header) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return alert.Final(fmt.Errorf("post alert: %w", cause(err)))
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "farebox")
	if p.token != "" {
		token, err := p.token.read()
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return fmt.Errorf("post alert to %s: %w", r.URL.Host, cause(err))
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxSaid)) // only for the error below
	if answer.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("post alert to %s: status %d: %s", r.URL.Host, answer.StatusCode, strconv.Quote(string(text)))
	if again(answer.StatusCode) {
		return err
	}
	return alert.Final(err)
}

// maxSaid bounds what an error tells of an answer, in bytes.
const maxSaid = 200

// again reports whether a status may be another the next time.
func again(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// cause takes the address off an error: it may be a secret.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// encode writes JSON as it is, for people too: < and > stay.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, alert.Final(fmt.Errorf("write alert: %w", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
