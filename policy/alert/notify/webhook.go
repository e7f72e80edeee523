package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/farebox/farebox/policy/alert"
)

// Headers of a webhook. The signature is t=UNIX,v1=HEX: HMAC-SHA-256 under the
// secret of the decimal time, a point and the body.
const (
	SignatureHeader   = "Farebox-Signature"
	IdempotencyHeader = "Idempotency-Key"
)

// Webhook posts alerts as JSON.
type Webhook struct {
	url    string
	secret Secret
	now    func() time.Time
	poster
}

// NewWebhook makes a notifier of an address. With a secret messages are signed. A
// nil now is time.Now.
func NewWebhook(address string, secret Secret, h HTTP, now func() time.Time) *Webhook {
	if now == nil {
		now = time.Now
	}
	return &Webhook{address, secret, now, newPoster(h)}
}

// message is the body of a webhook.
type message struct {
	ID       string       `json:"id"`       // the same when the same alerts are told again
	Severity string       `json:"severity"` // of the gravest
	Title    string       `json:"title"`
	Alerts   []alert.View `json:"alerts"` // the gravest first
}

// Notify implements alert.Notifier.
func (w *Webhook) Notify(ctx context.Context, n alert.Notice) error {
	m := message{ID: n.ID(), Severity: n.Severity(), Title: n.Title()}
	for i := range n.Alerts {
		m.Alerts = append(m.Alerts, alert.ViewOf(&n.Alerts[i]))
	}
	body, err := encode(m)
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set(IdempotencyHeader, m.ID)
	if w.secret != "" {
		secret, err := w.secret.read()
		if err != nil {
			return err
		}
		header.Set(SignatureHeader, Sign(secret, w.now(), body))
	}
	return w.post(ctx, w.url, body, header)
}

// Sign is the signature of a body at a time.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return fmt.Sprintf("t=%s,v1=%s", t, hex.EncodeToString(mac.Sum(nil)))
}
