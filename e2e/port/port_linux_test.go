package port_test

import (
	"net"
	"testing"
)

func TestNoClientTakesAReservedPort(t *testing.T) {
	t.Parallel()
	p := reserve(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.Number}}
	if c, err := from.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Errorf("a client has port %d", p.Number)
	}
}
