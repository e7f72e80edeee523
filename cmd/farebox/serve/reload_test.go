package serve

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farebox/farebox/cmd/farebox/config"
	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/budget"
	"github.com/farebox/farebox/policy/ledger"
	"github.com/farebox/farebox/policy/ledger/ledgertest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// house is a served configuration file without its listeners.
type house struct {
	path     string
	reloader *reloader
}

func newHouse(t *testing.T, text string) *house {
	t.Helper()
	h := &house{path: filepath.Join(t.TempDir(), "farebox.yaml")}
	h.write(t, text)
	c, err := config.Load(h.path)
	if err != nil {
		t.Fatal(err)
	}
	log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	b, err := openBooks(t.Context(), c, reg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.close() })
	p, err := newCallPath(t.Context(), c, b, budget.NewMemory(nil), reg, log)
	if err != nil {
		t.Fatal(err)
	}
	if h.reloader, err = newReloader(Source{Path: h.path, Config: c}, p, reg, log); err != nil {
		t.Fatal(err)
	}
	return h
}

// inOneMonth waits for the next month (UTC) where this one ends before a test may have.
func inOneMonth(t *testing.T) {
	t.Helper()
	now := time.Now().UTC()
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	if left := next.Sub(now); left < 2*time.Minute {
		<-time.After(left + time.Second)
	}
}

func (h *house) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(h.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAChangedFileIsTakenWholeOrNotAtAll(t *testing.T) {
	h := newHouse(t, "mode: observe\n")
	hash := testutil.ToFloat64(h.reloader.hash)
	for _, step := range []struct {
		name, text string
		taken      bool
		mode       config.Mode
	}{
		{"a right one", "mode: enforce\n", true, config.Enforce},
		{"a misspelt key", "mood: observe\n", false, config.Enforce},
		{"an alarm of check", "{mode: observe, limits: {inflight_bytes: 16MiB}}\n", false, config.Enforce},
		{"what needs a restart", "{mode: observe, ledger: {durability: power}}\n", false, config.Enforce},
		{"right again", "mode: observe\n", true, config.Observe},
	} {
		h.write(t, step.text)
		h.reloader.look(t.Context(), false)
		if got := h.reloader.now().Mode; got != step.mode {
			t.Errorf("%s: mode %s, want %s", step.name, got, step.mode)
		}
		if got := testutil.ToFloat64(h.reloader.success) == 1; got != step.taken {
			t.Errorf("%s: last_reload_successful %v, want %v", step.name, got, step.taken)
		}
	}
	if got := testutil.ToFloat64(h.reloader.hash); got != hash || hash == 0 {
		t.Errorf("hash %v for the first configuration again, want %v", got, hash)
	}
}

func TestASymlinkSwapIsSeen(t *testing.T) {
	h := newHouse(t, "mode: observe\n")
	dir := filepath.Dir(h.path)
	next := filepath.Join(dir, "next.yaml")
	if err := os.WriteFile(next, []byte("mode: enforce\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(next, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "link"), h.path); err != nil {
		t.Fatal(err)
	}
	h.reloader.look(t.Context(), false)
	if got := h.reloader.now().Mode; got != config.Enforce {
		t.Errorf("mode %s, want enforce", got)
	}
}

func TestAFileThatIsGoneKeepsTheOldConfiguration(t *testing.T) {
	h := newHouse(t, "mode: enforce\n")
	if err := os.Remove(h.path); err != nil {
		t.Fatal(err)
	}
	h.reloader.look(t.Context(), true)
	if h.reloader.now().Mode != config.Enforce || testutil.ToFloat64(h.reloader.success) != 0 {
		t.Error("a missing file was taken")
	}
}

func TestNeedRestart(t *testing.T) {
	was, is := config.Default(), config.Default()
	is.Listen.Admin.Address, is.Metering.MaxRequestBody = "127.0.0.1:1", 1<<30
	if got := strings.Join(needRestart(&was, &is), " and "); got != "listen and metering.max_request_body (to more than at the start)" {
		t.Errorf("needRestart = %s", got)
	}
	if got := needRestart(&was, &was); len(got) != 0 {
		t.Errorf("needRestart of the same = %v", got)
	}
}

// TestAnotherIdleTimeIsTaken without a restart: an interaction whose last call was
// two minutes ago is over after one minute, and not after ten.
func TestAnotherIdleTimeIsTaken(t *testing.T) {
	h := newHouse(t, "interactions: {idle: 10m}\n")
	p := h.reloader.call
	last := ledgertest.Record(2)
	last.Completed = time.Now().Add(-2 * time.Minute)
	if err := p.store.Write(t.Context(), ledger.Batch{Records: []policy.Record{last}}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		text   string
		series int
	}{{"interactions: {idle: 9m}\n", 0}, {"interactions: {idle: 1m}\n", 2}} {
		h.write(t, step.text)
		h.reloader.look(t.Context(), false)
		if n := testutil.CollectAndCount(p.over); n != step.series {
			t.Errorf("%s: %d series, want %d", step.text, n, step.series)
		}
	}
}
