//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNoAccounts = errors.New("read a process's accounts: only known on Linux")

func cpuTime(int) (time.Duration, error) { return 0, errNoAccounts }

func resident(int) (int64, error) { return 0, errNoAccounts }
