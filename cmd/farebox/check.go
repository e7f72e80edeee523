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
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file",
		Long: `Read a configuration file as "serve" would, without starting or connecting to
anything, and print what is wrong with it: mistakes with line and column, choices
that contradict each other, warnings, and notes on what a choice costs.

The exit status is 1 when there is an error. Warnings alone are no failure,
unless --strict is given.`,
		Example: `  farebox check farebox.yaml
  farebox check farebox.yaml --strict -o json`,
		Args: one("FILE"),
	}
	c.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	form := output(c, "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		r, text := check(args[0], strict)
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

// finding is one mistake or warning. Line and column start at 1 and are absent
// where it has no place.
type finding struct {
	Severity config.Severity `json:"severity"`
	Line     int             `json:"line,omitempty"`
	Column   int             `json:"column,omitempty"`
	Key      string          `json:"key,omitempty"`
	Message  string          `json:"message"`
	Hint     string          `json:"hint,omitempty"`
}

// check reads and checks a file: the report, and the same for a person.
func check(path string, strict bool) (r report, text string) {
	r = report{File: path, Findings: []finding{}}
	c, err := config.Load(path)
	if err != nil {
		r.Findings = mistakes(r.Findings, err)
		return r, config.Explain(err)
	}
	var b strings.Builder
	for _, f := range config.Check(c) {
		r.Findings = append(r.Findings, finding{Severity: f.Severity, Key: f.Key, Message: f.Message, Hint: f.Hint})
		fmt.Fprintf(&b, "%s: %s\n", path, f)
	}
	r.OK = r.count(config.Alarm) == 0 && (!strict || r.count(config.Warning) == 0)
	return r, b.String()
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
		return append(to, finding{config.Alarm, one.Line, one.Column, one.Key, one.Message, one.Hint})
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
