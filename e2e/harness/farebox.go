package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/farebox/farebox/e2e/port"
	"github.com/farebox/farebox/policy/api"
)

// FareboxOptions say how a farebox runs.
type FareboxOptions struct {
	// Config is the configuration without its listen section, which the harness
	// writes; or all of it, in which addresses of the usual ports are replaced. Empty:
	// all defaults. Without a drain section, one that does not wait is added, since
	// every test would; without a ledger section, one by which whoever has an answer
	// finds its record, however busy the disk is.
	Config string
	// Dir is where the configuration and, by default, the ledger are; required.
	// An empty folder is a farebox that has never run.
	Dir string
	// Socket has Envoy connect at a Unix socket in Dir instead of a port.
	Socket bool
	// Guard are more keys of the listeners.
	Guard Guard
}

// Guard says who may connect to a farebox, and how this program does.
type Guard struct {
	ExtProc string       // more of listen.extproc, "tls: {…}"
	Admin   string       // more of listen.admin
	Client  *http.Client // asks the admin server over TLS; nil: it has none
}

func (g *Guard) client() *http.Client {
	if g.Client == nil {
		return http.DefaultClient
	}
	return g.Client
}

// more is a key for a flow mapping after others.
func more(key string) string {
	if key == "" {
		return ""
	}
	return ", " + key
}

// Farebox is a running farebox, or one between two runs.
type Farebox struct {
	*Process
	binary  string
	o       FareboxOptions
	extproc *port.Port // nil with Socket
	admin   *port.Port
	former  string // what its processes wrote that have ended
}

// Log is what all its processes wrote so far, each at most a MiB.
func (f *Farebox) Log() string { return f.former + f.Process.Log() }

// StartFarebox runs the built binary until Stop, and returns when it is ready.
func (k *Kit) StartFarebox(ctx context.Context, o FareboxOptions) (*Farebox, error) {
	binary, err := k.Farebox(ctx)
	if err != nil {
		return nil, err
	}
	f := &Farebox{binary: binary, o: o}
	if err := f.configure(); err != nil {
		f.release()
		return nil, fmt.Errorf("start farebox: %w", err)
	}
	if err := f.Start(ctx); err != nil {
		f.release()
		return nil, err
	}
	return f, nil
}

func (f *Farebox) configure() (err error) {
	if f.admin, err = port.Reserve(); err != nil {
		return err
	}
	if !f.o.Socket {
		if f.extproc, err = port.Reserve(); err != nil {
			return err
		}
	}
	return f.write(f.file())
}

// write writes the configuration.
func (f *Farebox) write(name string) error {
	listen := fmt.Sprintf("listen:\n  extproc: {address: %q%s}\n  admin: {address: %q%s}\n",
		f.Addr(), more(f.o.Guard.ExtProc), f.admin.Addr(), more(f.o.Guard.Admin))
	config := f.o.Config
	if strings.Contains("\n"+config, "\nlisten:") {
		listen = ""
		for usual, addr := range map[string]string{"9002": f.Addr(), "9470": f.admin.Addr()} {
			config = regexp.MustCompile(`"[^"]*:`+usual+`"`).ReplaceAllString(config, strconv.Quote(addr))
		}
	}
	if !strings.Contains("\n"+config, "\ndrain:") {
		listen += "drain: {wait: 0s, timeout: 5s}\n"
	}
	if !strings.Contains("\n"+config, "\nledger:") {
		listen += "ledger: {commit_wait: 10s}\n"
	}
	return os.WriteFile(name, []byte(listen+config), 0o600)
}

// Reconfigure puts another configuration in the place of the one before, which a
// farebox that runs takes soon.
func (f *Farebox) Reconfigure(config string) error {
	f.o.Config = config
	if err := f.write(f.file() + ".new"); err != nil {
		return err
	}
	return os.Rename(f.file()+".new", f.file())
}

func (f *Farebox) file() string { return filepath.Join(f.o.Dir, "farebox.yaml") }

// Start runs the binary again, on the same files and addresses. The former
// process must have ended.
func (f *Farebox) Start(ctx context.Context) (err error) {
	if f.Process != nil {
		select {
		case <-f.done:
		default:
			return errors.New("start farebox: it still runs")
		}
		f.former += f.Process.Log()
	}
	f.Process, err = launch("farebox", f.o.Dir, nil, f.binary, "serve", "--config", f.file())
	if err != nil {
		return err
	}
	return f.await(ctx, f.o.Guard.client(), f.AdminURL()+"/readyz")
}

// Restart ends the process in order and runs the binary again.
func (f *Farebox) Restart(ctx context.Context) error {
	if err := f.Process.Stop(); err != nil {
		return err
	}
	return f.Start(ctx)
}

// Stop ends the process in order and frees its ports.
func (f *Farebox) Stop() error {
	defer f.release()
	return f.Process.Stop()
}

func (f *Farebox) release() {
	f.extproc.Release()
	f.admin.Release()
}

// Addr is where Envoy finds it, as envoy.Options take it.
func (f *Farebox) Addr() string {
	if f.o.Socket {
		return "unix://" + filepath.Join(f.o.Dir, "extproc.sock")
	}
	return f.extproc.Addr()
}

// AdminURL is where operators ask.
func (f *Farebox) AdminURL() string {
	if f.o.Guard.Client != nil {
		return "https://" + f.admin.Addr()
	}
	return "http://" + f.admin.Addr()
}

// Metrics reads /metrics.
func (f *Farebox) Metrics(ctx context.Context) (Metrics, error) {
	text, err := fetchText(ctx, f.o.Guard.client(), f.AdminURL()+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("read farebox's metrics: %w", err)
	}
	return parseMetrics(string(text))
}

// Usage asks what the calls of the last day cost, by the names given.
func (f *Farebox) Usage(ctx context.Context, by ...string) (*api.UsageAnswer, error) {
	now := time.Now()
	return api.NewClient(f.AdminURL(), f.o.Guard.client()).Usage(ctx, api.Query{From: now.Add(-24 * time.Hour), To: now.Add(time.Minute), By: by})
}

// Explain asks for the records of a call, by its id or the provider's.
func (f *Farebox) Explain(ctx context.Context, id string) (*api.CallAnswer, error) {
	return api.NewClient(f.AdminURL(), f.o.Guard.client()).Call(ctx, id)
}

// Command runs another command of the same binary against this farebox, and
// returns what it printed.
func (f *Farebox) Command(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, f.binary, append(args, "--admin", f.AdminURL())...)
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), fmt.Errorf("run farebox %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}
