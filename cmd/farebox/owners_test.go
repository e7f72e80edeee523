package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pipe runs one command line with something on standard input.
func pipe(t *testing.T, in string, args ...string) (out string, err error) {
	t.Helper()
	var o bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&o)
	root.SetErr(&o)
	err = root.ExecuteContext(t.Context())
	return o.String(), err
}

func hashed(t *testing.T, in, file string) []string {
	t.Helper()
	out, err := pipe(t, in, "owners", "hash-key", "--config", file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out)
}

func TestHashKey(t *testing.T) {
	write := func(dir string) string {
		file := filepath.Join(dir, "farebox.yaml")
		if err := os.WriteFile(file, []byte("ledger: {store: \"sqlite:books.db\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	dir := t.TempDir()
	file := write(dir)
	all := hashed(t, "sk-one\r\n\n  sk-two\nsk-one", file)
	form := regexp.MustCompile(`^hmac:[0-9a-f]{32}$`)
	if len(all) != 3 || all[0] != all[2] || all[0] == all[1] || !form.MatchString(all[0]) || !form.MatchString(all[1]) {
		t.Fatalf("the hashes of three keys are %q", all)
	}
	if again := hashed(t, "sk-one", file); again[0] != all[0] {
		t.Errorf("the next time it is %q", again)
	}
	if other := hashed(t, "sk-one", write(t.TempDir())); other[0] == all[0] {
		t.Error("another ledger has the same hash")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("it left %q, %v", files, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "books.db.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret: %v, %v", info, err)
	}
}

func TestHashKeyRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "farebox.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"":                            "there is none on standard input",
		" \n\n":                       "there is none on standard input",
		"\nBearer sk-secret":          "line 2: leave out the word Bearer",
		"sk-secret of mine":           "line 1: a key has no space in it",
		"hmac:sk-secret":              "line 1: it is a hash already",
		strings.Repeat("sk-", maxKey): "line 1: bufio.Scanner: token too long",
	} {
		out, err := pipe(t, in, "owners", "hash-key", "-c", file)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error()+out, "secret") {
			t.Errorf("of %.30q it says %v, want %q", in, err, want)
		}
	}
	for _, args := range [][]string{{"owners", "hash-key", "sk-secret"}, {"owners", "hash-key", "-c", file + "x"}, {"owners", "list"}} {
		out, err := pipe(t, "k", args...)
		if err == nil || strings.Contains(err.Error()+out, "sk-secret") {
			t.Errorf("farebox %q: %v, %s", args, err, out)
		}
	}
}
