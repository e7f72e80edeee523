// Package port reserves TCP ports of loopback for servers that a test starts. A
// port goes out that is the caller's alone until Release, also before its server
// listens and between two runs of it. It refuses to know what listens there.
package port

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range that Linux gives to clients.
const first, ports = 20000, 10000

// Port is a reserved TCP port of loopback.
type Port struct {
	Number int
	held   io.Closer
}

// Reserve finds a free port. It is safe for concurrent use, also by several
// processes.
func Reserve() (*Port, error) {
	var err error
	for range 1000 {
		p := &Port{Number: first + rand.IntN(ports)}
		if p.held, err = hold(p.Number); err == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("reserve a port of %d to %d: %w", first, first+ports-1, err)
}

// Addr is host:port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// Release lets others have the port. Twice is once.
func (p *Port) Release() {
	if p != nil {
		_ = p.held.Close() // the second time fails
	}
}
