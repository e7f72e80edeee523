package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks a running farebox. Make one with NewClient; it is safe for
// concurrent use.
type Client struct {
	base   string // as it is told
	origin string // as it is asked
	http   http.Client
}

// NewClient makes a client of the admin address base: "http://127.0.0.1:9470",
// where http:// may be left out, or "unix:///path" of a socket. A nil client is
// one that waits a minute.
func NewClient(base string, client *http.Client) *Client {
	c := &Client{base: strings.TrimRight(base, "/"), http: http.Client{Timeout: time.Minute}}
	if client != nil {
		c.http = *client
	}
	if path, ok := strings.CutPrefix(base, "unix://"); ok {
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		c.origin = "http://localhost"
		return c
	}
	if !strings.Contains(base, "://") {
		c.base = "http://" + c.base
	}
	c.origin = c.base
	return c
}

// Usage sums settled calls. An *Error is farebox's own word; any other error
// means that it was not reached or not understood.
func (c *Client) Usage(ctx context.Context, q Query) (*UsageAnswer, error) {
	values := url.Values{}
	if !q.From.IsZero() {
		values.Set("from", q.From.Format(time.RFC3339Nano))
	}
	if !q.To.IsZero() {
		values.Set("to", q.To.Format(time.RFC3339Nano))
	}
	if len(q.By) > 0 {
		values.Set("by", strings.Join(q.By, ","))
	}
	path := usagePath
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	a := new(UsageAnswer)
	if err := c.get(ctx, path, a); err != nil {
		return nil, err
	}
	return a, nil
}

// Call finds the records of id: a call id, an x-request-id, a trace id or a
// provider's response id. When there is none the error is an *Error with the
// code NotFound.
func (c *Client) Call(ctx context.Context, id string) (*CallAnswer, error) {
	if id == "" || id == "." || id == ".." {
		return nil, fmt.Errorf("find call: %q is no id", id)
	}
	a := new(CallAnswer)
	if err := c.get(ctx, callsPath+"/"+url.PathEscape(id), a); err != nil {
		return nil, err
	}
	return a, nil
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.origin+path, nil)
	if err != nil {
		return fmt.Errorf("ask farebox at %s: %w", c.base, cause(err))
	}
	r.Header.Set("Accept", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("cannot reach farebox at %s: %w; is `farebox serve` running? use --admin", c.base, cause(err))
	}
	defer answer.Body.Close() //nolint:errcheck // it was read, or is given up
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read answer of farebox at %s: %w", c.base, err)
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("read answer of farebox at %s: more than %d bytes", c.base, maxAnswer)
	}
	return c.decode(answer, body, into)
}

// cause takes the address off an error that is about to be told with it.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) decode(answer *http.Response, body []byte, into any) error {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return fmt.Errorf("ask farebox at %s: status %d without JSON; is this the admin address? use --admin", c.base, answer.StatusCode)
	}
	if answer.StatusCode != http.StatusOK {
		var f failure
		if err := json.Unmarshal(body, &f); err != nil || f.Error == nil {
			return fmt.Errorf("ask farebox at %s: status %d without a reason; is this the admin address? use --admin", c.base, answer.StatusCode)
		}
		f.Error.Status = answer.StatusCode
		return f.Error
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read answer of farebox at %s: %w", c.base, err)
	}
	return nil
}
