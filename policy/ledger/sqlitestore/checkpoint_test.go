package sqlitestore_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/farebox/farebox/policy/ledger"
)

// A checkpoint beside which nothing is written has the WAL begin anew.
func TestCheckpointBeginsTheWALAnew(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	n := 0
	fill := func() {
		for range 50 {
			write(t, s, ledger.Batch{Records: records(n)})
			n++
		}
	}
	fill()
	size := s.WAL(t)
	for range 10 {
		s.Checkpoint(t, 1<<30)
		fill()
	}
	if got := s.WAL(t); got > 2*size {
		t.Errorf("the WAL has %d bytes, and had %d before the first checkpoint", got, size)
	}
	wantFound(t, s, n)
}

// Under a flood that never pauses, the last checkpoint holds it up, so that the
// WAL does not grow with what was written.
func TestCheckpointUnderFlood(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "l.db"), ledger.Process)
	done := make(chan struct{})
	var flood sync.WaitGroup
	flood.Go(func() {
		defer close(done)
		for n := range 600 {
			if err := s.Write(t.Context(), ledger.Batch{Records: records(n)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for flooding := true; flooding; {
		s.Checkpoint(t, 1)
		select {
		case <-done:
			flooding = false
		default:
		}
	}
	flood.Wait()
	wantFound(t, s, 600)
	// What is checkpointed is written over: the file grows no more.
	s.Checkpoint(t, 1)
	size := s.WAL(t)
	for n := range 50 {
		if err := s.Write(t.Context(), ledger.Batch{Records: records(600 + n)}); err != nil {
			t.Fatal(err)
		}
		s.Checkpoint(t, 1)
	}
	if grown := s.WAL(t); grown > size {
		t.Errorf("the WAL grew from %d to %d bytes over pages that were checkpointed", size, grown)
	}
}
