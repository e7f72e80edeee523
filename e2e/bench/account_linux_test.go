package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestAccountsOfAProcess(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var after time.Duration
	for begin := time.Now(); after-before < 10*time.Millisecond && time.Since(begin) < time.Minute; { // computes until it shows
		if after, err = cpuTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if after-before < 10*time.Millisecond {
		t.Errorf("cpuTime grew by %v while this computed for a minute", after-before)
	}
	if n, err := resident(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("resident = %d, %v, want a megabyte at least", n, err)
	}
}

func TestAccountsOfAnEndedProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run", "^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if d, err := cpuTime(cmd.Process.Pid); err == nil {
		t.Errorf("cpuTime of an ended process = %v, want an error", d)
	}
	if n, err := resident(cmd.Process.Pid); err == nil {
		t.Errorf("resident of an ended process = %v, want an error", n)
	}
}
