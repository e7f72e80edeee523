package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/farebox/farebox/policy/engine"
)

// MaxFile bounds a configuration file, in bytes.
const MaxFile = 1 << 20

// Default is what an empty file means. The caller may change it.
func Default() Config {
	return Config{
		Mode: Observe,
		Listen: Listen{
			ExtProc: ExtProc{Address: "127.0.0.1:9002"},
			Admin:   Admin{Address: "127.0.0.1:9470", Metrics: "open"},
		},
		Metering: Metering{
			Mode: MeteringInline, InjectUsage: true, MaxRequestBody: 32 << 20, BufferJSON: 24 << 10, OnUnmetered: UnmeteredPass, OnAbort: AbortEstimate,
		},
		Limits:       Limits{InflightBytes: 1 << 30, Streams: 20000},
		Ledger:       Ledger{Store: "sqlite:farebox.db", Durability: DurableProcess, CommitWait: Duration(100 * time.Millisecond)},
		State:        State{Store: "memory", Timeout: Duration(100 * time.Millisecond), OnError: StoreClosed, Allowance: 5},
		Interactions: Interactions{Idle: Duration(10 * time.Minute)},
		Holds: Holds{
			OutputBound: string(engine.Learned), OnOutgrown: OutgrownLet, OnUnboundable: string(engine.RefuseIt), ToolCalls: 10, Tries: 1,
		},
		Drain: Drain{Wait: Duration(5 * time.Second), Timeout: Duration(25 * time.Second)},
		Attributes: Attributes{
			List: []Attribute{
				{"team", []Source{{Header: "x-team"}}},
				{"project", []Source{{Header: "x-project"}}},
				{"user", []Source{{Header: "x-user"}}},
				{"request_type", []Source{{
					Header: "x-request-type", OneOf: []string{"interactive", "batch", "background", "training"}, Default: "interactive",
				}}},
				{"user_tier", []Source{{Header: "x-user-tier"}}},
			},
			OnMissing: MissingUnattributed,
			OnUnknown: UnknownUnattributed,
			Strip:     []string{"x-team", "x-project", "x-user", "x-request-type", "x-user-tier"},
		},
		Prices:  Prices{OnUnpriced: "pass"},
		Runaway: Runaway{Input: 50_000, Output: 50_000},
		Alerts:  defaultAlerts(),
	}
}

// Load reads the file at path. Its mistakes come as *Error, joined.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, d := parse(path, data)
	if len(d.errs) == 0 {
		d.readFiles(c)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Parse reads the text of a file. name stands in errors, and a relative path in
// the text starts at name's folder; without a name it stays as it is. Files that
// the text names are not read.
func Parse(name string, data []byte) (*Config, error) {
	c, d := parse(name, data)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func parse(name string, data []byte) (*Config, *decoder) {
	d := &decoder{file: name, text: data}
	root := d.parse()
	if len(d.errs) > 0 {
		return nil, d
	}
	c := Default()
	if root != nil {
		d.section(&c, root, "")
	}
	d.validate(&c)
	if name != "" {
		c.Ledger.Store = c.Ledger.Store.in(filepath.Dir(name))
		c.Listen.in(filepath.Dir(name))
		c.State.in(filepath.Dir(name))
		c.Owners.in(filepath.Dir(name))
		c.Receivers.in(filepath.Dir(name))
		if c.Stamp != nil {
			c.Stamp.KeyFile = c.Stamp.KeyFile.in(filepath.Dir(name))
		}
		for i, f := range c.Prices.Files {
			c.Prices.Files[i] = f.in(filepath.Dir(name))
		}
	}
	return &c, d
}

// Explain prints what Load and Parse returned for a person: each mistake with
// the line it is in.
func Explain(err error) string {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		text := ""
		for _, e := range many.Unwrap() {
			text += Explain(e)
		}
		return text
	}
	var one *Error
	if errors.As(err, &one) {
		return one.Error() + "\n" + one.Excerpt
	}
	return err.Error() + "\n"
}
