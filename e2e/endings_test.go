package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/api"
)

// retrying makes the shipped configuration try again after a provider's 503.
func retrying(o envoy.Options) ([]byte, error) {
	text, err := envoy.Config(o)
	const few, more = "retry_on: connect-failure,refused-stream,reset-before-request\n                    num_retries: 2",
		"retry_on: connect-failure,refused-stream,reset-before-request,5xx\n                    num_retries: 3"
	return bytes.Replace(text, []byte(few), []byte(more), 1), err
}

// failsTwice is a provider that is overloaded two times, then answers.
func failsTwice() provider.Scenario {
	last := provider.Scenario{Usage: &provider.Usage{Prompt: 20, Completion: 8}}
	second := provider.Scenario{Status: http.StatusServiceUnavailable, Then: &last}
	return provider.Scenario{Status: http.StatusServiceUnavailable, Then: &second}
}

func TestACallThatEnvoyTriesThriceIsPaidOnceAndSaysHowOften(t *testing.T) {
	t.Parallel()
	o := harness.EnvoyOptions{Config: retrying}
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: failsTwice(), Envoy: o})
	e := ask(s, chatPath, plainBody)
	if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	b := settled(t, s.Farebox, e.trace)
	if b.Outcome != "served" || b.In != 20 || b.Out != 8 || b.Cost != usd(20, 8) {
		t.Errorf("the record says %+v", b)
	}
	if all := recordsOf(t, s, e, 1); all[0].Tries != 3 || all[0].Purpose != policy.User {
		t.Errorf("%d tries, purpose %s", all[0].Tries, all[0].Purpose)
	}
}

// recordsOf waits for so many records of an errand, in the order of its tries.
func recordsOf(t *testing.T, s *harness.Stack, e errand, n int) (all []policy.Record) {
	t.Helper()
	eventually(t, "each try has its record", func(ctx context.Context) (bool, error) {
		a, err := s.Farebox.Explain(ctx, e.trace)
		var no *api.Error
		if errors.As(err, &no) && no.Code == api.NotFound {
			return false, nil
		}
		if err == nil {
			all = a.Matches
		}
		return len(all) >= n, err
	})
	if len(all) != n {
		t.Fatalf("%d records, want %d", len(all), n)
	}
	slices.SortFunc(all, func(a, b policy.Record) int { return cmp.Compare(a.Attempt, b.Attempt) })
	return all
}

func TestEachTryHasARecordWhereEachIsObserved(t *testing.T) {
	t.Parallel()
	o := harness.EnvoyOptions{Config: retrying}
	o.PerTry = true
	for _, body := range []string{plainBody, askingBody} {
		s := kit.Start(t, harness.StackOptions{Config: shop, Play: failsTwice(), Envoy: o})
		e := ask(s, chatPath, body)
		if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK {
			t.Fatalf("status %d, %v", g.status, g.err)
		}
		all := recordsOf(t, s, e, 3)
		for i, r := range all {
			last := i == 2
			if r.ID != all[0].ID || r.Attempt != i+1 || r.Owner.Value("team") != "support" || (r.Outcome == policy.Served) != last || (r.Purpose == policy.Retry) != (i > 0) {
				t.Errorf("try %d: %+v", i+1, r)
			}
			if !last && (len(r.Lines) != 0 || r.Status != http.StatusServiceUnavailable) {
				t.Errorf("try %d failed with %d and has %d lines", i+1, r.Status, len(r.Lines))
			}
		}
		in, out := int64(0), int64(0)
		for _, l := range all[2].Lines {
			if l.Class.IsInput() {
				in += l.Quantity
			} else {
				out += l.Quantity
			}
		}
		if in != 20 || out != 8 || all[2].Source.String() != "reported" {
			t.Errorf("the last try has %d in, %d out, %v", in, out, all[2].Source)
		}
	}
}

// stopped makes another filter answer in the provider's place.
func stopped(o envoy.Options) ([]byte, error) {
	text, err := envoy.Config(o)
	const router = "          - name: envoy.filters.http.router\n"
	const fault = `          - name: envoy.filters.http.fault
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault
              abort: { http_status: 418, percentage: { numerator: 100 } }
`
	return bytes.Replace(text, []byte(router), []byte(fault+router), 1), err
}

func TestACallThatAnotherFilterAnswersCostsNothing(t *testing.T) {
	t.Parallel()
	for name, perTry := range map[string]bool{"one filter": false, "each try observed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := harness.EnvoyOptions{Config: stopped}
			o.PerTry = perTry
			s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: o})
			e := ask(s, chatPath, plainBody)
			if g := e.run(t.Context()); g.err != nil || g.status != http.StatusTeapot {
				t.Fatalf("status %d, %v", g.status, g.err)
			}
			if r := recordsOf(t, s, e, 1)[0]; r.Outcome != policy.Failed || len(r.Lines) != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestACallerWhoAsksAgainAfterAFailureIsKnownToRetry(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Play: failsTwice()})
	for i, want := range []string{policy.User, policy.Retry, policy.Retry} {
		e := ask(s, chatPath, plainBody)
		if g := e.run(t.Context()); g.err != nil {
			t.Fatal(g.err)
		}
		if r := recordsOf(t, s, e, 1)[0]; r.Purpose != want {
			t.Errorf("call %d: purpose %s, want %s", i+1, r.Purpose, want)
		}
	}
}
