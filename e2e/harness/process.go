package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// How long processes are given, also on a machine that is busy with much else, and
// how much of what they say is kept.
const (
	readyWithin = 2 * time.Minute
	stopWithin  = time.Minute
	readyPoll   = 10 * time.Millisecond
	keptLog     = 1 << 20 // bytes, the last ones
)

// Process is one child. It dies with the program that started it.
type Process struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer // closed when it is to end by that
	log  *tail
	done chan struct{} // closed when it has ended
	err  error         // of Wait; read after done
}

// launch starts argv in dir. All that it writes goes to the log; lines of its
// standard output go to each as they come, if that is not nil.
func launch(name, dir string, each func(line []byte), argv ...string) (*Process, error) {
	p := &Process{name: name, cmd: exec.Command(argv[0], argv[1:]...), log: &tail{}, done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if each != nil {
		p.cmd.Stdout = io.MultiWriter(p.log, &splitter{each: each})
	}
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = time.Second // for an heir that keeps its output open
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is the last of what it wrote, at most a MiB.
func (p *Process) Log() string { return p.log.String() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status is the exit status of a process that has ended, and -1 of one that a
// signal ended.
func (p *Process) Status() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends sig to this process alone.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// Kill9 ends the process at once, as a crash would, and waits for its end.
func (p *Process) Kill9() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Stop asks the process to end, and ends it if it does not. The error is of a
// process that had to be killed or that ended with a bad status. Twice is once.
func (p *Process) Stop() error {
	_ = p.in.Close() // for those that end by it; the others do not read
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("stop %s: it did not end within %v of SIGTERM", p.name, stopWithin)
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) {
		status, ok := exit.Sys().(syscall.WaitStatus)
		if !ok {
			return fmt.Errorf("stop %s: %w", p.name, p.err)
		}
		switch status.Signal() {
		case syscall.SIGTERM, syscall.SIGKILL:
			return nil // by us: SIGTERM that is not handled, or an earlier Kill9
		}
	}
	if p.err != nil && !errors.Is(p.err, exec.ErrWaitDelay) {
		return fmt.Errorf("stop %s: %w", p.name, p.err)
	}
	return nil
}

// await polls url until it answers 200, and ends the process if it never does.
func (p *Process) await(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		if _, err := fetchText(ctx, client, url); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("start %s: it ended (%v):\n%s", p.name, p.err, p.Log()) //nolint:errorlint // nil where it ended with status 0
		case <-ctx.Done():
			_ = p.Kill9()
			return fmt.Errorf("start %s: %s is not ready: %w:\n%s", p.name, url, ctx.Err(), p.Log())
		}
	}
}

// fetchText gets a page; another status than 200 is an error.
func fetchText(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s", url, resp.Status)
	}
	return body, err
}

// tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - keptLog; over > keptLog {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept[max(0, len(t.kept)-keptLog):])
}

// splitter shows what is written to it line by line. It has one writer.
type splitter struct {
	each    func([]byte)
	partial []byte
}

func (s *splitter) Write(b []byte) (int, error) {
	s.partial = append(s.partial, b...)
	for {
		line, rest, found := bytes.Cut(s.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		s.each(line)
		s.partial = append(s.partial[:0], rest...)
	}
}
