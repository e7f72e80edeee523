package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
)

// prompt is what must be nowhere but at the provider.
const prompt = "the heron sleeps on the lock gate"

// whoPays is a company that wants a team with every call.
const whoPays = "attribution: {require: [team], on_missing: refuse}\n"

func TestACallWithoutATeamIsUnattributed(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	e := ask(s, chatPath, plainBody)
	e.header.Del(identityName)
	if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
		t.Fatalf("status %d, %v", g.status, g.err)
	}
	b := settled(t, s.Farebox, e.trace)
	reported(t, b, 11, 8)
	if b.Team != "unattributed" {
		t.Errorf("team %q pays", b.Team)
	}
	u, err := s.Farebox.Usage(t.Context(), "team")
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Rows) != 1 || u.Rows[0].Keys["team"] != "unattributed" || u.Rows[0].Calls != 1 || u.Rows[0].Charged.String() != usd(11, 8) {
		t.Errorf("usage by team: %+v", u.Rows)
	}
}

func TestACallWithoutATeamIsRefusedWhereACompanySaysSo(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop + whoPays + "mode: enforce\n"})
	secret := `"messages":[{"role":"user","content":"` + prompt + `"}]`
	for _, body := range []string{`{"model":"replay",` + secret + `}`, `{"model":"replay","stream":true,` + secret + `}`} {
		e := ask(s, chatPath, body)
		e.header.Del(identityName)
		g := e.run(t.Context())
		var said refusal
		if err := json.Unmarshal(g.body, &said); err != nil {
			t.Errorf("the answer is %q: %v", g.body, err)
		}
		if g.status != http.StatusBadRequest || g.header.Get("Content-Type") != jsonContent || g.header.Get("X-Should-Retry") != "false" {
			t.Errorf("status %d, headers %v", g.status, g.header)
		}
		if said.Error.Code != "missing_metadata" || said.Error.Type != "invalid_request_error" || !strings.Contains(said.Error.Message, "team (header x-team)") {
			t.Errorf("it says %s", g.body)
		}
		if bytes.Contains(g.body, []byte(prompt)) {
			t.Errorf("the refusal repeats the prompt: %s", g.body)
		}
		b := settled(t, s.Farebox, e.trace)
		if b.Outcome != "refused" || b.Reason != "missing_metadata" || b.Status != 400 || b.In+b.Out != 0 || b.Cost != "0" || b.Source != "none" {
			t.Errorf("the record says %+v", b)
		}
	}
	if n := len(s.Provider.Calls()); n != 0 {
		t.Errorf("the provider saw %d calls", n)
	}
	if n := metric(t, s, "farebox_refused_total", `code="missing_metadata"`); n != 2 {
		t.Errorf("%v refusals are counted, want 2", n)
	}
	e := ask(s, chatPath, plainBody)
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Errorf("with a team: status %d: %s", g.status, g.body)
	}
	reported(t, settled(t, s.Farebox, e.trace), 11, 8)
}

func TestWhoeverOnlyObservesCountsWhomItWouldRefuse(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop + whoPays})
	e := ask(s, chatPath, plainBody)
	e.header.Del(identityName)
	if g := e.run(t.Context()); g.status != http.StatusOK {
		t.Errorf("status %d: %s", g.status, g.body)
	}
	if b := settled(t, s.Farebox, e.trace); b.Team != "unattributed" || b.Outcome != "served" {
		t.Errorf("the record says %+v", b)
	}
	would, did := metric(t, s, "farebox_would_refuse_total", `code="missing_metadata"`), metric(t, s, "farebox_refused_total")
	if would != 1 || did != 0 {
		t.Errorf("would refuse %v, refused %v, want 1 and 0", would, did)
	}
}

func TestWhoPaysIsNobodysBusinessUpstream(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, harness.StackOptions{Config: shop})
	long := `{"model":"replay","messages":[{"role":"user","content":"` + strings.Repeat("noon ", megabyte/5) + `"}]`
	for name, e := range map[string]errand{
		"short": ask(s, chatPath, plainBody), "stream": ask(s, chatPath, streamBody), "long": ask(s, chatPath, long+"}"),
		"long stream": ask(s, chatPath, long+`,"stream":true}`), "models": ask(s, "/v1/models", ""),
	} {
		e.chunked = name == "long stream"
		if name == "models" {
			e.method = http.MethodGet
		}
		for _, h := range []string{"X-Team", "X-PROJECT", "x-user", "X-Request-Type", "X-User-Tier"} {
			e.header.Set(h, "batch")
		}
		e.header["x-team"] = []string{"in small letters"}
		e.header.Set("X-Case", name)
		e.header.Set("OpenAI-Organization", "org-1")
		e.header.Set("Authorization", "Bearer sk-story")
		if g := e.run(t.Context()); g.status != http.StatusOK || g.err != nil {
			t.Errorf("%s: status %d, %v", name, g.status, g.err)
		}
	}
	calls := s.Provider.Calls()
	if len(calls) != 5 {
		t.Errorf("the provider saw %d calls, want 5", len(calls))
	}
	for _, c := range calls {
		name := c.Header.Get("X-Case")
		for _, h := range []string{"X-Team", "X-Project", "X-User", "X-Request-Type", "X-User-Tier"} {
			if v := c.Header.Values(h); v != nil {
				t.Errorf("%s: the provider saw %s: %q", name, h, v)
			}
		}
		if name == "" || c.Header.Get("OpenAI-Organization") != "org-1" || c.Header.Get("Authorization") != "Bearer sk-story" || c.Header.Get("Traceparent") == "" {
			t.Errorf("%s: the provider saw only %v", name, c.Header)
		}
	}
}

// TestAKeyIsSeenByTheProviderAlone looks for keys, prompts and answers in all
// that the parts write down.
func TestAKeyIsSeenByTheProviderAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := kit.Start(t, harness.StackOptions{Config: shop + fmt.Sprintf("ledger: {store: \"sqlite:%s/books.db\", commit_wait: 10s}\n", dir)})
	secret := `{"model":"replay","stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`
	hashes := map[string]string{}
	for i, c := range []struct{ header, key, body string }{
		{"Authorization", "Bearer sk-first-5Xq", secret},
		{"Authorization", "Bearer sk-first-5Xq", strings.Replace(secret, "true", "false", 1)},
		{"Authorization", "Bearer sk-second-9Zt", secret},
		{"Api-Key", "sk-third-2Wb", secret[:len(secret)-3]}, // malformed
	} {
		e := ask(s, chatPath, c.body)
		e.header.Set(c.header, c.key)
		e.run(t.Context())
		b := settled(t, s.Farebox, e.trace)
		if b.KeyHash == "" || hashes[c.key] != "" && hashes[c.key] != b.KeyHash {
			t.Errorf("call %d: hash %q of a key, before %q", i, b.KeyHash, hashes[c.key])
		}
		hashes[c.key] = b.KeyHash
		if calls := s.Provider.Calls(); calls[len(calls)-1].Header.Get(c.header) != c.key {
			t.Errorf("call %d: the provider saw %v", i, calls[len(calls)-1].Header)
		}
	}
	first, second := hashes["Bearer sk-first-5Xq"], hashes["Bearer sk-second-9Zt"]
	if len(hashes) != 3 || first == second {
		t.Errorf("the hashes of three keys are %v", hashes)
	}
	written := writtenDown(t, s, dir)
	for _, word := range []string{"sk-first-5Xq", "sk-second-9Zt", "sk-third-2Wb", prompt, "heron", "ferry"} {
		for where, text := range written {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s has %q", where, word)
			}
		}
	}
}

// writtenDown is every file, log and page that remains of calls.
func writtenDown(t *testing.T, s *harness.Stack, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"farebox's log": []byte(s.Farebox.Log()), "envoy's log": []byte(s.Envoy.Log())}
	for _, path := range []string{"/metrics", "/api/v1/usage?by=model,provider,operation"} {
		resp, err := http.Get(s.Farebox.AdminURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		all[path], err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(all[path]) == 0 {
			t.Fatalf("%s: %d bytes, %v", path, len(all[path]), err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("the ledger is %v, %v", files, err)
	}
	for _, name := range files {
		if all[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Contains(all[filepath.Join(dir, "books.db-wal")], []byte("replay")) {
		t.Error("the ledger's files do not show the calls at all")
	}
	return all
}
