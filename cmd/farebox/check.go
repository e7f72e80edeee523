package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/cmd/farebox/config"
)

func newCheck() *cobra.Command {
	var strict bool
	var envoys []string
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file, and Envoy's",
		Long: `Read a configuration file as "serve" would, without starting or connecting to
anything, and print what is wrong with it: mistakes with line and column, choices
that contradict each other, warnings, and notes on what a choice costs.

With --envoy, once or more, read an Envoy configuration too, such as a bootstrap
file, or listeners, routes and clusters that a control plane gives out, and print
where calls would hang, be refused or go unmetered: who counts on each route, the
modes of the filter, its time and its cluster. With both, the two must agree.

The exit status is 1 when there is an error. Warnings alone are no failure,
unless --strict is given.`,
		Example: `  farebox check farebox.yaml
  farebox check farebox.yaml --strict -o json
  farebox check farebox.yaml --envoy envoy.yaml
  farebox check --envoy listeners.yaml --envoy clusters.yaml`,
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 && len(envoys) > 0 {
			return nil
		}
		return one("FILE")(c, args)
	}
	c.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	c.Flags().StringArrayVar(&envoys, "envoy", nil, "a `file` of Envoy's configuration; more than one may be given")
	form := output(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		r, text := examine(args, envoys, strict)
		if form.value == "json" {
			if err := writeJSON(c.OutOrStdout(), r); err != nil {
				return err
			}
		} else if _, err := io.WriteString(c.OutOrStdout(), text+r.summary()); err != nil {
			return err
		}
		if !r.OK {
			return errReported
		}
		return nil
	}
	return c
}

// report is the result of check as JSON has it.
type report struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Findings []finding `json:"findings"`
}

// finding is one mistake, warning or note. Line and column start at 1 and are absent
// where it has no place.
type finding struct {
	Severity config.Severity `json:"severity"`
	File     string          `json:"file,omitempty"` // of Envoy's
	Line     int             `json:"line,omitempty"`
	Column   int             `json:"column,omitempty"`
	Key      string          `json:"key,omitempty"`
	Message  string          `json:"message"`
	Hint     string          `json:"hint,omitempty"`
}

// examine checks farebox's own file, if one is given, and Envoy's: the report, and
// the same for a person.
func examine(args, envoys []string, strict bool) (r report, text string) {
	r = report{Findings: []finding{}}
	var c *config.Config
	var b strings.Builder
	if len(args) > 0 {
		r.File = args[0]
		c = r.check(&b)
	}
	if len(envoys) > 0 {
		if r.File == "" {
			r.File = envoys[0]
		}
		r.checkEnvoy(&b, envoys, c)
	}
	r.OK = r.count(config.Alarm) == 0 && (!strict || r.count(config.Warning) == 0)
	return r, b.String()
}

// check reads and checks farebox's own file. It returns nil for one that cannot
// be read.
func (r *report) check(b *strings.Builder) *config.Config {
	c, err := config.Load(r.File)
	if err != nil {
		r.Findings = mistakes(r.Findings, err)
		b.WriteString(config.Explain(err))
		return nil
	}
	for _, f := range config.Check(c) {
		r.Findings = append(r.Findings, finding{Severity: f.Severity, Key: f.Key, Message: f.Message, Hint: f.Hint})
		fmt.Fprintf(b, "%s: %s\n", r.File, f)
	}
	return c
}

// mistakes appends each of the errors that are joined in err.
func mistakes(to []finding, err error) []finding {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			to = mistakes(to, e)
		}
		return to
	}
	var one *config.Error
	if errors.As(err, &one) {
		return append(to, finding{Severity: config.Alarm, Line: one.Line, Column: one.Column, Key: one.Key, Message: one.Message, Hint: one.Hint})
	}
	return append(to, finding{Severity: config.Alarm, Message: err.Error()})
}

func (r *report) count(severity config.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// summary is the last line for a person.
func (r *report) summary() string {
	var parts []string
	for _, s := range config.Severities() {
		switch n := r.count(s); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+string(s))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	if len(parts) == 0 {
		return r.File + ": ok\n"
	}
	if r.OK {
		parts = append([]string{"ok"}, parts...)
	}
	return r.File + ": " + strings.Join(parts, ", ") + "\n"
}
