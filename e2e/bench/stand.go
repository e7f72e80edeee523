package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/farebox/farebox/e2e/harness"
	"github.com/farebox/farebox/e2e/port"
	"github.com/farebox/farebox/envoy"
)

// What stands between the caller and the provider.
const (
	variantEnvoy   = "envoy"   // nothing: the shipped configuration without the filter
	variantNoop    = "noop"    // the yardstick
	variantFarebox = "farebox" // the built binary, everything on but budgets
	variantBudgets = "budgets" // as farebox, and five budgets in its memory
	variantRedis   = "redis"   // as budgets, in a Redis server of its own
)

// stand is one variant, running: an Envoy and, but for Envoy alone, a processor
// behind it.
type stand struct {
	variant   string
	caller    *caller
	envoy     *harness.Envoy
	processor *harness.Process // nil for Envoy alone
	farebox   *harness.Farebox // nil but for a Farebox, whose process the processor is
	redis     *harness.Redis   // nil but over Redis
	port      *port.Port       // the no-op's; nil otherwise
}

// setup says what stands are made of.
type setup struct {
	kit      *harness.Kit
	dir      string // for configurations and ledgers; must exist
	provider string // host:port
	clock    clock
}

// start starts a variant and waits until it serves a call.
func (su setup) start(ctx context.Context, variant string, first *scenario) (*stand, error) {
	st := &stand{variant: variant}
	err := su.launch(ctx, st)
	if err == nil {
		st.caller = newCaller(su.clock, st.envoy.URL()+"/v1/chat/completions")
		err = st.wait(ctx, first)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", variant, err), st.stop())
	}
	return st, nil
}

// launch starts the processor, then Envoy.
func (su setup) launch(ctx context.Context, st *stand) (err error) {
	dir := filepath.Join(su.dir, st.variant)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	o := envoy.Options{Upstream: su.provider}
	switch st.variant {
	case variantNoop:
		if st.port, err = port.Reserve(); err != nil {
			return err
		}
		o.Farebox = st.port.Addr()
		st.processor, err = su.kit.StartProgram(ctx, harness.ProgramOptions{
			Package: "./e2e/bench/noop", Dir: dir, Args: []string{"-listen", o.Farebox},
		})
	case variantFarebox:
		err = su.launchFarebox(ctx, st, dir, fareboxConfig)
	case variantBudgets:
		err = su.launchFarebox(ctx, st, dir, enforcing(""))
	case variantRedis:
		if st.redis, err = su.kit.OpenRedis(ctx, dir); err == nil {
			err = su.launchFarebox(ctx, st, dir, enforcing(fmt.Sprintf("state: {store: \"redis://%s/0\"}\n", st.redis.Addr())))
		}
	}
	if st.farebox != nil {
		o.Farebox = st.farebox.Addr()
	}
	if err != nil {
		return err
	}
	st.envoy, err = su.kit.StartEnvoy(ctx, harness.EnvoyOptions{Options: o, Config: configFor(st.variant), Dir: dir})
	return err
}

func (su setup) launchFarebox(ctx context.Context, st *stand, dir, config string) (err error) {
	if st.farebox, err = su.kit.StartFarebox(ctx, harness.FareboxOptions{Dir: dir, Config: config}); err == nil {
		st.processor = st.farebox.Process
	}
	return err
}

// wait returns when a call went through, or with the last reason why none does.
func (st *stand) wait(ctx context.Context, s *scenario) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		_, err := st.caller.slice(ctx, s, 1)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if st.processor != nil {
				err = fmt.Errorf("%w; the processor wrote:\n%s", err, st.processor.Log())
			}
			return fmt.Errorf("wait for the first answer: %w; Envoy wrote:\n%s", err, st.envoy.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// takes says whether a scenario goes through the stand. What a budget costs, it
// costs once a call, so that budgets need no larger bodies.
func (st *stand) takes(s *scenario) bool {
	return !st.budgeted() || s.name == jsonSmall || s.name == ssePaced
}

func (st *stand) budgeted() bool { return st.variant == variantBudgets || st.variant == variantRedis }

// stop ends what was started, Envoy first.
func (st *stand) stop() error {
	var errs []error
	if st.envoy != nil {
		errs = append(errs, st.envoy.Stop())
	}
	switch {
	case st.farebox != nil:
		errs = append(errs, st.farebox.Stop())
	case st.processor != nil:
		errs = append(errs, st.processor.Stop())
	}
	if st.redis != nil {
		errs = append(errs, st.redis.Close())
	}
	st.port.Release()
	return errors.Join(errs...)
}

// account reads what the stand has spent since it was started, but for the
// messages.
func (st *stand) account() (spent, error) {
	var s spent
	var err error
	if s.envoy, err = cpuTime(st.envoy.PID()); err != nil {
		return s, err
	}
	if s.envoyMemory, err = resident(st.envoy.PID()); err != nil || st.processor == nil {
		return s, err
	}
	if s.processor, err = cpuTime(st.processor.PID()); err != nil {
		return s, err
	}
	if s.processorMemory, err = resident(st.processor.PID()); err != nil || st.redis == nil {
		return s, err
	}
	s.redis, err = cpuTime(st.redis.PID())
	return s, err
}

// messages asks Envoy how many it has sent to the processor. The asking costs
// Envoy something, so it is done outside of what is measured.
func (st *stand) messages(ctx context.Context) (int64, error) {
	if st.processor == nil {
		return 0, nil
	}
	stats, err := st.envoy.Stats(ctx, ".stream_msgs_sent")
	if err != nil {
		return 0, err
	}
	if len(stats) != 1 {
		return 0, fmt.Errorf("read envoy's stats: %d counts of messages, want 1", len(stats))
	}
	var n int64
	for _, n = range stats {
	}
	return n, nil
}
