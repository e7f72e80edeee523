package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/farebox/farebox/e2e/port"
)

// answerWithin is how long a server is given to answer.
const answerWithin = 30 * time.Second

// Redis is a running Redis or Valkey server on loopback, or one between two runs.
// It keeps what was written over them, unless it is told to Forget.
type Redis struct {
	*Process
	binary string
	dir    string
	port   *port.Port
}

// OpenRedis runs a server until Close. What it writes goes to dir.
func (k *Kit) OpenRedis(ctx context.Context, dir string) (*Redis, error) {
	r := &Redis{dir: dir}
	var err error
	for _, name := range []string{"redis-server", "valkey-server"} {
		if r.binary, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, &Missing{"a Redis server", err}
	}
	if r.port, err = port.Reserve(); err != nil {
		return nil, err
	}
	if err := r.Start(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close ends the server and frees its port.
func (r *Redis) Close() error {
	defer r.port.Release()
	if r.Process == nil {
		return nil
	}
	return r.Kill9()
}

// StartRedis runs a server until t ends, or skips as Start does.
func (k *Kit) StartRedis(t TB) *Redis {
	t.Helper()
	r, err := k.OpenRedis(t.Context(), t.TempDir())
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		if t.Failed() {
			t.Logf("redis wrote:\n%s", r.Log())
		}
	})
	return r
}

// Start runs it again on the same address. The former process must have ended.
func (r *Redis) Start(ctx context.Context) (err error) {
	r.Process, err = launch("redis", r.dir, nil, r.binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(r.port.Number),
		"--dir", r.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "no")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		if r.command(ctx, "PING") == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.Done():
			return fmt.Errorf("start redis: it ended:\n%s", r.Log())
		case <-ctx.Done():
			return fmt.Errorf("start redis: it does not answer:\n%s", r.Log())
		}
	}
}

// Forget has it lose all that it has.
func (r *Redis) Forget(ctx context.Context) error { return r.command(ctx, "FLUSHALL") }

// Addr is its host:port.
func (r *Redis) Addr() string { return r.port.Addr() }

// Scripts is how many scripts it has run.
func (r *Redis) Scripts(ctx context.Context) (n int64, err error) {
	c, all, _, err := r.ask(ctx, "INFO commandstats")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	lines := bufio.NewScanner(all)
	for lines.Scan() && lines.Text() != "" {
		if _, err := fmt.Sscanf(lines.Text(), "cmdstat_evalsha:calls=%d", &n); err == nil {
			return n, nil
		}
	}
	return 0, errors.Join(errors.New("redis has run no script"), lines.Err())
}

// command runs a command that is answered by a word.
func (r *Redis) command(ctx context.Context, text string) error {
	c, _, line, err := r.ask(ctx, text)
	if err != nil {
		return err
	}
	defer c.Close()
	if line[0] != '+' {
		return errors.New("redis says " + line)
	}
	return nil
}

// ask sends a command, and reads the first line of its answer; rest is what
// follows. Who has asked closes c.
func (r *Redis) ask(ctx context.Context, text string) (c net.Conn, rest *bufio.Reader, line string, err error) {
	if c, err = (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, "tcp", r.Addr()); err != nil {
		return nil, nil, "", err
	}
	rest = bufio.NewReader(c)
	err = c.SetDeadline(time.Now().Add(answerWithin))
	if err == nil {
		_, err = fmt.Fprintf(c, "%s\r\n", text)
	}
	if err == nil {
		line, err = rest.ReadString('\n')
	}
	if err != nil {
		return nil, nil, "", errors.Join(err, c.Close())
	}
	return c, rest, line, nil
}
