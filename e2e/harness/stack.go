package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/farebox/farebox/e2e/port"
	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// TB is what a stack needs of a test.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Errorf(format string, args ...any)
	Failed() bool
	Fatal(args ...any)
	Logf(format string, args ...any)
	Skip(args ...any)
	TempDir() string
}

// StackOptions say what a Stack is made of. The zero value is a farebox with its
// defaults before a provider that plays the plain scenario.
type StackOptions struct {
	Play      provider.Scenario
	Config    string       // farebox's, without listen
	Socket    bool         // between Envoy and farebox
	Guard     Guard        // of farebox
	Envoy     EnvoyOptions // Dir, Farebox and, if empty, Upstream are filled in
	NoFarebox bool         // no farebox: nothing listens where Envoy looks for it
	Replicas  int          // fareboxes, each with a ledger of its own; 0 is 1
}

// Stack is a provider, a farebox and an Envoy that belong to one test and end
// with it.
type Stack struct {
	Provider *provider.Server
	Farebox  *Farebox   // the first of Replicas; nil with NoFarebox
	Replicas []*Farebox // all
	Envoy    *Envoy
	URL      string // of Envoy: where the calls of the story go
}

// Start runs a stack, at the end of a day only after it. A part that cannot be had
// skips the test, or fails it where CI=true. When the test has failed, what the processes wrote is logged; a
// data race in farebox fails it.
func (k *Kit) Start(t TB, o StackOptions) *Stack {
	t.Helper()
	ctx := t.Context()
	if _, err := k.Envoy(ctx); err != nil {
		unavailable(t, err)
	}
	if wait := untilNextDay(time.Now()); wait > 0 {
		k.say("waiting %v for the next day", wait)
		sleep(ctx, wait)
	}
	s := &Stack{}
	var err error
	if s.Provider, err = provider.Start(provider.Options{Play: o.Play}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Provider.Close() })
	if o.Envoy.Upstream == "" {
		o.Envoy.Upstream = s.Provider.Addr()
	}
	if o.NoFarebox {
		p, err := port.Reserve()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Release)
		o.Envoy.Farebox = p.Addr()
	} else {
		s.Replicas = k.startReplicas(t, max(1, o.Replicas), FareboxOptions{Config: o.Config, Socket: o.Socket, Guard: o.Guard})
		s.Farebox = s.Replicas[0]
		o.Envoy.Farebox = s.Farebox.Addr()
		o.Envoy.Config = spread(o.Envoy.Config, s.Replicas)
	}
	o.Envoy.Config = patient(o.Envoy.Config)
	o.Envoy.Dir = t.TempDir()
	if o.Envoy.AccessLog == "" {
		o.Envoy.AccessLog = filepath.Join(o.Envoy.Dir, "access.log")
	}
	if s.Envoy, err = k.StartEnvoy(ctx, o.Envoy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Envoy.Stop(); err != nil {
			t.Errorf("%v", err)
		}
		if t.Failed() {
			access, _ := os.ReadFile(o.Envoy.AccessLog)
			t.Logf("envoy wrote:\n%s\nits access log:\n%s", s.Envoy.Log(), access)
		}
	})
	s.URL = s.Envoy.URL()
	return s
}

// startReplicas runs fareboxes for a test.
func (k *Kit) startReplicas(t TB, n int, o FareboxOptions) []*Farebox {
	t.Helper()
	all := make([]*Farebox, n)
	t.Cleanup(func() { stopAll(t, all) })
	for i := range all {
		all[i] = k.startFarebox(t, o)
	}
	return all
}

// stopAll stops those that were started, all at once since each drains.
func stopAll(t TB, all []*Farebox) {
	var wait sync.WaitGroup
	for _, f := range all {
		if f == nil {
			continue
		}
		wait.Go(func() {
			if err := f.Stop(); err != nil {
				t.Errorf("%v", err)
			}
			_ = os.RemoveAll(f.o.Dir)
		})
	}
	wait.Wait()
	for _, f := range all {
		if f != nil && strings.Contains(f.Log(), "WARNING: DATA RACE") {
			t.Errorf("farebox has a data race")
		}
	}
	for _, f := range all {
		if f != nil && t.Failed() {
			t.Logf("farebox wrote:\n%s", f.Log())
		}
	}
}

// spread adds the endpoints of further replicas to a configuration that knows the
// first.
func spread(config func(envoy.Options) ([]byte, error), replicas []*Farebox) func(envoy.Options) ([]byte, error) {
	if len(replicas) == 1 {
		return config
	}
	if config == nil {
		config = envoy.Config
	}
	return func(o envoy.Options) ([]byte, error) {
		text, err := config(o)
		if err != nil {
			return nil, err
		}
		end := fmt.Sprintf("port_value: %d }\n", replicas[0].extproc.Number)
		before, after, found := strings.Cut(string(text), end)
		begin := strings.LastIndex(before, "        - endpoint:")
		if !found || begin < 0 {
			return nil, errors.New("spread calls over replicas: the configuration has no endpoint of the first")
		}
		for _, f := range replicas[1:] {
			after = before[begin:] + fmt.Sprintf("port_value: %d }\n", f.extproc.Number) + after
		}
		return []byte(before + end + after), nil
	}
}

// busy are the times that Envoy gives a farebox, as shipped and as on a machine that
// runs many tests at once: there, one that is asked may wait for a processor as long as
// one that hangs.
var busy = map[string]string{
	"message_timeout: 2s":               "message_timeout: 20s",
	"interval: 5s, timeout: 2s }":       "interval: 5s, timeout: 20s }",
	"    connect_timeout: 1s\n":         "    connect_timeout: 20s\n",
	"    - timeout: 1s\n      interval": "    - timeout: 20s\n      interval",
}

// patient has Envoy wait longer for a farebox that it is connected to, or connects to.
func patient(config func(envoy.Options) ([]byte, error)) func(envoy.Options) ([]byte, error) {
	if config == nil {
		config = envoy.Config
	}
	return func(o envoy.Options) ([]byte, error) {
		text, err := config(o)
		for shipped, longer := range busy {
			if err == nil && !bytes.Contains(text, []byte(shipped)) {
				err = fmt.Errorf("have Envoy wait longer: the configuration does not say %q", shipped)
			}
			text = bytes.ReplaceAll(text, []byte(shipped), []byte(longer))
		}
		return text, err
	}
}

// startFarebox runs a farebox for a test, in a folder that ends with it.
func (k *Kit) startFarebox(t TB, o FareboxOptions) *Farebox {
	t.Helper()
	dir, err := os.MkdirTemp("", "fb") // a test's own is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	o.Dir = dir
	f, err := k.StartFarebox(t.Context(), o)
	if err != nil {
		_ = os.RemoveAll(dir)
		t.Fatal(err)
	}
	return f
}

// StartModel returns the kit's model, or skips as Start does.
func (k *Kit) StartModel(t TB) *Model {
	t.Helper()
	m, err := k.Model(t.Context())
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the model wrote:\n%s", m.Log())
		}
	})
	return m
}

// StartClients returns clients of the kit, or skips as Start does. Their get is
// PythonClients or NodeClients.
func (k *Kit) StartClients(t TB, get func(*Kit, context.Context) (*Clients, error)) *Clients {
	t.Helper()
	c, err := get(k, t.Context())
	if err != nil {
		unavailable(t, err)
	}
	return c
}

// unavailable ends a test that a part is missing for.
func unavailable(t TB, err error) {
	t.Helper()
	var missing *Missing
	if errors.As(err, &missing) && os.Getenv("CI") != "true" {
		t.Skip(err.Error() + " (make deps and make parts bring it)")
	}
	t.Fatal(err)
}
