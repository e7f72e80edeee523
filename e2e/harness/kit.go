// Package harness runs the real parts of a story: Envoy, the built farebox
// binary and a small language model, each as a process of its own on loopback.
// A configuration comes in, addresses and evidence go out. It refuses to know
// what a story asserts, and farebox from the inside: it asks the admin server
// like anyone else.
//
// Nothing here imports testing; what a test has is described by TB. A Kit, and
// the processes it starts, are safe for concurrent use.
package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Kit is a checkout and what was found, fetched and built for it. Make one for
// each program with Open, and Close it.
type Kit struct {
	root     string
	progress io.Writer
	race     bool

	envoy   once[string]
	python  once[string]
	farebox once[string]
	model   once[*Model]

	pyClients  once[*Clients]
	npmClients once[*Clients]
}

// Options of a Kit. The zero value works inside the checkout.
type Options struct {
	Root     string    // of the checkout; empty: the nearest folder upwards with a go.mod
	Progress io.Writer // plain lines, when something takes long; nil discards
	Race     bool      // build farebox with the race detector (needs gcc)
}

// Missing says that a real part is not here and could not be had, and what a
// person can do about it.
type Missing struct {
	Part string
	Err  error
}

func (m *Missing) Error() string { return "find " + m.Part + ": " + m.Err.Error() }

// Unwrap is the reason.
func (m *Missing) Unwrap() error { return m.Err }

// once makes a value at the first call that succeeds or fails, and remembers.
type once[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
	err  error
}

func (o *once[T]) get(make func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.done {
		o.v, o.err = make()
		o.done = true
	}
	return o.v, o.err
}

// Open finds the checkout.
func Open(o Options) (*Kit, error) {
	k := &Kit{root: o.Root, progress: o.Progress, race: o.Race}
	if k.progress == nil {
		k.progress = io.Discard
	}
	if k.root != "" {
		return k, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the checkout: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			k.root = at
			return k, nil
		}
		if at == filepath.Dir(at) {
			return nil, errors.New("find the checkout: no go.mod in " + dir + " or above")
		}
	}
}

// Root is the checkout.
func (k *Kit) Root() string { return k.root }

// Cache is a folder of the checkout that git ignores.
func (k *Kit) Cache(name string) string { return filepath.Join(k.root, ".cache", name) }

// Close ends what the kit shares: the model.
func (k *Kit) Close() error {
	k.model.mu.Lock()
	defer k.model.mu.Unlock()
	if k.model.v == nil {
		return nil
	}
	return k.model.v.Stop()
}

// Farebox returns the binary: $FAREBOX_BINARY, or built from the checkout, once
// for each kit.
func (k *Kit) Farebox(ctx context.Context) (string, error) {
	return k.farebox.get(func() (string, error) {
		if path := os.Getenv("FAREBOX_BINARY"); path != "" {
			return path, nil
		}
		name, cgo := "farebox", "CGO_ENABLED=0"
		args := []string{"build", "-trimpath"}
		if k.race {
			// As go test -race builds it, so that little is compiled twice.
			name, cgo, args = "farebox-race", "CGO_ENABLED=1", []string{"build", "-race"}
		}
		k.say("building %s", name)
		path := filepath.Join(k.Cache("bin"), name)
		return path, k.exclusively("bin.lock", func() error {
			fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
			defer os.Remove(fresh) // it is gone when all went well
			if err := k.run(ctx, []string{cgo}, "go", append(args, "-o", fresh, "./cmd/farebox")...); err != nil {
				return err
			}
			return os.Rename(fresh, path) // what runs from the old file goes on
		})
	})
}

func (k *Kit) say(format string, args ...any) {
	fmt.Fprintf(k.progress, format+"\n", args...)
}
