package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// crowd is the calls of a load, each of another length, with what their callers
// see of them.
type crowd struct {
	errands []errand
	chunks  []int64 // of text, which are tokens of output
	got     []got
	events  []atomic.Int64 // seen so far
	ended   atomic.Int64   // calls whose callers saw the last event
	hold    chan struct{}  // what the last five calls wait for amid their answers; nil: nothing
	running sync.WaitGroup
}

// join adds calls and starts them; it does not wait for anything.
func (c *crowd) join(t *testing.T, s *harness.Stack, bodies ...string) {
	for i, body := range bodies {
		name := fmt.Sprintf("stream %d", i)
		e := ask(s, chatPath, body)
		e.header.Set(provider.ScenarioHeader, name)
		c.errands, c.chunks = append(c.errands, e), append(c.chunks, int64(4+4*i))
		play := provider.Scenario{Chunks: 4 + 4*i, Pace: 30 * time.Millisecond}
		if c.hold != nil && i >= len(bodies)-5 {
			play.Cuts, play.Hold = []int{4000}, c.hold
		}
		s.Provider.PlayFor(name, play)
	}
	c.got, c.events = make([]got, len(c.errands)), make([]atomic.Int64, len(c.errands))
	for i, e := range c.errands {
		e.watch = func(sofar []byte) {
			c.events[i].Store(int64(bytes.Count(sofar, []byte("\n\n")))) // several may come at once
			if bytes.HasSuffix(sofar, []byte(doneEvent)) {
				c.ended.Add(1)
			}
		}
		c.running.Go(func() { c.got[i] = e.run(t.Context()) })
	}
}

// spread waits until some calls have ended and all others have begun to speak.
func (c *crowd) spread(t *testing.T) {
	eventually(t, "the calls are at different points", func(context.Context) (bool, error) {
		for i := range c.events {
			if c.events[i].Load() < 3 {
				return false, nil
			}
		}
		return c.ended.Load() >= 5, nil
	})
}

// crash is a farebox killed under load and started again, with a few calls that
// came in that very moment. Five of the load are under way then, however long it takes.
func crash(t *testing.T, s *harness.Stack, bodies ...string) (load, late *crowd) {
	load, late = &crowd{hold: make(chan struct{})}, &crowd{}
	load.join(t, s, bodies...)
	load.spread(t)
	late.join(t, s, bodies[:4]...)
	if err := s.Farebox.Kill9(); err != nil {
		t.Fatal(err)
	}
	close(load.hold)
	load.running.Wait()
	late.running.Wait()
	if err := s.Farebox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return load, late
}

// books adds up what the ledger says of a crowd, call by call.
type books struct {
	ids              map[string]bool
	reported, others int64 // calls
	tokens           int64 // of output, reported
}

// read holds that each call has one record, that a reported one is right to the
// token, and that the others are partial and not for nothing.
func (k *books) read(t *testing.T, s *harness.Stack, c *crowd, must bool) {
	t.Helper()
	for i, e := range c.errands {
		found, err := bills(t.Context(), s.Farebox, e.trace)
		if err != nil || len(found) > 1 || must && len(found) == 0 {
			t.Errorf("call %d has the records %+v, %v; its caller saw %d bytes, %v", i, found, err, len(c.got[i].body), c.got[i].err)
		}
		for _, b := range found {
			if k.ids[b.ID] {
				t.Errorf("call id %s is there twice", b.ID)
			}
			k.ids[b.ID] = true
			if b.Source == "reported" {
				reported(t, b, 11, c.chunks[i])
				k.reported++
				k.tokens += c.chunks[i]
				continue
			}
			k.others++
			if b.Outcome != "cut" || b.Source != "partial" || b.Reason != "farebox was restarted" || b.In == 0 || b.Out == 0 || b.Cost != usd(b.In, b.Out) {
				t.Errorf("call %d: the record says %+v", i, b)
			}
		}
	}
}

// balance holds that the sums of the ledger are those of the calls.
func (k *books) balance(t *testing.T, s *harness.Stack) {
	t.Helper()
	u, err := s.Farebox.Usage(t.Context(), "source")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for i, r := range u.Rows {
		rows[r.Keys["source"]] = i + 1
		if want := usd(11*k.reported, k.tokens); r.Keys["source"] == "reported" && (r.Calls != k.reported || r.Charged.String() != want) {
			t.Errorf("reported: %d calls for %s USD, want %d for %s", r.Calls, r.Charged, k.reported, want)
		}
		if r.Keys["source"] == "partial" && r.Calls != k.others {
			t.Errorf("partial: %d calls, want %d", r.Calls, k.others)
		}
	}
	if rows["reported"] == 0 || rows["partial"] == 0 || len(rows) != 2 || u.Total.Calls != int64(len(k.ids)) {
		t.Errorf("usage by source: %+v", u.Rows)
	}
}

// twenty is a load of streams, every other of which asks for its usage.
func twenty(bodies ...string) []string {
	var all []string
	for len(all) < 20 {
		all = append(all, bodies...)
	}
	return all
}

// TestACrashLosesNoCall kills farebox under load. What a caller saw end is in
// the ledger to the token; what was cut is there as partial; nothing is there
// twice.
func TestACrashLosesNoCall(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	load, late := crash(t, s, twenty(streamBody, askingBody)...)
	k := books{ids: map[string]bool{}}
	k.read(t, s, load, true)
	complete := int64(0)
	for i, g := range load.got {
		if g.done() {
			complete++
			reported(t, settled(t, s.Farebox, load.errands[i].trace), 11, load.chunks[i])
		}
	}
	if complete < 5 || complete > 15 || k.reported < complete || k.others == 0 {
		t.Errorf("%d calls were complete, %d are reported, %d partial", complete, k.reported, k.others)
	}
	k.read(t, s, late, false)
	k.balance(t, s)
	if n := metric(t, s, "farebox_recovered_calls_total"); n != float64(k.others) {
		t.Errorf("%v calls were recovered, %d are partial", n, k.others)
	}
	servesAgain(t, s)
}

// TestACrashCutsNoCallThatMayPass kills farebox under load where calls may pass
// without it: callers see every byte.
func TestACrashCutsNoCallThatMayPass(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{
		Config: shop, Envoy: harness.EnvoyOptions{Options: envoy.Options{FailOpen: true}},
	})
	load, late := crash(t, s, twenty(askingBody)...)
	sent := map[string]bool{}
	for _, call := range s.Provider.Calls() {
		sent[string(call.Sent)] = call.Done
	}
	for name, c := range map[string]*crowd{"early": load, "late": late} {
		for i, g := range c.got {
			if g.status != http.StatusOK || !g.done() || !sent[string(g.body)] {
				t.Errorf("%s call %d: %d, %v, %q is not what the provider sent", name, i, g.status, g.err, g.body)
			}
		}
	}
	k := books{ids: map[string]bool{}}
	k.read(t, s, load, true)
	k.read(t, s, late, false)
	k.balance(t, s)
	servesAgain(t, s)
}
