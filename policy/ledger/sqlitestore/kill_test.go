package sqlitestore_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/farebox/farebox/policy/ledger/sqlitestore"
)

// childEnv names the ledger in the process that is to be killed.
const childEnv = "FAREBOX_TEST_LEDGER"

// TestKill kills a process in the middle of its commits: what it acknowledged
// must be there, whole, and its openings closed.
func TestKill(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		writeUntilKilled(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "l.db")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	child.Env = append(os.Environ(), childEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := readUntilKilled(t, child, out)
	if err := child.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
	s := open(t, path, ledger.Process)
	isOpen := map[string]bool{}
	left, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range left {
		isOpen[o.Ticket.ID.String()] = true
	}
	for _, id := range acknowledged {
		found, err := s.Find(t.Context(), id, 2)
		if err != nil || len(found) != 1 || len(found[0].Lines) != 2 {
			t.Fatalf("acknowledged %s: found %v, %v", id, found, err)
		}
		if isOpen[id] {
			t.Errorf("acknowledged %s is open", id)
		}
		var call policy.CallID
		if err := call.UnmarshalText([]byte(id)); err != nil {
			t.Fatal(err)
		}
		if before := unsettled(call); !isOpen[before.String()] {
			t.Errorf("%s was opened before %s was acknowledged, and is not open", before, id)
		}
	}
	t.Logf("%d acknowledged, %d left open", len(acknowledged), len(left))
}

// readUntilKilled kills the child once it has acknowledged enough, and reads the
// rest of what it said.
func readUntilKilled(t *testing.T, child *exec.Cmd, out io.Reader) (acknowledged []string) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // what has no end of line was not said
			break
		}
		id, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "ok ")
		if !ok {
			t.Errorf("the child says %q", line)
			continue
		}
		acknowledged = append(acknowledged, id)
		if len(acknowledged) == 400 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(acknowledged) < 400 {
		t.Fatalf("the child ended after %d records", len(acknowledged))
	}
	return acknowledged
}

// unsettled is a call that is opened before another, and never settled.
func unsettled(before policy.CallID) policy.CallID {
	before[0] = 0xff
	return before
}

// writeUntilKilled says each record that was acknowledged, in one write.
func writeUntilKilled(t *testing.T, path string) {
	s, err := sqlitestore.Open(t.Context(), path, ledger.Process)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ledger.NewWriter(ledger.Options{Store: s, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for n := range 8 {
		writers.Go(func() {
			for i := n; i < 1_000_000; i += 8 {
				o := ledgertest.Opening(i)
				w.Open(o)
				o.Ticket.ID = unsettled(o.Ticket.ID)
				w.Open(o)
				r := ledgertest.Record(i)
				if err := w.Record(t.Context(), r); err != nil {
					fmt.Println(err)
					return
				}
				fmt.Fprintf(os.Stdout, "ok %s\n", r.ID)
			}
		})
	}
	writers.Wait()
}
