package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
)

// A sidecar's Envoy and an egress gateway both have a Farebox: who pays is known
// at the first, and the second must not bill again.
func TestACallThatPassesTwoFareboxesIsPaidOnce(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "stamp.keys")
	if err := os.WriteFile(keys, []byte("a key that both of them share, of some length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	egress := kit.Start(t, harness.StackOptions{Config: shop + "stamp: {key_file: " + keys + ", sign: false}\n"})
	o := harness.EnvoyOptions{}
	o.Upstream = egress.Envoy.Addr()
	sidecar := kit.Start(t, harness.StackOptions{Config: shop + "stamp: {key_file: " + keys + "}\n", Envoy: o})

	e := ask(sidecar, chatPath, streamBody)
	if g := e.run(t.Context()); !g.done() || g.status != http.StatusOK {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	if b := settled(t, sidecar.Farebox, e.trace); b.Source != "reported" || b.Outcome != "served" {
		t.Errorf("the first says %+v", b)
	}
	if c := callOf(t, egress, e); c.Header.Get("X-Farebox-Call") != "" {
		t.Errorf("the provider was shown a stamp")
	}

	// One that nobody there can have made is not believed: that call is paid at the
	// gateway, and is the only one there.
	forged := ask(egress, chatPath, streamBody)
	forged.header.Set("X-Farebox-Call", "v1.01a21102-24dc-7894-aedf-23f2ad65eadc.1790000000.00")
	if g := forged.run(t.Context()); !g.done() {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	if b := settled(t, egress.Farebox, forged.trace); b.Outcome != "served" || b.Source != "reported" {
		t.Errorf("the record of the forged one says %+v", b)
	}
	if b, err := bills(t.Context(), egress.Farebox, e.trace); err != nil || len(b) != 0 {
		t.Errorf("the second has %d records of what the first paid, %v", len(b), err)
	}
	if c := callOf(t, egress, forged); c.Header.Get("X-Farebox-Call") != "" {
		t.Errorf("the provider was shown a forged stamp")
	}
}
