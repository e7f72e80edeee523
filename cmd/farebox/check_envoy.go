package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/envoy/check"
)

// maxEnvoyFile bounds a file of Envoy's, in bytes.
const maxEnvoyFile = 16 << 20

// checkEnvoy checks Envoy's files, and against c, unless that is nil.
func (r *report) checkEnvoy(b *strings.Builder, names []string, c *config.Config) {
	var files []check.File
	for _, name := range names {
		text, err := readUpTo(name, maxEnvoyFile)
		if err != nil {
			r.say(b, finding{Severity: config.Alarm, File: name, Message: err.Error()})
			return
		}
		files = append(files, check.File{Name: name, Text: text})
	}
	found, err := check.FilesFor(needs(c), files...)
	if err != nil {
		r.say(b, finding{Severity: config.Alarm, File: names[0], Message: err.Error()})
		return
	}
	for _, f := range found.Findings {
		r.say(b, finding{
			Severity: severities[f.Severity], File: f.File, Line: f.Line, Column: f.Column, Key: f.Key, Message: f.Happens, Hint: "write " + f.Write,
		})
	}
	if c != nil {
		r.compare(b, names[0], c, found)
	}
}

// needs is what attribution reads; nothing is known of it without c.
func needs(c *config.Config) check.Needs {
	if c == nil {
		return check.Needs{}
	}
	return check.Needs(c.Reads())
}

var severities = map[check.Severity]config.Severity{check.Alarm: config.Alarm, check.Warning: config.Warning}

// compare holds farebox's file against who counts on Envoy's routes.
func (r *report) compare(b *strings.Builder, file string, c *config.Config, found check.Report) {
	var says string
	switch mode := c.Metering.Mode; {
	case mode == config.MeteringInline && found.Native > 0:
		says = fmt.Sprintf("Envoy counts on %d of its routes, and metering.mode says inline", found.Native)
	case mode == config.MeteringNative && found.Inline > 0:
		says = fmt.Sprintf("farebox counts on %d of Envoy's routes, and metering.mode says native", found.Inline)
	default:
		return
	}
	r.say(b, finding{
		Severity: config.Alarm, File: file, Key: "metering.mode", Message: says + ": such calls are counted as metering_mismatch",
		Hint: "print Envoy's side with `farebox envoy --config`, or change the mode",
	})
}

// say adds a finding of a file of Envoy's.
func (r *report) say(b *strings.Builder, f finding) {
	r.Findings = append(r.Findings, f)
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(b, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(b, ": %s: ", f.Severity)
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	b.WriteString("\n")
}

func readUpTo(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read Envoy's configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("read Envoy's configuration: %s is longer than %d bytes", name, most)
	}
	return text, err
}
