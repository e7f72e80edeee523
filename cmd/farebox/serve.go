package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/cmd/farebox/serve"
)

func newServe() *cobra.Command {
	var path string
	format := choice{value: "text", allowed: []string{"text", "json"}}
	level := choice{value: "info", allowed: []string{"debug", "info", "warn", "error"}}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the processor and its admin server",
		Long: `Run the processor that Envoy calls, and the admin server that operators and
Prometheus ask. Without --config every setting has its default: listen on
127.0.0.1:9002 and 127.0.0.1:9470, observe, refuse nothing.

The configuration is checked first, as "farebox check" does, and farebox does
not start on an error in it. SIGTERM or SIGINT stops it in order: it turns
unhealthy, lets calls end, settles what is left. A second signal stops it at
once. Logs go to standard error and never hold prompts, answers or keys.`,
		Example: `  farebox serve
  farebox serve --config /etc/farebox/farebox.yaml --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log := newLogger(c.ErrOrStderr(), format.value, level.value)
			conf, err := readConfig(path, log)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal has its usual effect
			return serve.Run(ctx, serve.Source{Path: path, Config: conf}, log)
		},
	}
	c.Flags().StringVarP(&path, "config", "c", "", "configuration `file`; none: defaults")
	c.Flags().Var(&format, "log-format", "form of log lines")
	c.Flags().Var(&level, "log-level", "least level that is logged")
	return c
}

// readConfig loads and checks a configuration, or takes the default one.
// Warnings are logged, errors returned.
func readConfig(path string, log *slog.Logger) (*config.Config, error) {
	if path == "" {
		c := config.Default()
		return &c, nil
	}
	c, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	errs := 0
	for _, f := range config.Check(c) {
		switch f.Severity {
		case config.Alarm:
			errs++
			log.Error("configuration", "file", path, "key", f.Key, "message", f.Message, "hint", f.Hint)
		case config.Note:
			log.Info("configuration", "file", path, "key", f.Key, "message", f.Message, "hint", f.Hint)
		default:
			log.Warn("configuration", "file", path, "key", f.Key, "message", f.Message, "hint", f.Hint)
		}
	}
	if errs > 0 {
		return nil, fmt.Errorf("check configuration: %s: errors: %d", path, errs)
	}
	return c, nil
}

// newLogger makes the logger; both words were checked by their flags.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	o := &slog.HandlerOptions{Level: map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[level]}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
