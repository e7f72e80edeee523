package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Ports are taken from below the range that Linux gives to clients, so that no
// outgoing connection takes one between its reservation and its use.
const firstPort, ports = 20000, 10000

// Port is a TCP port of loopback that no other Kit on the machine is given
// until Release.
type Port struct {
	Number int
	lock   *os.File
}

// Reserve finds a free port.
func Reserve() (*Port, error) {
	dir := filepath.Join(os.TempDir(), "farebox-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	for range 1000 {
		p := &Port{Number: firstPort + rand.IntN(ports)}
		f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(p.Number)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("reserve a port: %w", err)
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && free(p.Addr()) {
			p.lock = f
			return p, nil
		}
		f.Close()
	}
	return nil, fmt.Errorf("reserve a port: none is free in %d to %d", firstPort, firstPort+ports-1)
}

func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Addr is host:port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// Release lets others have the port. Twice is once.
func (p *Port) Release() {
	if p != nil {
		p.lock.Close()
	}
}
