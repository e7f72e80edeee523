//go:build !linux

package harness

import "syscall"

// attributes has nothing to offer here: a child may outlive a killed parent.
func attributes() *syscall.SysProcAttr { return nil }
