package redisstore

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/port"
)

// server is a real one on a loopback port, with its data in dir.
type server struct {
	t       testing.TB
	address string
	dir     string
	args    []string
	process *exec.Cmd
}

// startServer starts one that ends with t. Where there is none to start, t is
// skipped, but not in CI.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, address: freeAddress(t), dir: t.TempDir(), args: args}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func binaryOf(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no redis-server: make deps installs it")
	}
	t.Skip("there is no redis-server: make deps installs it")
	return ""
}

// freeAddress is one that is t's alone.
func freeAddress(t testing.TB) string {
	t.Helper()
	p, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p.Addr()
}

// startSentinel starts one that watches what its file says.
func startSentinel(t testing.TB, file string) *server {
	t.Helper()
	s := &server{t: t, address: freeAddress(t), dir: t.TempDir(), args: []string{file, "--sentinel"}}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start starts it, again after kill, and waits until it takes connections.
func (s *server) start() {
	s.t.Helper()
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(portOf(s.address)), "--dir", s.dir}
	until := "Ready to accept connections"
	if slices.Contains(s.args, "--sentinel") {
		args, until = append(slices.Clone(s.args), args...), "monitor master"
	} else {
		args = append(append(args, "--save", ""), s.args...)
	}
	s.process = exec.Command(binaryOf(s.t), args...)
	out, err := s.process.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready, lines := make(chan struct{}), []string(nil)
	go func() { // ends with the process
		once := sync.Once{}
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if strings.Contains(scan.Text(), until) {
				once.Do(func() { close(ready) })
			}
			select {
			case <-ready:
			default:
				lines = append(lines, scan.Text())
			}
		}
		once.Do(func() { s.t.Errorf("the server ended:\n%s", strings.Join(lines, "\n")); close(ready) })
	}()
	select {
	case <-ready:
	case <-time.After(2 * time.Minute):
		s.t.Fatal("the server is not ready after 2 minutes")
	}
}

// kill ends it at once, as a loss of power to the process does.
func (s *server) kill() {
	s.process.Process.Kill()
	s.process.Wait()
}

// command runs a command of the server by its own protocol, and returns its answer
// as it came, trimmed.
func (s *server) command(words ...string) string {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	text := "*" + strconv.Itoa(len(words)) + "\r\n"
	for _, w := range words {
		text += "$" + strconv.Itoa(len(w)) + "\r\n" + w + "\r\n"
	}
	if _, err := c.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite() // so that the answer ends
	answer, err := io.ReadAll(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(answer))
}
