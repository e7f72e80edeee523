package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a configuration file.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "farebox.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	soundFile    = "mode: observe\n"
	openFile     = "listen:\n  extproc: {address: \"0.0.0.0:9002\"}\n"
	misspeltFile = "mode: observe\nmetring: {}\n"
	tightFile    = "limits: {inflight_bytes: 1MiB}\n" // below metering.max_request_body
)

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name, text, flags string
		status            int
		says              []string
	}{
		{"sound", soundFile, "", 0, []string{"farebox.yaml: ok"}},
		{"warned", openFile, "", 0, []string{"farebox.yaml: warning: listen.extproc.address: ", "farebox.yaml: ok, 1 warning\n"}},
		{"warned, strict", openFile, "--strict", 1, []string{"farebox.yaml: 1 warning\n"}},
		{"misspelt", misspeltFile, "", 1, []string{"farebox.yaml:2:1: ", "metring", "metering", "farebox.yaml: 1 error\n"}},
		{"contradiction", tightFile, "", 1, []string{"farebox.yaml: error: limits.inflight_bytes: ", "farebox.yaml: 1 error"}},
	} {
		status, out, errOut := try(append([]string{"check", write(t, tt.text)}, strings.Fields(tt.flags)...)...)
		if status != tt.status || errOut != "" {
			t.Errorf("%s: status %d, error %q, want %d and none", tt.name, status, errOut, tt.status)
		}
		for _, want := range tt.says {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in %s", tt.name, want, out)
			}
		}
	}
}

func TestCheckJSON(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
		key  string
		line int
	}{
		{openFile, true, "listen.extproc.address", 0},
		{misspeltFile, false, "metring", 2},
		{tightFile, false, "limits.inflight_bytes", 0},
	} {
		status, out, _ := try("check", write(t, tt.text), "-o", "json")
		var r report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Errorf("%s: %v", out, err)
			continue
		}
		if len(r.Findings) != 1 || r.OK != tt.ok || r.OK != (status == 0) || r.Findings[0].Key != tt.key || r.Findings[0].Line != tt.line || r.Findings[0].Message == "" {
			t.Errorf("check of %q: status %d, %+v", tt.text, status, r)
		}
	}
	if status, out, _ := try("check", write(t, soundFile), "-o", "json"); status != 0 || !strings.Contains(out, `"findings": []`) {
		t.Errorf("a sound file: status %d, %s", status, out)
	}
}

// TestServeReadsConfig: serve starts on warnings, which it logs, and not on
// errors.
func TestServeReadsConfig(t *testing.T) {
	for _, tt := range []struct{ name, text, logs, fails string }{
		{"sound", soundFile, "", ""},
		{"warned", openFile, "level=WARN", ""},
		{"contradiction", tightFile, "level=ERROR", "errors: 1"},
		{"misspelt", misspeltFile, "", "farebox.yaml:2:1: "},
	} {
		var log bytes.Buffer
		c, err := readConfig(write(t, tt.text), newLogger(&log, "text", "info"))
		if (err == nil) != (tt.fails == "") || (c == nil) != (err != nil) || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: %v, %v, want %q", tt.name, c, err, tt.fails)
		}
		if (log.Len() > 0) != (tt.logs != "") || !strings.Contains(log.String(), tt.logs) {
			t.Errorf("%s: logged %q, want %q", tt.name, log.String(), tt.logs)
		}
	}
	if c, err := readConfig("", slog.New(slog.DiscardHandler)); err != nil || c.Listen.Admin.Address == "" {
		t.Errorf("no file: %v, %v, want the defaults", c, err)
	}
}

func TestLogger(t *testing.T) {
	var log bytes.Buffer
	l := newLogger(&log, "json", "warn")
	l.Info("unseen")
	l.Warn("seen", "n", 1)
	if got := log.String(); strings.Count(got, "\n") != 1 || !json.Valid([]byte(got)) || !strings.Contains(got, `"msg":"seen","n":1`) {
		t.Errorf("logged %s", got)
	}
}
