package port_test

import (
	"net"
	"testing"

	"github.com/farebox/farebox/e2e/port"
)

func reserve(t *testing.T) *port.Port {
	t.Helper()
	p, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p
}

func TestReserveNeverGivesTwice(t *testing.T) {
	t.Parallel()
	given := map[int]bool{}
	for range 50 {
		p := reserve(t)
		if given[p.Number] {
			t.Fatalf("port %d twice", p.Number)
		}
		given[p.Number] = true
	}
}

// TestAReservedPortIsForServers: they come and go, also after connections that the
// system remembers for a while, and nobody is there in between.
func TestAReservedPortIsForServers(t *testing.T) {
	t.Parallel()
	p := reserve(t)
	for range 3 {
		l, err := net.Listen("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		served, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		served.Close() // first: its side is the one that is remembered
		c.Close()
		l.Close()
		if c, err := net.Dial("tcp", p.Addr()); err == nil {
			c.Close()
			t.Fatal("somebody listens")
		}
	}
	p.Release()
	p.Release()
}
