package harness

import (
	"context"
	"fmt"
	"path/filepath"
)

// ProgramOptions say which program of the checkout runs, and how.
type ProgramOptions struct {
	Package string   // its main package, such as ./e2e/bench/noop; required
	Dir     string   // absolute; where it is built and runs; required
	Args    []string // after its name
}

// StartProgram builds a program that is neither farebox nor Envoy, without cgo,
// and runs it until Stop. It does not wait for it to be ready.
func (k *Kit) StartProgram(ctx context.Context, o ProgramOptions) (*Process, error) {
	name := filepath.Base(o.Package)
	binary := filepath.Join(o.Dir, name)
	k.say("building %s", name)
	if err := k.run(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", binary, o.Package); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return launch(name, o.Dir, nil, append([]string{binary}, o.Args...)...)
}
