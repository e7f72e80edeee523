package harness

import "syscall"

// attributes make a child end when the program that started it ends, however
// that comes about.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
