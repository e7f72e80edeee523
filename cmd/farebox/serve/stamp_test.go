package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/cmd/farebox/config"
)

func TestStampKeys(t *testing.T) {
	long := strings.Repeat("k", leastStampKey)
	for _, c := range []struct {
		name, file string
		keys       int
		wrong      string
	}{
		{"one", long, 1, ""},
		{"two, and empty lines", "\n" + long + "\r\n\n" + long + "2\n", 2, ""},
		{"short", "short", 0, "has 5 bytes, want 32 to 512"},
		{"empty", "\n", 0, "holds 0 keys"},
		{"too many", strings.Repeat(long+"\n", mostStampKeys+1), 0, "holds 17 keys"},
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := stampKeys(&config.Stamp{KeyFile: config.File(file)})
		switch {
		case c.wrong == "" && (err != nil || len(keys) != c.keys):
			t.Errorf("%s: %d keys, %v", c.name, len(keys), err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), long)):
			t.Errorf("%s: %v, want it to say %q and no key", c.name, err, c.wrong)
		}
	}
	if _, err := stampKeys(&config.Stamp{KeyFile: "/nowhere/keys"}); err == nil {
		t.Error("an absent file is no mistake")
	}
	if keys, err := stampKeys(nil); keys != nil || err != nil {
		t.Errorf("%v, %v", keys, err)
	}
}
