package engine_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/port"
)

// startRedis starts a real server that ends with t and is ready; forget has it lose all.
// Where there is none to start, t is skipped, but not in CI.
func startRedis(t *testing.T) (address string, forget func()) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no redis-server: make deps installs it")
		}
		t.Skip("there is no redis-server: make deps installs it")
	}
	at, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Release)
	address = at.Addr()
	server := exec.Command(path, "--bind", "127.0.0.1", "--port", strconv.Itoa(at.Number), "--save", "", "--dir", t.TempDir())
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	lines := bufio.NewScanner(out)
	for !strings.Contains(lines.Text(), "Ready to accept connections") {
		if !lines.Scan() {
			t.Fatal("redis-server ended before it was ready")
		}
	}
	go func() { // ends with the process
		for lines.Scan() {
		}
	}()
	return address, func() {
		t.Helper()
		if said := tellRedis(t, address, "FLUSHALL"); said != "+OK" {
			t.Fatalf("it said %q", said)
		}
	}
}

// tellRedis has a server do something, and returns the first line of what it says.
func tellRedis(t *testing.T, address, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(said)
}
