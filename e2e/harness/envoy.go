package harness

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/farebox/farebox/e2e/port"
	"github.com/farebox/farebox/envoy"
)

// EnvoyOptions say how an Envoy runs.
type EnvoyOptions struct {
	// Options of the shipped configuration. Empty Listen and Admin are free ports.
	envoy.Options
	// Config makes another configuration of the same options. Nil: the shipped.
	Config func(envoy.Options) ([]byte, error)
	// Dir is where the files go; required.
	Dir string
	// Concurrency is the number of worker threads. 0 is 1.
	Concurrency int
}

// Envoy is a running Envoy.
type Envoy struct {
	*Process
	o      EnvoyOptions
	listen *port.Port
	admin  *port.Port
}

// StartEnvoy runs Envoy until Stop, and returns when it takes calls.
func (k *Kit) StartEnvoy(ctx context.Context, o EnvoyOptions) (_ *Envoy, err error) {
	binary, err := k.Envoy(ctx)
	if err != nil {
		return nil, err
	}
	e := &Envoy{o: o}
	defer func() {
		if err != nil {
			e.release()
		}
	}()
	if err := e.configure(); err != nil {
		return nil, fmt.Errorf("start envoy: %w", err)
	}
	e.Process, err = launch("envoy", o.Dir, nil, binary, "-c", "envoy.yaml", "-l", "warning",
		"--disable-hot-restart", "--concurrency", strconv.Itoa(max(1, o.Concurrency)))
	if err != nil {
		return nil, err
	}
	return e, e.await(ctx, http.DefaultClient, e.AdminURL()+"/ready")
}

// configure reserves ports and writes the file.
func (e *Envoy) configure() (err error) {
	if e.o.Listen == "" {
		if e.listen, err = port.Reserve(); err != nil {
			return err
		}
		e.o.Listen = e.listen.Addr()
	}
	if e.o.Admin == "" {
		if e.admin, err = port.Reserve(); err != nil {
			return err
		}
		e.o.Admin = e.admin.Addr()
	}
	config := e.o.Config
	if config == nil {
		config = envoy.Config
	}
	text, err := config(e.o.Options)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.o.Dir, "envoy.yaml"), text, 0o600)
}

// URL is where callers connect, without a slash at its end.
func (e *Envoy) URL() string {
	if e.o.ListenTLS != nil {
		return "https://" + e.o.Listen
	}
	return "http://" + e.o.Listen
}

// Addr is host:port of the same.
func (e *Envoy) Addr() string { return e.o.Listen }

// AdminURL is where Envoy's own pages are.
func (e *Envoy) AdminURL() string { return "http://" + e.o.Admin }

// Stats returns Envoy's counters and gauges whose names contain word.
func (e *Envoy) Stats(ctx context.Context, word string) (map[string]int64, error) {
	text, err := fetchText(ctx, http.DefaultClient, e.AdminURL()+"/stats")
	if err != nil {
		return nil, fmt.Errorf("read envoy's stats: %w", err)
	}
	out := map[string]int64{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && strings.Contains(name, word) {
			out[name] = n
		}
	}
	return out, lines.Err()
}

// Stop ends Envoy and frees its ports.
func (e *Envoy) Stop() error {
	defer e.release()
	return e.Process.Stop()
}

func (e *Envoy) release() {
	e.listen.Release()
	e.admin.Release()
}
