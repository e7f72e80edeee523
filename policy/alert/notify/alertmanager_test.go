package notify_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/farebox/farebox/e2e/port"
	"github.com/farebox/farebox/policy/alert/notify"
)

// alertmanager starts a real one: $ALERTMANAGER, or one of the path. Where there is
// none t is skipped, but not in CI.
func alertmanager(t *testing.T) (address string) {
	t.Helper()
	binary := os.Getenv("ALERTMANAGER")
	for _, name := range []string{"alertmanager", "prometheus-alertmanager"} {
		if found, err := exec.LookPath(name); binary == "" && err == nil {
			binary = found
		}
	}
	const none = "there is no Alertmanager: make deps installs it, or ALERTMANAGER names one"
	if binary == "" && os.Getenv("CI") == "true" {
		t.Fatal(none)
	}
	if binary == "" {
		t.Skip(none)
	}
	at, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Release)
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: none}\nreceivers: [{name: none}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := exec.CommandContext(ctx, binary, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+at.Addr(), "--cluster.listen-address=")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = c.Wait() // it was killed
	})
	return "http://" + at.Addr()
}

// TestARealAlertmanager takes alerts, and knows one that comes twice.
func TestARealAlertmanager(t *testing.T) {
	address := alertmanager(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	n, sent := notify.NewAlertmanager(address, notify.HTTP{}), notice("")
	for i := range sent.Alerts {
		sent.Alerts[i].At, sent.Alerts[i].End = time.Now(), time.Now().Add(time.Hour)
	}
	var err error
	for err = n.Notify(ctx, sent); err != nil && ctx.Err() == nil; err = n.Notify(ctx, sent) { // until it listens
		t.Log(err)
		<-time.After(100 * time.Millisecond)
	}
	if err == nil {
		err = n.Notify(ctx, sent)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/v2/alerts", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var all []struct {
		Labels map[string]string
		Status struct{ State string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, a := range all {
		names[a.Labels["alertname"]+" "+a.Labels["severity"]+" "+a.Status.State]++
	}
	if len(all) != 2 || names["FareboxBudget critical active"] != 1 || names["FareboxSpendSpike warning active"] != 1 {
		t.Errorf("it knows %v", names)
	}
}
