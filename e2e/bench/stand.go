package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// stand is one variant, running: an Envoy and, but for Envoy alone, a processor
// behind it.
type stand struct {
	variant   string
	caller    *caller
	envoy     *process
	processor *process // nil for Envoy alone
	admin     string   // host:port of Envoy's own pages
	metrics   string   // host:port of Farebox's
}

// setup says what stands are made of.
type setup struct {
	dir      string // for configurations, logs and ledgers; must exist
	envoy    string // the binaries
	noop     string
	farebox  string
	provider string // host:port
	clock    clock
}

// start starts a variant and waits until it serves a call.
func (su setup) start(ctx context.Context, variant string, first *scenario) (st *stand, err error) {
	at := places{provider: su.provider}
	for _, p := range []*string{&at.listen, &at.admin, &at.processor, &at.metrics} {
		if *p, err = freePlace(); err != nil {
			return nil, err
		}
	}
	st = &stand{variant: variant, admin: at.admin, metrics: at.metrics,
		caller: newCaller(su.clock, "http://"+at.listen+"/v1/chat/completions")}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start %s: %w", variant, err), st.stop())
		}
	}()
	dir := filepath.Join(su.dir, variant)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return st, err
	}
	if st.processor, err = su.startProcessor(variant, dir, at); err != nil {
		return st, err
	}
	config, err := envoyConfig(variant, at)
	if err != nil {
		return st, err
	}
	file := filepath.Join(dir, "envoy.yaml")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		return st, err
	}
	st.envoy, err = startProcess(filepath.Join(dir, "envoy.log"), su.envoy,
		"-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
	if err != nil {
		return st, err
	}
	return st, st.wait(ctx, first)
}

func (su setup) startProcessor(variant, dir string, at places) (*process, error) {
	log := filepath.Join(dir, "processor.log")
	switch variant {
	case variantNoop:
		return startProcess(log, su.noop, "-listen", at.processor)
	case variantFarebox:
		file := filepath.Join(dir, "farebox.yaml")
		if err := os.WriteFile(file, fareboxConfig(dir, at), 0o644); err != nil {
			return nil, err
		}
		return startProcess(log, su.farebox, "serve", "--config", file)
	}
	return nil, nil
}

// wait returns when a call went through, or with the last reason why none does.
func (st *stand) wait(ctx context.Context, s *scenario) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, err := st.caller.slice(ctx, s, 1)
		if err == nil {
			return nil
		}
		for _, p := range []*process{st.envoy, st.processor} {
			if p.ended() {
				return fmt.Errorf("%s ended: %w", p.name, p.explain())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the first answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends both processes, Envoy first, and waits for them.
func (st *stand) stop() error {
	st.caller.client.CloseIdleConnections()
	return errors.Join(st.envoy.stop(), st.processor.stop())
}

// account reads what the stand has spent since it was started, but for the
// messages.
func (st *stand) account() (spent, error) {
	var s spent
	var err error
	if s.envoy, err = cpuTime(st.envoy.pid()); err != nil {
		return s, err
	}
	if s.envoyMemory, err = resident(st.envoy.pid()); err != nil || st.processor == nil {
		return s, err
	}
	if s.processor, err = cpuTime(st.processor.pid()); err != nil {
		return s, err
	}
	s.processorMemory, err = resident(st.processor.pid())
	return s, err
}

// messages asks Envoy how many it has sent to the processor. The asking costs
// Envoy something, so it is done outside of what is measured.
func (st *stand) messages(ctx context.Context) (int64, error) {
	if st.processor == nil {
		return 0, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+st.admin+"/stats?filter=ext_proc.*stream_msgs_sent$", nil)
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	resp, err := st.caller.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("read Envoy's stats: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read, or is given up
	page, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return 0, fmt.Errorf("read Envoy's stats: %w", err)
	}
	_, value, found := strings.Cut(strings.TrimSpace(string(page)), ": ")
	n, err := strconv.ParseInt(value, 10, 64)
	if !found || err != nil {
		return 0, fmt.Errorf("read Envoy's stats: want one count of messages, have %.200q", page)
	}
	return n, nil
}

// freePlace finds a port of this machine that nobody uses now.
func freePlace() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
