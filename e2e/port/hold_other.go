//go:build !linux

package port

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// hold locks a file of the port's number, so that no other Reserve gives it, and
// sees that nobody listens now.
func hold(number int) (io.Closer, error) {
	dir := filepath.Join(os.TempDir(), "farebox-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := strconv.Itoa(number)
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", name)); err == nil {
			err = l.Close()
		}
	}
	if err != nil {
		_ = f.Close() // the first error tells
		return nil, err
	}
	return f, nil
}
