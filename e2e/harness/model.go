package harness

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// Model is a running model server: OpenAI's dialect and Anthropic's, one real
// model of the name "smollm2".
type Model struct {
	*Process
	url string
}

// Model starts the model server, once for each kit; Close ends it.
func (k *Kit) Model(ctx context.Context) (*Model, error) {
	return k.model.get(func() (*Model, error) {
		python, err := k.Python(ctx)
		if err != nil {
			return nil, err
		}
		k.say("starting the model")
		ready := make(chan string, 1)
		p, err := launch("the model", k.root, func(line []byte) {
			if url, found := bytes.CutPrefix(line, []byte("READY ")); found {
				select {
				case ready <- string(url):
				default: // said twice
				}
			}
		}, python, filepath.Join(k.root, "e2e", "model", "server.py"), "0")
		if err != nil {
			return nil, err
		}
		timer := time.NewTimer(readyWithin)
		defer timer.Stop()
		select {
		case url := <-ready:
			return &Model{Process: p, url: url}, nil
		case <-p.done:
			return nil, fmt.Errorf("start the model: it ended (%v):\n%s", p.err, p.Log()) //nolint:errorlint // nil where it ended with status 0
		case <-ctx.Done():
			err = ctx.Err()
		case <-timer.C:
			err = fmt.Errorf("not ready within %v", readyWithin)
		}
		_ = p.Kill9()
		return nil, fmt.Errorf("start the model: %w:\n%s", err, p.Log())
	})
}

// URL is the base of all paths, without a slash at its end.
func (m *Model) URL() string { return m.url }

// Addr is host:port of the same.
func (m *Model) Addr() string { return m.url[len("http://"):] }
