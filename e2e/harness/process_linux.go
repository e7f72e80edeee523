package harness

import "syscall"

// attributes give a child a process group of its own, so that an interrupt at
// the keyboard reaches the program alone, which then ends its children in order;
// and make it end with that program, however that comes about.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
