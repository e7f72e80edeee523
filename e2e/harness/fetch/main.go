// Command fetch gets the pinned parts of the e2e stories and the demo into the
// checkout's .cache and says where they are. It installs nothing elsewhere.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/farebox/farebox/e2e/harness"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := fetch(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

func fetch(ctx context.Context) error {
	kit, err := harness.Open(harness.Options{Progress: os.Stdout})
	if err != nil {
		return err
	}
	python, err := kit.Python(ctx)
	if err != nil {
		return err
	}
	envoy, err := kit.Envoy(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("envoy  %s\nmodel  %s\n", envoy, python)
	if _, err := kit.PythonClients(ctx); err != nil {
		return err
	}
	if _, err := kit.NodeClients(ctx); err != nil {
		if os.Getenv("CI") == "true" {
			return err
		}
		fmt.Println(err) // the stories of npm clients are skipped without
	}
	return nil
}
