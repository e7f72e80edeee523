package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/cmd/farebox/meter"
)

// maxCapture bounds a captured body and a line of a batch, in bytes.
const maxCapture = 64 << 20

// meterFlags are what is said of a capture, and of how it is priced.
type meterFlags struct {
	capture     meter.Capture
	contentType string
	headers     []string
	batch       bool
	config      string
	at          moment
}

// meterText is the long help text of meter.
const meterText = `Read the captured body of an answer as a running farebox would, and show what
was counted in it and what that costs. FILE is the body, compressed or not; - is
standard input. --url says what was asked: host and path tell who reads it. A
body whose content type is not given is looked at: server-sent events, else JSON.

Shown is what is known: what the answer reports, and generated text that could be
counted exactly because the model's vocabulary is public. A meter that is not
shown is not known, which is not zero. Nothing is guessed, for nothing is known
of the request. Without --config the built-in prices hold.

--batch reads one JSON object per line of FILE and writes one per line:

  in   {"url", "method", "status", "content_type", "headers": {name: value},
        "body_path" or "body_base64", "cuts": [offset, …]}
  out  {"dialect", "operation", "model", "stream", "source",
        "usage": {meter: n, …}, "lines": […], "cost_usd", "priced",
        "why", "error"}

Only url and a body are needed. cuts are where the body is cut into the pieces
that are read: the result is the same wherever they are. A content-encoding of
gzip or zstd that the body does not have is taken as undone. usage is summed over
models; lines are the priced quantities; cost_usd is there when priced is true:
all is known and has a price. why says what is missing. A line that cannot be
read has an error, and then the exit status is 1; lines and bodies are at most
64 MiB. Nothing of a body is written or repeated.`

func newMeter() *cobra.Command {
	var f meterFlags
	c := &cobra.Command{
		Use:   "meter FILE",
		Short: "Count and price captured answers, without a server",
		Long:  meterText,
		Example: `  farebox meter answer.json --url https://api.openai.com/v1/chat/completions
  farebox meter stream.sse --url https://api.anthropic.com/v1/messages --config farebox.yaml -o json
  curl -sN … | farebox meter - --url https://api.openai.com/v1/responses --content-type text/event-stream
  farebox meter --batch captures.jsonl > counts.jsonl`,
		Args: one("FILE"),
	}
	f.add(c.Flags())
	form := output(c, "table", "json")
	c.RunE = func(c *cobra.Command, args []string) error { return f.run(c, args[0], form.value) }
	return c
}

func (f *meterFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.capture.URL, "url", "", "`URL` that was asked")
	fl.StringVar(&f.capture.Method, "method", "POST", "`method` of the request")
	fl.IntVar(&f.capture.Status, "status", http.StatusOK, "`status` of the answer")
	fl.StringVar(&f.contentType, "content-type", "", "content `type` of the answer")
	fl.StringArrayVar(&f.headers, "header", nil, "`name: value` of a header of the answer; more than once for more")
	fl.IntSliceVar(&f.capture.Cuts, "cuts", nil, "`offsets` at which the body is cut into pieces")
	fl.BoolVar(&f.batch, "batch", false, "FILE has a capture in each line, as JSON")
	fl.Var(&f.at, "at", "when the calls are taken to be made, for their prices (default now)")
	fl.StringVarP(&f.config, "config", "c", "", "configuration `file`; none: the built-in prices and hosts alone")
}

func (f *meterFlags) run(c *cobra.Command, path, form string) (err error) {
	if err := f.check(c); err != nil {
		return err
	}
	in := c.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("read capture: %w", err)
		}
		defer file.Close()
		in = file
	}
	m, err := f.meter()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if f.batch {
		b := batch{meter: m, errOut: c.ErrOrStderr(), now: time.Now}
		return b.run(c.Context(), in, c.OutOrStdout())
	}
	if f.capture.Body, err = readCapture(in); err != nil {
		return err
	}
	n, err := m.Read(c.Context(), &f.capture)
	if err != nil {
		return err
	}
	if form == "json" {
		return writeJSON(c.OutOrStdout(), meteredOf(&n))
	}
	_, err = io.WriteString(c.OutOrStdout(), showCount(&n))
	return err
}

// meter makes the Meter that the flags ask for.
func (f *meterFlags) meter() (*meter.Meter, error) {
	at, err := f.at.in(time.UTC)
	if err != nil {
		return nil, err
	}
	if f.config == "" {
		return meter.New(new(config.Default()), at)
	}
	c, err := config.Load(f.config)
	if err != nil {
		return nil, err
	}
	return meter.New(c, at)
}

// check says which flags do not go together, and makes the headers of the flags.
func (f *meterFlags) check(c *cobra.Command) error {
	if f.batch {
		for _, name := range []string{"url", "method", "status", "content-type", "header", "cuts", "output"} {
			if c.Flags().Changed(name) {
				return fmt.Errorf("--%s and --batch: each line of a batch says it for itself; see `%s --help`", name, c.CommandPath())
			}
		}
		return nil
	}
	if f.capture.URL == "" {
		return fmt.Errorf("no --url: it says who reads the answer; see `%s --help`", c.CommandPath())
	}
	f.capture.Headers = map[string]string{}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return fmt.Errorf("--header %q: want name: value", h)
		}
		f.capture.Headers[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	if f.contentType != "" {
		f.capture.Headers["content-type"] = f.contentType
	}
	return nil
}

// readCapture reads a body, within the bound.
func readCapture(from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxCapture+1))
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	if len(body) > maxCapture {
		return nil, fmt.Errorf("read capture: it is longer than %d bytes", maxCapture)
	}
	return body, nil
}
