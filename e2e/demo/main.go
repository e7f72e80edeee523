// Command demo shows Farebox at work: a real Envoy with the shipped
// configuration, a real small language model behind it, real calls of three
// teams, and what each team pays, counted twice by independent means.
//
//	go run ./e2e/demo          stays up for your own calls until Ctrl-C
//	go run ./e2e/demo -once    ends after the table; 0 when both counts agree
//
// What it saw and wrote is kept in .cache/demo. It reaches the network only to
// fetch the pinned parts, the first time.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/envoy"
)

//go:embed farebox.yaml
var config string

func main() {
	once := flag.Bool("once", false, "end after the table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo(ctx, os.Stdout, *once)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// stage is all that runs.
type stage struct {
	kit     *harness.Kit
	out     io.Writer
	dir     string // of the evidence
	began   string // when, as the flags of farebox take it
	ends    []func() error
	tap     *tap
	farebox *harness.Farebox
	envoy   *harness.Envoy
}

func demo(ctx context.Context, out io.Writer, once bool) (err error) {
	kit, err := harness.Open(harness.Options{Progress: steps{out}})
	if err != nil {
		return err
	}
	s := &stage{kit: kit, out: out, dir: kit.Cache("demo"), began: time.Now().UTC().Format(time.RFC3339)}
	defer func() { err = errors.Join(err, s.end()) }()
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.calls(ctx); err != nil {
		return err
	}
	if err := s.show(ctx); err != nil {
		return err
	}
	if err := s.recount(ctx); err != nil {
		return err
	}
	s.invite()
	if once {
		return nil
	}
	s.step("everything stays up; Ctrl-C ends it")
	select {
	case <-ctx.Done():
	case <-s.envoy.Done():
		return errors.New("envoy ended by itself:\n" + s.envoy.Log())
	case <-s.farebox.Done():
		return errors.New("farebox ended by itself:\n" + s.farebox.Log())
	}
	s.step("ending")
	return nil
}

// begin starts everything, back to front.
func (s *stage) begin(ctx context.Context) error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if _, err := s.kit.Farebox(ctx); err != nil {
		return err
	}
	if _, err := s.kit.Envoy(ctx); err != nil {
		return err
	}
	s.ends = append(s.ends, s.kit.Close)
	model, err := s.kit.Model(ctx)
	if err != nil {
		return err
	}
	s.step("the model smollm2 answers at %s", model.URL())
	if s.tap, err = startTap(model.URL(), filepath.Join(s.dir, "tap.jsonl")); err != nil {
		return err
	}
	s.ends = append(s.ends, s.tap.Close)
	s.step("a tap before it, at %s, keeps every answer as the model sent it", s.tap.Addr())
	if s.farebox, err = s.kit.StartFarebox(ctx, harness.FareboxOptions{Config: config, Dir: s.dir}); err != nil {
		return err
	}
	s.ends = append(s.ends, s.farebox.Stop)
	s.step("farebox listens for Envoy at %s and for operators at %s", s.farebox.Addr(), s.farebox.AdminURL())
	s.envoy, err = s.kit.StartEnvoy(ctx, harness.EnvoyOptions{Dir: s.dir, Options: envoy.Options{
		Farebox: s.farebox.Addr(), Upstream: s.tap.Addr(), AccessLog: filepath.Join(s.dir, "access.log"),
	}})
	if err != nil {
		return err
	}
	s.ends = append(s.ends, s.envoy.Stop)
	s.step("Envoy, with the configuration that Farebox ships, takes calls at %s", s.envoy.URL())
	return nil
}

// end stops what was started, front to back, and keeps the logs.
func (s *stage) end() error {
	var errs []error
	for _, stop := range slices.Backward(s.ends) {
		errs = append(errs, stop())
	}
	for name, p := range map[string]interface{ Log() string }{"farebox.log": s.farebox, "envoy.log": s.envoy} {
		if p == (*harness.Farebox)(nil) || p == (*harness.Envoy)(nil) {
			continue
		}
		errs = append(errs, os.WriteFile(filepath.Join(s.dir, name), []byte(p.Log()), 0o600))
	}
	return errors.Join(errs...)
}

// step says what happens now.
func (s *stage) step(format string, args ...any) {
	fmt.Fprintf(steps{s.out}, format+"\n", args...)
}

// steps writes progress lines with the time before them.
type steps struct{ w io.Writer }

func (s steps) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintf(s.w, "%s  %s", time.Now().Format("15:04:05"), b); err != nil {
		return 0, err
	}
	return len(b), nil
}
