//go:build !linux

package harness

import "syscall"

// attributes give a child a process group of its own, so that an interrupt at
// the keyboard reaches the program alone. Here a child may outlive a program
// that was killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
