package e2e_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// underWay starts errands, waits until each has some of its answer, or is at the
// provider where its answer comes whole, and returns what waits for their ends.
func underWay(t *testing.T, s *harness.Stack, errands []errand) (ends func() []got) {
	t.Helper()
	all := make([]got, len(errands))
	seen := make([]atomic.Int64, len(errands))
	before := len(s.Provider.Calls())
	var running sync.WaitGroup
	for i, e := range errands {
		e.watch = func(sofar []byte) { seen[i].Store(int64(len(sofar))) }
		running.Go(func() { all[i] = e.run(t.Context()) })
	}
	eventually(t, "all calls are under way", func(context.Context) (bool, error) {
		for i, e := range errands {
			if strings.Contains(e.body, `"stream":true`) && seen[i].Load() == 0 {
				return false, nil
			}
		}
		return len(s.Provider.Calls()) >= before+len(errands), nil
	})
	return func() []got {
		running.Wait()
		return all
	}
}

// inOrder holds that farebox ended by itself and well, and starts it again on
// the same files.
func inOrder(t *testing.T, s *harness.Stack) {
	t.Helper()
	if status := s.Farebox.Status(); status != 0 {
		t.Errorf("it ended with status %d", status)
	}
	if err := s.Farebox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWhenFareboxIsStoppedEveryCallUnderWayIsServedAndPaid, whatever it is.
func TestWhenFareboxIsStoppedEveryCallUnderWayIsServedAndPaid(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{
		Config: shop + "drain: {wait: 0s, timeout: 30s}\n",
		Play:   provider.Scenario{Chunks: 20, Pace: 60 * time.Millisecond},
	})
	s.Provider.PlayFor("whole", provider.Scenario{Chunks: 20, First: 1200 * time.Millisecond})
	errands := []errand{ask(s, chatPath, streamBody), ask(s, chatPath, askingBody), ask(s, "/v1/responses", streamBody), ask(s, chatPath, plainBody)}
	errands[3].header.Set(provider.ScenarioHeader, "whole")
	ends := underWay(t, s, errands)
	if err := s.Farebox.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	all := ends()
	inOrder(t, s)
	s.Provider.Play(provider.Scenario{Chunks: 20})
	for i, e := range errands {
		e.header.Del(provider.ScenarioHeader)
		want := direct(t, s, e)
		if g := all[i]; g.err != nil || g.status != http.StatusOK || unnamed(g.body) != unnamed(want.body) {
			t.Errorf("call %d: %d, %v, %q, want %q", i, g.status, g.err, g.body, want.body)
		}
		reported(t, settled(t, s.Farebox, e.trace), 11, 20)
	}
}

var contents = regexp.MustCompile(`"content":"([^"]*)"`)

// words is the text of a streamed answer.
func words(stream []byte) string {
	text := ""
	for _, m := range contents.FindAllSubmatch(stream, -1) {
		text += string(m[1])
	}
	return text
}

// TestAStreamThatOutlastsTheDrainReachesItsCallerWhole: farebox settles what it
// has seen and steps aside. The streams go on meanwhile, to their ends only after it.
func TestAStreamThatOutlastsTheDrainReachesItsCallerWhole(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	s := kit.Start(t, harness.StackOptions{
		Config: shop + "drain: {wait: 0s, timeout: 1s}\n",
		Play:   provider.Scenario{Chunks: 50, Pace: 80 * time.Millisecond, Cuts: []int{5000}, Hold: ended},
	})
	errands := []errand{ask(s, chatPath, askingBody), ask(s, chatPath, streamBody), ask(s, "/v1/responses", streamBody)}
	ends := underWay(t, s, errands)
	if err := s.Farebox.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	status := s.Farebox.Status()
	close(ended)
	all := ends()
	inOrder(t, s)
	s.Provider.Play(provider.Scenario{Chunks: 50})
	for i, e := range errands {
		want, g := direct(t, s, e), all[i]
		hides := i == 1 // usage that farebox asked for, and is not there to hide at the end
		switch {
		case g.err != nil || g.status != http.StatusOK || status != 0:
			t.Errorf("call %d: %d, %v; farebox %d", i, g.status, g.err, status)
		case !hides && unnamed(g.body) != unnamed(want.body):
			t.Errorf("call %d: %q, want %q", i, g.body, want.body)
		case hides && (!g.done() || words(g.body) != words(want.body)):
			t.Errorf("call %d: %q, want at least %q", i, g.body, want.body)
		}
		b := settled(t, s.Farebox, e.trace)
		if b.Outcome != "cut" || b.Source != "partial" || b.In == 0 || b.Out == 0 || b.Reason != "farebox was stopped" || b.Cost != usd(b.In, b.Out) {
			t.Errorf("call %d: the record says %+v", i, b)
		}
		if b.Out >= 150 {
			t.Errorf("call %d: %d tokens of 50 are paid", i, b.Out)
		}
	}
}

func TestASocketIsAsGoodAsAPort(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop, Socket: true})
	for _, e := range []errand{
		ask(s, chatPath, plainBody), ask(s, chatPath, streamBody), ask(s, chatPath, askingBody), ask(s, chatPath, bodyOf(3*megabyte)),
	} {
		want := direct(t, s, e)
		if g := e.run(t.Context()); g.err != nil || g.status != http.StatusOK || unnamed(g.body) != unnamed(want.body) {
			t.Errorf("%d %v %q, want %q", g.status, g.err, g.body, want.body)
		}
		reported(t, settled(t, s.Farebox, e.trace), 11, 8)
	}
	if err := s.Farebox.Kill9(); err != nil { // leaves the socket's file behind
		t.Fatal(err)
	}
	if err := s.Farebox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	servesAgain(t, s)
}

// servesAgain waits until calls are served and paid as before.
func servesAgain(t *testing.T, s *harness.Stack) {
	t.Helper()
	var e errand
	eventually(t, "calls are paid again", func(ctx context.Context) (bool, error) {
		e = ask(s, chatPath, plainBody)
		g := e.run(ctx)
		return g.status == http.StatusOK && g.header.Get("X-Farebox-Tokens-In") == "11", g.err
	})
	reported(t, settled(t, s.Farebox, e.trace), 11, 8)
}

func TestWithoutFareboxCallsAreRefusedOrPassAsChosen(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]bool{"fail closed": false, "fail open": true} {
		s := kit.Start(t, harness.StackOptions{Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{FailOpen: open}}})
		servesAgain(t, s)
		if err := s.Farebox.Process.Stop(); err != nil {
			t.Fatal(err)
		}
		s.Provider.Forget()
		var lost []errand
		for _, body := range []string{plainBody, streamBody, `{"not":"JSON`, bodyOf(2 * megabyte)} {
			e := ask(s, chatPath, body)
			g := e.run(t.Context())
			calls := s.Provider.Calls()
			if !open && (g.status != http.StatusServiceUnavailable || g.err != nil || len(calls) != 0) {
				t.Errorf("%s: %.50q: %d %v, the provider saw %d calls", name, body, g.status, g.err, len(calls))
			}
			if !open {
				continue
			}
			lost = append(lost, e)
			saw := calls[len(calls)-1]
			if len(calls) != len(lost) || string(saw.Body) != body || g.status != saw.Status || string(g.body) != string(saw.Sent) || g.err != nil {
				t.Errorf("%s: %.50q: %d %v, the provider saw %d calls, the last with %d bytes", name, body, g.status, g.err, len(calls), len(saw.Body))
			}
		}
		if err := s.Farebox.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		servesAgain(t, s)
		for _, e := range lost {
			if found, err := bills(t.Context(), s.Farebox, e.trace); err != nil || len(found) != 0 {
				t.Errorf("%s: a call that farebox did not see has %+v, %v", name, found, err)
			}
		}
	}
}
