// Command bench measures what Farebox costs, beside what a processor that does
// nothing costs, and Envoy alone.
//
// In comes nothing but flags; the harness finds Envoy and builds the programs,
// $ENVOY and $FAREBOX_BINARY name others. The provider and the callers run in
// this process, each variant has its own Envoy with the shipped configuration.
// Out goes a table: CPU by the kernel's accounts, latency, memory, Farebox's CPU
// divided by the no-op's, and with budgets divided by that without. It refuses to know Farebox's insides, and to report
// a run in which one answer was wrong or one call was not counted.
//
//	go run ./e2e/bench -rounds 9 -o json
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/farebox/farebox/e2e/harness"
)

var allVariants = []string{variantEnvoy, variantNoop, variantFarebox, variantBudgets, variantRedis}

type options struct {
	rounds, slice       int
	scenarios, variants []string
	output              string
}

func main() {
	progress := log.New(os.Stderr, "", 0)
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = bench(ctx, o, progress)
		cancel()
	}
	if err != nil {
		progress.Fatalln("bench:", err)
	}
}

func parse(args []string) (options, error) {
	var o options
	var scenarios, variants string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 5, "times that every scenario goes through every variant")
	flags.IntVar(&o.slice, "slice", 0, "calls in one slice; 0 is each scenario's own number")
	flags.StringVar(&scenarios, "scenarios", "", "which of json-1k,json-100k,sse-paced,sse-unpaced; empty is all")
	flags.StringVar(&variants, "variants", strings.Join(allVariants, ","), "which to compare; redis needs a Redis server")
	flags.StringVar(&o.output, "o", "table", "table or json")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.scenarios, o.variants = list(scenarios), list(variants)
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("read flags: unexpected %q", flags.Arg(0))
	case o.rounds < 1 || o.slice < 0:
		return o, errors.New("read flags: -rounds must be at least 1, -slice not negative")
	case o.output != "table" && o.output != "json":
		return o, fmt.Errorf("read flags: -o %q is neither table nor json", o.output)
	case len(o.variants) == 0:
		return o, errors.New("read flags: -variants names none")
	}
	for _, v := range o.variants {
		if !slices.Contains(allVariants, v) {
			return o, fmt.Errorf("read flags: no variant %q", v)
		}
	}
	return o, nil
}

// list reads words with commas between them.
func list(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(w string) bool { return w == "" })
}

func bench(ctx context.Context, o options, progress *log.Logger) (err error) {
	p := plan{rounds: o.rounds, calls: o.slice}
	if p.scenarios, err = pick(o.scenarios); err != nil {
		return err
	}
	su := setup{clock: clock{start: time.Now()}}
	if su.kit, err = harness.Open(harness.Options{Progress: progress.Writer()}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, su.kit.Close()) }()
	if su.dir, err = os.MkdirTemp("", "farebox-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(su.dir)) }()
	stopProvider, err := su.startProvider(p.scenarios)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProvider()) }()
	defer func() { err = errors.Join(err, p.stop()) }()
	for _, v := range o.variants {
		st, failed := su.start(ctx, v, p.scenarios[0])
		if failed != nil {
			return failed
		}
		p.stands = append(p.stands, st)
	}
	samples, err := measure(ctx, p, progress)
	if err != nil {
		return err
	}
	for _, st := range p.stands {
		if err := st.prove(ctx, progress); err != nil {
			return err
		}
	}
	return report(os.Stdout, o.output, rows(p, samples))
}

// startProvider serves the scenarios' answers in this process, until stopped.
func (su *setup) startProvider(all []*scenario) (stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the provider: %w", err)
	}
	su.provider = l.Addr().String()
	server := &http.Server{Handler: newProvider(su.clock, all)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// stop ends all stands.
func (p plan) stop() error {
	var errs []error
	for _, st := range p.stands {
		errs = append(errs, st.stop())
	}
	return errors.Join(errs...)
}

func report(w io.Writer, output string, rs []row) error {
	if output == "json" {
		return writeJSON(w, rs)
	}
	return writeTable(w, rs)
}
