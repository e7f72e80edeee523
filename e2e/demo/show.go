package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// show prints the cost table as operators get it, and what Prometheus scrapes.
func (s *stage) show(ctx context.Context) error {
	s.step("what it cost: farebox usage --by team,project,model")
	table, err := s.farebox.Command(ctx, "usage", "--from", s.began, "--by", "team,project,model")
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n%s\n", table)
	m, err := s.farebox.Metrics(ctx)
	if err != nil {
		return err
	}
	s.step("the same for Prometheus, at %s/metrics", s.farebox.AdminURL())
	fmt.Fprintln(s.out)
	for _, series := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(series, "farebox_cost_usd_total{") || strings.HasPrefix(series, "farebox_requests_total{") {
			fmt.Fprintln(s.out, series, strconv.FormatFloat(m[series], 'f', -1, 64))
		}
	}
	fmt.Fprintln(s.out)
	return nil
}

// recount has another program, in another language, price what the tap and the
// client kept, and compare.
func (s *stage) recount(ctx context.Context) error {
	s.step("counting again without Farebox, from what the tap and the callers kept")
	usage, err := s.farebox.Command(ctx, "usage", "--from", s.began, "--by", "team", "-o", "json")
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "usage.json")
	if err := os.WriteFile(file, []byte(usage), 0o600); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "python3", filepath.Join(s.kit.Root(), "e2e", "demo", "recount.py"),
		"--tap", filepath.Join(s.dir, "tap.jsonl"), "--calls", filepath.Join(s.dir, "calls.jsonl"), "--usage", file,
		"--rate", "input=2.00", "--rate", "cache_read=0.50", "--rate", "output=2.00")
	out, err := c.CombinedOutput()
	fmt.Fprintf(s.out, "\n%s\n", out)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return errors.New("the recount does not agree with farebox")
	}
	return err
}

// invite says how to go on by hand.
func (s *stage) invite() {
	fmt.Fprintf(s.out, `The evidence is in %[1]s. Your own calls, with OpenAI's SDK:

    from openai import OpenAI
    client = OpenAI(
        base_url="%[2]s/v1", api_key="none",
        default_headers={"x-team": "research", "x-project": "search"},
    )
    print(client.chat.completions.create(
        model="smollm2", max_tokens=32,
        messages=[{"role": "user", "content": "What is a ferry?"}],
    ).choices[0].message.content)

and what they cost:

    go run ./cmd/farebox usage --by team --admin %[3]s

`, s.dir, s.envoy.URL(), s.farebox.AdminURL())
}
