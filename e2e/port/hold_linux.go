package port

import (
	"io"
	"os"
	"syscall"
)

// hold binds a socket to a port that nobody else has, and never listens. Whoever
// sets SO_REUSEADDR, as servers do, may bind it as well and listen; the system
// gives it to no client, and hold to nobody.
func hold(number int) (io.Closer, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	held := os.NewFile(uintptr(fd), "port")
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		_ = held.Close() // the first error tells
		return nil, os.NewSyscallError("bind", err)
	}
	// Only now: with it, two could bind the same port here.
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		_ = held.Close()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	return held, nil
}
